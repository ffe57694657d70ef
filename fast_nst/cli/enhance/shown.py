"""Write the sheet and the page of ``fast-nst enhance``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fast_nst.batch.enhance import Enhancer
from fast_nst.batch.shown import enhance_shown, write_page, write_sheet

if TYPE_CHECKING:
    from fast_nst.cli.enhance.request import Request


def show(request: Request) -> None:
    """Write what was asked for, and say so."""
    assert isinstance(request.enhancer, Enhancer)  # a LUT has no reference to show
    shown = enhance_shown(request.enhancer, request.photo)
    if request.sheet:
        write_sheet(shown, request.sheet, request.saving.quality)
        click.echo(f"wrote {request.sheet}")
    if request.compare:
        write_page(shown, request.compare)
        click.echo(f"wrote {request.compare}")
