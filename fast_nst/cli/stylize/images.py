"""Run requests of images: in files, through a pipe, and on a contact sheet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fast_nst.cli.stylize.filters import open_filters
from fast_nst.cli.stylize.report import ImageBar, print_failures, run_files, run_with_bar
from fast_nst.cli.stylize.request import Images, Pipe, Sheet
from fast_nst.cli.stylize.usage import PIPE

if TYPE_CHECKING:
    from fast_nst.inference import ArrayFilter


def run_images(request: Images) -> bool:
    """Write a file for each image; return whether all are there."""
    from fast_nst.batch import stylize_planned

    bar = ImageBar(len(request.files))
    stylizer = open_filters(request.filters, bar.show_polish)[0]
    return run_files(
        lambda show: stylize_planned(
            stylizer,
            request.files,
            controls=request.controls,
            saving=request.saving,
            resume=request.resume,
            memory=request.memory,
            on_progress=show,
        ),
        request.output,
        bar,
    )


def run_pipe(request: Pipe) -> bool:
    """Read from standard input, write to standard output, or both; nothing else is printed."""
    from fast_nst.batch import stylize_bytes
    from fast_nst.image.io import image_format, write_bytes

    bar = ImageBar()
    stylizer = open_filters(request.filters, bar.show_polish)[0]
    to_pipe = request.output == PIPE
    kind = image_format(f"pipe{request.suffix or '.png'}" if to_pipe else request.output)
    content = sys.stdin.buffer.read() if request.source == PIPE else Path(request.source)
    with bar:
        stylized, note = stylize_bytes(
            stylizer, content, kind, controls=request.controls, saving=request.saving
        )
    if note:
        click.echo(f"note: {note}", err=True)
    if to_pipe:
        sys.stdout.buffer.write(stylized)
        sys.stdout.buffer.flush()
    else:
        write_bytes(request.output, stylized)
    return True


def run_sheet(request: Sheet) -> bool:
    """Write one image of all; return whether every input is on it."""
    from fast_nst.batch.contact_sheet import make_contact_sheet, name_filters

    openings = request.filters.openings()
    files = name_filters([file for file, _ in openings])
    names = [binding.style or name for name, (_, binding) in zip(files, openings, strict=True)]
    columns, rows = names, [""]
    if request.grid:
        columns, *others = [_name_values(*axis) for axis in request.grid]
        rows = others[0] if others else [""]
    bar = ImageBar()
    stylizers = open_filters(request.filters, bar.show_polish)
    if len(stylizers) < len(names):
        columns = [" + ".join(names)]
    bands: list[tuple[str, dict[str, ArrayFilter]]] = [
        (row, dict(zip(columns, stylizers[first : first + len(columns)], strict=True)))
        for row, first in zip(rows, range(0, len(stylizers), len(columns)), strict=True)
    ]
    report, _ = run_with_bar(
        lambda show: make_contact_sheet(
            bands,
            request.inputs,
            request.target,
            controls=request.controls,
            saving=request.saving,
            on_progress=show,
        ),
        bar,
    )
    print_failures(report)
    if report.written:
        click.echo(f"wrote {request.target}")
    return not report.failures


def _name_values(knob: str, values: list[Any]) -> list[str]:
    if knob == "style":
        return list(values)
    return [f"{knob.replace('_', ' ')} {value:g}" for value in values]
