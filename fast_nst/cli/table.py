"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fast_nst.onnx.parity import Difference


def print_table(heading: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a column of names under ``heading``, and ``columns`` of figures to the right of it."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(heading, overflow="fold")
    rows = list(rows)
    for number, column in enumerate(columns, start=1):
        widest = max((len(row[number]) for row in rows), default=0)
        table.add_column(column, justify="right", min_width=widest)  # no figure is cut off
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 1000  # piped into another program, lines are not wrapped at 80 columns
    console.print(table)


def print_differences(differences: Iterable[Difference]) -> None:
    """Print a line for each size at which a converted network was compared."""
    for each in differences:
        batch, height, width = each.shape
        shape = f"{batch}x3x{height}x{width}"
        click.echo(f"{shape:<14} largest difference {each.largest:.1e}, PSNR {each.psnr_db:.0f} dB")
