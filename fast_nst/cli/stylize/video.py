"""The part of ``fast-nst stylize`` that is about videos and cameras."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fast_nst.apps.video.formats import CODECS, DEFAULT_QUALITY, PRESETS, is_picture_codec
from fast_nst.cli.groups import option
from fast_nst.cli.progress import rate_bar
from fast_nst.errors import FastNSTError

if TYPE_CHECKING:
    from fast_nst.apps.camera import CameraProgress
    from fast_nst.apps.video import FrameFilter, VideoProgress, VideoReport
    from fast_nst.apps.video.plan import PlannedVideo

_CODECS = [name for name in CODECS if not is_picture_codec(name)]


def video_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of videos and cameras.

    They are ``codec``, ``preset``, ``frames``, ``steady`` and ``camera_size``.
    """
    for decorate in reversed(
        [
            option(
                "Video",
                "--codec",
                type=click.Choice(_CODECS),
                help="Of videos.  [default: h264; vp9 in .webm, prores in .mov]",
            ),
            option(
                "Video",
                "--preset",
                type=click.Choice(PRESETS),
                help="Of videos in H.264 and HEVC: the faster, the larger the file.  "
                "[default: faster; fast for HEVC]",
            ),
            option(
                "Video",
                "--frames",
                type=click.IntRange(1),
                metavar="N",
                help="Of videos, only the first N frames.",
            ),
            option(
                "Video",
                "--steady",
                type=click.FloatRange(0, 1),
                default=0.0,
                show_default=True,
                metavar="SHARE",
                help="Against flicker, also of cameras: share of the last frames in what stays in "
                "sight, such as 0.9; takes about as much time again.",
            ),
            option(
                "Video",
                "--camera-size",
                type=click.IntRange(1),
                metavar="PX",
                help="Short side of the camera's frames.  [default: the camera's own]",
            ),
        ]
    ):
        command = decorate(command)
    return command


def check_video_usage(
    ctx: click.Context, *, videos: bool, from_camera: bool, output: str | None
) -> None:
    """Refuse options of :func:`video_options` that would do nothing.

    Args:
        ctx: of the command.
        videos: whether there are any among the inputs.
        from_camera: whether the input is a camera.
        output: as the user wrote it.

    Raises:
        click.UsageError: If one was given.
    """
    recorded = from_camera and output is not None and not output.startswith("virtual:")
    for names, used, whose in (
        (("codec", "preset"), videos or recorded, "video files"),
        (("frames",), videos, "videos"),
        (("camera_size",), from_camera, "cameras"),
        (("steady",), videos or from_camera, "videos and cameras"),
    ):
        for name in names:
            if not used and ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
                option_name = f"--{name.replace('_', '-')}"
                raise click.UsageError(
                    f"{option_name} is for {whose}, and there is none here. Leave it out."
                )


def is_camera_run(inputs: Sequence[str]) -> bool:
    """Whether the input is a camera.

    Raises:
        click.UsageError: If there is another input beside it.
    """
    cameras = [each for each in inputs if each.startswith("camera:")]
    if cameras and len(inputs) > 1:
        raise click.UsageError(f"{cameras[0]} is one camera; give it alone.")
    return bool(cameras)


def run_videos(
    ctx: click.Context,
    stylizer: FrameFilter,
    videos: Sequence[PlannedVideo],
    *,
    codec: str | None,
    preset: str | None,
    quality: int | None,
    frames: int | None,
    steady: float,
    resume: bool = False,
) -> bool:
    """Stylize videos one after the other; one that fails is reported, and the others go on.

    Returns:
        Whether all of them are written, with all of their frames.
    """
    from fast_nst.apps.video import VideoInterrupted, stylize_video

    failed = 0
    for video in videos:
        if resume and video.done:
            click.echo(f"passed over {video.source}, which is done")
            continue
        try:
            with _VideoBar(video.source.name) as bar:
                report = stylize_video(
                    stylizer,
                    video.source,
                    video.target,
                    codec=codec,
                    preset=preset,
                    quality=DEFAULT_QUALITY if quality is None else quality,
                    frames=frames,
                    steady=steady,
                    on_progress=bar,
                )
        except VideoInterrupted as interruption:
            report = interruption.report
            click.echo(
                f"interrupted after {report.frames} frames; wrote {report.target}, which is whole "
                "up to there",
                err=True,
            )
            ctx.exit(130)
        except KeyboardInterrupt:
            click.echo("interrupted before the first frame; nothing is written", err=True)
            ctx.exit(130)
        except FastNSTError as error:
            failed += 1
            click.echo(f"error: {' '.join(str(error).split())}", err=True)
            continue
        failed += not _print_report(video, report)
    if failed and len(videos) > 1:
        click.echo(f"{failed} of {len(videos)} videos failed.", err=True)
    return not failed


def _print_report(video: PlannedVideo, report: VideoReport) -> bool:
    for note in report.notes:
        click.echo(f"note: {video.source}: {note}", err=True)
    rate = report.frames / max(report.seconds, 1e-9)
    click.echo(f"wrote {report.target}: {report.frames} frames, {rate:.1f} per second")
    if report.lost:
        click.echo(
            f"error: {video.source} is damaged: {report.lost} frames could not be decoded and are "
            "missing. Download or export it again.",
            err=True,
        )
    return not report.lost


def run_camera(
    stylizer: FrameFilter,
    source: str,
    output: str | None,
    *,
    codec: str | None,
    preset: str | None,
    quality: int | None,
    camera_size: int | None,
    steady: float,
) -> None:
    """Stylize a camera until the user ends it."""
    from rich.console import Console

    from fast_nst.apps.camera import stylize_camera

    console = Console(stderr=True)
    with console.status("starting; end with q, Esc or Ctrl-C") as status:

        def show(progress: CameraProgress) -> None:
            status.update(
                f"{progress.frames_per_s:.1f} frames/s, {progress.latency_s:.2f} s behind, "
                f"{progress.dropped} dropped; end with q, Esc or Ctrl-C"
            )

        report = stylize_camera(
            stylizer,
            source,
            output,
            short_side=camera_size,
            codec=codec,
            preset=preset,
            quality=DEFAULT_QUALITY if quality is None else quality,
            steady=steady,
            on_progress=show,
        )
    for note in report.notes:
        click.echo(f"note: {note}", err=True)
    rate = report.shown / max(report.seconds, 1e-9)
    click.echo(
        f"{report.shown} frames, {rate:.1f} per second, {report.dropped} dropped, "
        f"at most {report.latency_s:.2f} s behind"
    )
    if output is not None and not output.startswith("virtual:"):
        click.echo(f"wrote {output}")


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
