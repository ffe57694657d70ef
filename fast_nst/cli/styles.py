"""``fast-nst styles``: the styles that the package carries."""

from __future__ import annotations

import click


@click.command()
def styles() -> None:
    """List the bundled styles.

    Train one of them with `fast-nst train style=NAME`.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from fast_nst.config import list_styles

    table = Table(box=box.SIMPLE_HEAD)
    for column in ("name", "title", "painter", "year", "note"):
        table.add_column(column, no_wrap=column == "name")
    for style in list_styles():
        table.add_row(style.name, style.title, style.painter, str(style.year), style.note)
    # Piped into another program, lines are not wrapped at 80 columns.
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 1000
    console.print(table)
