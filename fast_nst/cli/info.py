"""``fast-nst info``: what a filter file is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("checkpoint", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with everything.")
def info(checkpoint: Path, as_json: bool) -> None:
    """Show what a filter file is: its style, network, losses, and how it was trained."""
    from fast_nst.filters.metadata import read_metadata

    document = asdict(read_metadata(checkpoint))
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    document["styles"] = {
        style.pop("name"): style | {"thumbnail": "yes" if style["thumbnail"] else ""}
        for style in document["styles"]
    }
    for line in _lines(document):
        click.echo(line)


def _lines(document: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Lay out names and values in two columns; mappings are indented, blanks left out."""
    shown = {name: value for name, value in document.items() if value not in ("", {}, [], None)}
    width = max((len(name) for name in shown), default=0)
    for name, value in shown.items():
        label = name.replace("_", " ") if not indent else name
        if isinstance(value, Mapping):
            yield f"{indent}{label}"
            yield from _lines(value, indent + "  ")
        else:
            text = f"{value:.4g}" if isinstance(value, float) else str(value)
            yield f"{indent}{label:<{width}}  {text}"
