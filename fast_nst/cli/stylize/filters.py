"""Open the filters of a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

    openings = filters.openings()
    opened = [
        open_filter(
            file,
            filters.device,
            filters.engine,
            filters.value_range,
            _say_compiling,
            moving=moving,
            style=binding.style,
            knobs=binding.knobs,
            mix=binding.style_map or binding.shares,
        )
        for file, binding in openings
    ]
    if filters.polish and not moving:
        return _polish(filters, [file for file, _ in openings], opened, on_polish)
    return opened if filters.mix is None else [_mix(opened, filters.mix)]


def open_frame_filter(filters: Filters, controls: Controls) -> FrameFilter:
    """Load one for frames of videos or a camera.

    Raises:
        CheckpointError, ConfigError, ExportError: As ``open_filter`` does.
    """
    from fast_nst.apps.video.filtering import Controlled

    opened = open_filters(filters, moving=True)
    return Controlled(opened[0].to_torch(), vars(controls))


def open_animated_filter(
    filters: Filters, controls: Controls, axes: Sequence[tuple[str, list[Any]]]
) -> FrameFilter:
    """Load one whose knobs and styles change over a video.

    Args:
        filters: which: one.
        controls: how it is applied.
        axes: knobs, or ``style``, and the values that they go through.

    Raises:
        CheckpointError, ConfigError: As ``load_unbound`` and ``Animated`` do.
    """
    from fast_nst.apps.video.animate import Animated, Animation
    from fast_nst.filters.checkpoint import load_unbound

    (file, binding), *others = filters.openings()
    if others or filters.mix is not None:
        raise ConfigError("--animate is of one filter. Give one --ckpt, or one --style.")
    if filters.engine not in ("auto", "torch"):
        raise ConfigError(
            f"--animate changes weights from frame to frame, which --engine {filters.engine} "
            "cannot. Leave --engine out."
        )
    walks = dict(axes)
    styles = walks.pop("style", ())
    try:
        return Animated(
            load_unbound(file), Animation(walks, styles), binding, vars(controls), filters.device
        )
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error


def _mix(opened: list[ArrayFilter], share: float) -> ArrayFilter:
    from fast_nst.inference import Stylizer

    return Stylizer.blend(opened[0].to_torch(), opened[1].to_torch(), share)


def _polish(
    filters: Filters,
    files: list[Path],
    opened: list[ArrayFilter],
    on_polish: Callable[[Progress], None] | None,
) -> list[ArrayFilter]:
    """The same with ``polish``; each error says of which file it is."""
    from fast_nst.batch.polish import polish, read_style
    from fast_nst.config import find_style

    styles = []
    for number, (file, each) in enumerate(zip(files, opened, strict=True)):
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
