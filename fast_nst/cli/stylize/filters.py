"""Open the filters of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from fast_nst.cli.stylize.request import Filters
from fast_nst.errors import ConfigError

if TYPE_CHECKING:
    from fast_nst.apps.video import FrameFilter
    from fast_nst.inference import ArrayFilter, Controls
    from fast_nst.optim.pixels import Progress


def open_filters(
    filters: Filters,
    on_polish: Callable[[Progress], None] | None = None,
    *,
    moving: bool = False,
) -> list[ArrayFilter]:
    """Load all of them; with ``mix``, one that blends two.

    Args:
        filters: which.
        on_polish: called after each iteration of polishing an image.
        moving: whether they are for videos or a camera, which are not polished.

    Raises:
        CheckpointError, ConfigError, ExportError: As ``open_filter`` does.
        ConfigError, ImageError: As ``polish`` does.
    """
    from fast_nst.inference import open_filter

    opened = [
        open_filter(
            file, filters.device, filters.engine, filters.value_range, _say_compiling, moving=moving
        )
        for file in filters.files()
    ]
    if filters.polish and not moving:
        return _polish(filters, opened, on_polish)
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


def _polish(
    filters: Filters, opened: list[ArrayFilter], on_polish: Callable[[Progress], None] | None
) -> list[ArrayFilter]:
    """The same with ``polish``; each error says of which file it is."""
    from fast_nst.batch.polish import polish, read_style
    from fast_nst.config import find_style

    styles = []
    for number, (file, each) in enumerate(zip(filters.files(), opened, strict=True)):
        given = find_style(filters.polish_styles[number])[1] if filters.polish_styles else None
        try:
            styles.append(read_style(each, given))
        except ConfigError as error:
            raise ConfigError(f"{file}: {error}") from error
    count, device = filters.polish, filters.device
    if (mix := filters.mix) is not None:
        mixed = _mix(opened, mix)
        return [polish(mixed, count, styles, (1 - mix, mix), device=device, on_progress=on_polish)]
    return [
        polish(each, count, [style], device=device, on_progress=on_polish)
        for each, style in zip(opened, styles, strict=True)
    ]


def _say_compiling(height: int, width: int) -> None:
    click.echo(
        f"compiling for {width}x{height} px: about half a minute, some seconds the next time",
        err=True,
    )
