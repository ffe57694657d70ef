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
    from fast_nst.optim.pixels import Progress as PolishProgress

ReportT = TypeVar("ReportT")
INTERRUPTED = 130  # what shells call a program that Ctrl-C ended


class ImageBar:
    """A progress bar that counts images, once the first of several is done.

    One image has no bar: its progress is told when it is finished, and loading the bar's package
    would take a tenth of the command's time. Polishing takes so long that the bar is there from
    the first iteration on.

    Args:
        total: how many images there are, if that is known before the first is done.
    """

    def __init__(self, total: int = 1) -> None:
        self._stack = ExitStack()
        self._bar: Progress | None = None
        self._begin = time.monotonic()
        self._done, self._total = 0, total

    def __enter__(self) -> ImageBar:
        self._begin = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def show(self, progress: StylizeProgress[Any]) -> None:
        """Take note of an image that is done."""
        self._done, self._total = progress.done, progress.total
        if progress.total > 1:
            rate = progress.done / (time.monotonic() - self._begin)
            self._update(progress.done, f"{rate:.1f} per second")

    def show_polish(self, progress: PolishProgress) -> None:
        """Take note of an iteration at one image."""
        share = progress.iteration / progress.iterations
        self._update(
            min(self._done + share, self._total),
            f"iteration {progress.iteration} of {progress.iterations}",
        )

    def _update(self, done: float, rate: str) -> None:
        if self._bar is None:
            self._bar = self._stack.enter_context(rate_bar("stylizing"))
            self._bar.add_task("stylizing", rate="")
        self._bar.update(self._bar.task_ids[0], completed=done, total=self._total, rate=rate)


def run_with_bar(
    run: Callable[[Callable[[StylizeProgress[Any]], None]], ReportT], bar: ImageBar | None = None
) -> tuple[ReportT, float]:
    """Run with a progress bar, a new one by default; return the report and seconds."""
    begin = time.monotonic()
    with bar or ImageBar() as shown:
        return run(shown.show), time.monotonic() - begin


def run_files(
    run: Callable[[Callable[[StylizeProgress[Any]], None]], StylizeReport[Any, Any]],
    output: str,
    bar: ImageBar | None = None,
) -> bool:
    """Write a file for each image, say what became of them, and return whether all are there.

    Args:
        run: writes them; it gets a function to call after each.
        output: the place that the user named.
        bar: shows the progress; a new one by default.

    After Ctrl-C it says how to go on, and exits.
    """
    from fast_nst.batch.places import is_url

    try:
        report, seconds = run_with_bar(run, bar)
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
