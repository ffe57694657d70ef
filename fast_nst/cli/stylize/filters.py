"""Open the filters of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fast_nst.cli.stylize.request import Filters

if TYPE_CHECKING:
    from fast_nst.apps.video import FrameFilter
    from fast_nst.inference import ArrayFilter, Controls


def open_filters(filters: Filters, *, moving: bool = False) -> list[ArrayFilter]:
    """Load all of them; with ``mix``, one that blends two.

    Args:
        filters: which.
        moving: whether they are for videos or a camera.

    Raises:
        CheckpointError, ConfigError, ExportError: As ``open_filter`` does.
    """
    from fast_nst.inference import open_filter

    opened = [
        open_filter(
            file, filters.device, filters.engine, filters.value_range, _say_compiling, moving=moving
        )
        for file in filters.files()
    ]
    return opened if filters.mix is None else [_mix(opened, filters.mix)]


def open_frame_filter(filters: Filters, controls: Controls) -> FrameFilter:
    """Load one for frames of videos or a camera.

    Raises:
        CheckpointError, ConfigError, ExportError: As ``open_filter`` does.
    """
    from fast_nst.apps.video.filtering import Controlled

    opened = open_filters(filters, moving=True)
    return Controlled(opened[0].to_torch(), vars(controls))


def _mix(opened: list[ArrayFilter], share: float) -> ArrayFilter:
    from fast_nst.inference import Stylizer

    return Stylizer.blend(opened[0].to_torch(), opened[1].to_torch(), share)


def _say_compiling(height: int, width: int) -> None:
    click.echo(
        f"compiling for {width}x{height} px: about half a minute, some seconds the next time",
        err=True,
    )
