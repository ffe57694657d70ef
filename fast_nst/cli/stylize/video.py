"""Run a request of videos."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click
from click.exceptions import Exit

from fast_nst.apps.video.formats import DEFAULT_QUALITY
from fast_nst.cli.progress import rate_bar
from fast_nst.cli.stylize.filters import open_animated_filter, open_frame_filter
from fast_nst.cli.stylize.report import INTERRUPTED
from fast_nst.cli.stylize.request import Encoding, Video
from fast_nst.errors import FastNSTError, one_line

if TYPE_CHECKING:
    from fast_nst.apps.video import FrameFilter, VideoProgress, VideoReport
    from fast_nst.batch.plan import Planned, StylizedFile


class VideoFiles(Protocol):
    """The part of a :class:`Video` that says what is written, and how; its attributes."""

    @property
    def files(self) -> tuple[Planned, ...]: ...  # noqa: D102
    @property
    def resume(self) -> bool: ...  # noqa: D102
    @property
    def encoding(self) -> Encoding: ...  # noqa: D102
    @property
    def deinterlace(self) -> str: ...  # noqa: D102
    @property
    def frames(self) -> int | None: ...  # noqa: D102
    @property
    def steady(self) -> float: ...  # noqa: D102


def run_video(request: Video) -> bool:
    """Stylize videos; see :func:`run_videos`."""
    stylizer = (
        open_animated_filter(request.filters, request.controls, request.animate)
        if request.animate
        else open_frame_filter(request.filters, request.controls)
    )
    return run_videos(request, lambda _: stylizer)


def run_videos(request: VideoFiles, filter_for: Callable[[Path], FrameFilter]) -> bool:
    """Write videos one after the other; one that fails is reported, and the others go on.

    Args:
        request: which, and how.
        filter_for: gives the filter for a video, by its file.

    Returns:
        Whether all of them are written, with all of their frames.
    """
    from fast_nst.batch.plan import is_done

    failed = 0
    for planned in request.files:
        video = planned.on_disk()
        if request.resume and is_done(planned):
            click.echo(f"skipped {video.source}, which is done")
            continue
        try:
            report = _stylize(filter_for, video, request)
        except FastNSTError as error:
            failed += 1
            click.echo(f"error: {one_line(error)}", err=True)
            continue
        failed += not _print_report(video.source, report)
    if failed and len(request.files) > 1:
        click.echo(f"{failed} of {len(request.files)} videos failed.", err=True)
    return not failed


def _stylize(
    filter_for: Callable[[Path], FrameFilter], video: StylizedFile, request: VideoFiles
) -> VideoReport:
    """Write one video; after Ctrl-C, say what was written, and exit."""
    from fast_nst.apps.video import VideoInterrupted, stylize_video

    encoding = request.encoding
    try:
        with _VideoBar(video.source.name) as bar:
            return stylize_video(
                filter_for(video.source),
                video.source,
                video.target,
                codec=encoding.codec,
                preset=encoding.preset,
                quality=DEFAULT_QUALITY if encoding.quality is None else encoding.quality,
                depth=encoding.depth,
                hdr=encoding.hdr,
                deinterlace=request.deinterlace,
                frames=request.frames,
                steady=request.steady,
                on_progress=bar,
            )
    except VideoInterrupted as interruption:
        report = interruption.report
        click.echo(
            f"interrupted after {report.frames} frames; wrote {report.target}, which is whole "
            "up to there",
            err=True,
        )
    except KeyboardInterrupt:
        click.echo("interrupted before the first frame; nothing is written", err=True)
    raise Exit(INTERRUPTED)


def _print_report(source: Path, report: VideoReport) -> bool:
    for note in report.notes:
        click.echo(f"note: {source}: {note}", err=True)
    rate = report.frames / max(report.seconds, 1e-9)
    click.echo(f"wrote {report.target}: {report.frames} frames, {rate:.1f} per second")
    if report.lost:
        click.echo(
            f"error: {source} is damaged: {report.lost} frames could not be decoded and are "
            "missing. Download or export it again.",
            err=True,
        )
    return not report.lost


class _VideoBar:
    """A progress bar with frames per second and the time left."""

    def __init__(self, name: str) -> None:
        self._bar = rate_bar(name)
        self._task = self._bar.add_task("", total=None, rate="")
        self._last = 0.0

    def __enter__(self) -> _VideoBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, progress: VideoProgress) -> None:
        now = time.monotonic()
        if now - self._last < 0.1 and progress.done != progress.total:
            return
        self._last = now
        self._bar.update(
            self._task,
            completed=progress.done,
            total=progress.total,
            rate=f"{progress.frames_per_s:.1f} frames/s",
        )
