"""Progress and results of runs over many images."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.exceptions import Exit

from fast_nst.cli.progress import rate_bar

if TYPE_CHECKING:
    from fast_nst.batch import StylizeProgress, StylizeReport

ReportT = TypeVar("ReportT")
INTERRUPTED = 130  # what shells call a program that Ctrl-C ended


def run_with_bar(
    run: Callable[[Callable[[StylizeProgress[Any]], None]], ReportT],
) -> tuple[ReportT, float]:
    """Run with a progress bar; return the report and the seconds it took."""
    begin = time.monotonic()
    with rate_bar("stylizing") as bar:
        task = bar.add_task("stylizing", total=None, rate="")

        def show(progress: StylizeProgress[Any]) -> None:
            rate = progress.done / (time.monotonic() - begin)
            bar.update(
                task, completed=progress.done, total=progress.total, rate=f"{rate:.1f} per second"
            )

        return run(show), time.monotonic() - begin


def run_resumable(
    run: Callable[[Callable[[StylizeProgress[Any]], None]], ReportT],
) -> tuple[ReportT, float]:
    """:func:`run_with_bar`; after Ctrl-C, say how to go on, and exit."""
    try:
        return run_with_bar(run)
    except KeyboardInterrupt:
        click.echo("interrupted; what is written is whole, and --resume goes on there", err=True)
        raise Exit(INTERRUPTED) from None


def print_report(report: StylizeReport[Any, Any], output: str, seconds: float) -> bool:
    """Say what became of images that went to ``output``; return whether all are there."""
    from fast_nst.batch.places import is_url

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
        click.echo(f"error: {' '.join(failure.message.split())}", err=True)
    if report.failures:
        total = len(report.written) + len(report.skipped) + len(report.failures)
        click.echo(f"{len(report.failures)} of {total} images failed.", err=True)
