"""Progress and results of runs over many images."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.exceptions import Exit

from fast_nst.cli.progress import rate_bar
from fast_nst.errors import one_line

if TYPE_CHECKING:
    from rich.progress import Progress

    from fast_nst.batch import StylizeProgress, StylizeReport

ReportT = TypeVar("ReportT")
INTERRUPTED = 130  # what shells call a program that Ctrl-C ended


def run_with_bar(
    run: Callable[[Callable[[StylizeProgress[Any]], None]], ReportT],
) -> tuple[ReportT, float]:
    """Run with a progress bar once the first of several is done; return the report and seconds.

    One image has no bar: its progress is told when it is finished, and loading the bar's package
    would take a tenth of the command's time.
    """
    begin = time.monotonic()
    with ExitStack() as stack:
        bar: Progress | None = None

        def show(progress: StylizeProgress[Any]) -> None:
            nonlocal bar
            if progress.total == 1:
                return
            if bar is None:
                bar = stack.enter_context(rate_bar("stylizing"))
                bar.add_task("stylizing", total=progress.total, rate="")
            rate = progress.done / (time.monotonic() - begin)
            bar.update(bar.task_ids[0], completed=progress.done, rate=f"{rate:.1f} per second")

        return run(show), time.monotonic() - begin


def run_files(
    run: Callable[[Callable[[StylizeProgress[Any]], None]], StylizeReport[Any, Any]], output: str
) -> bool:
    """Write a file for each image, say what became of them, and return whether all are there.

    Args:
        run: writes them; it gets a function to call after each.
        output: the place that the user named.

    After Ctrl-C it says how to go on, and exits.
    """
    from fast_nst.batch.places import is_url

    try:
        report, seconds = run_with_bar(run)
    except KeyboardInterrupt:
        click.echo("interrupted; what is written is whole, and --resume goes on there", err=True)
        raise Exit(INTERRUPTED) from None
    print_failures(report)
    written = len(report.written)
    if report.skipped:
        click.echo(f"skipped {len(report.skipped)} that were done")
    if written == 1:
        click.echo(f"wrote {report.written[0].target}")
    elif written:
        rate = f"in {seconds:.1f} s, {written / seconds:.1f} per second"
        place = output if is_url(output) else Path(output)
        click.echo(f"wrote {written} images to {place} {rate}")
    return not report.failures


def print_failures(report: StylizeReport[Any, Any]) -> None:
    """Say what is to be noted, and which images failed."""
    for note in report.notes:
        click.echo(f"note: {note}", err=True)
    for failure in report.failures:
        click.echo(f"error: {one_line(failure.message)}", err=True)
    if report.failures:
        total = len(report.written) + len(report.skipped) + len(report.failures)
        click.echo(f"{len(report.failures)} of {total} images failed.", err=True)
