"""Run a request of a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fast_nst.apps.video.formats import DEFAULT_QUALITY
from fast_nst.cli.stylize.filters import open_frame_filter
from fast_nst.cli.stylize.request import Camera

if TYPE_CHECKING:
    from fast_nst.apps.camera import CameraProgress


def run_camera(request: Camera) -> bool:
    """Stylize a camera until the user stops it; return True."""
    from rich.console import Console

    from fast_nst.apps.camera import stylize_camera

    stylizer, output = open_frame_filter(request.filters, request.controls), request.output
    console = Console(stderr=True)
    with console.status("starting; end with q, Esc or Ctrl-C") as status:

        def show(progress: CameraProgress) -> None:
            status.update(
                f"{progress.frames_per_s:.1f} frames/s, {progress.latency_s:.2f} s behind, "
                f"{progress.dropped} dropped; end with q, Esc or Ctrl-C"
            )

        encoding = request.encoding
        report = stylize_camera(
            stylizer,
            request.source,
            output,
            short_side=request.camera_size,
            codec=encoding.codec,
            preset=encoding.preset,
            quality=DEFAULT_QUALITY if encoding.quality is None else encoding.quality,
            steady=request.steady,
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
    return True
