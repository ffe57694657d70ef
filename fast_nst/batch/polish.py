"""Filters whose results are optimized: what the engines for both do, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fast_nst.batch.places import PathLike
from fast_nst.errors import ConfigError
from fast_nst.filters.style_image import find_style_image
from fast_nst.inference.image_filter import ArrayFilter

if TYPE_CHECKING:
    from fast_nst.inference.stylizer import Stylizer
    from fast_nst.optim.pixels import Progress
    from fast_nst.optimize.polish import PolishStyle


def polish(
    stylizer: ArrayFilter,
    iterations: int,
    styles: Sequence[PolishStyle] = (),
    shares: Sequence[float] = (),
    *,
    device: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Stylizer:
    """A filter that optimizes what another one paints, by ``iterations`` steps of L-BFGS an image.

    The loss is that of ``fast-nst optimize``, with the bundled encoder ``vgg_lite``, the content
    as the filter sees it, and the filter's own style, at the size and with the weights that it was
    trained with. Controls such as ``strength`` come after.

    Args:
        stylizer: the filter.
        iterations: 0 or more; with 0 the result is the filter's.
        styles: of :func:`read_style`; empty for the style image that the filter was trained with.
        shares: of the styles, for a blend of several filters; empty for equal shares.
        device: where to compute; None for the filter's own device.
        on_progress: called after each iteration.

    Returns:
        A new filter, to be used like the other, but for a limit of memory: images go through it
        as a whole, not in strips.

    Raises:
        ConfigError: As :func:`read_style` does, or if ``iterations`` is negative.
        ImageError: If the style image cannot be read.
    """
    if iterations < 0:
        raise ConfigError(f"polish is {iterations} iterations; expected 0 or more.")
    if not iterations:
        return stylizer.to_torch()
    from fast_nst.encoders import create_encoder
    from fast_nst.inference.stylizer import Stylizer
    from fast_nst.optimize.polish import PolishedNetwork

    given = stylizer.to_torch()
    network = PolishedNetwork(
        given.network,
        create_encoder("vgg_lite"),
        styles or [read_style(given)],
        iterations,
        shares=shares,
        on_progress=on_progress,
    )
    return Stylizer(network, given.metadata, device or given.device)


def read_style(stylizer: ArrayFilter, file: PathLike | None = None) -> PolishStyle:
    """Read the style that a filter's results are polished with.

    Args:
        stylizer: the filter, whose file says how it was trained.
        file: the style image; None for the one that it was trained with.

    Raises:
        ConfigError: If the image is not at hand, is one flat color, or a narrow strip.
        ImageError: If it cannot be read.
    """
    from fast_nst.optimize.polish import read_polish_style

    metadata = stylizer.to_torch().metadata
    if file is not None:
        return read_polish_style(Path(file), metadata)
    try:
        if metadata is None:
            raise ConfigError("the file says nothing of its style")
        found = find_style_image(metadata)
    except ConfigError as error:
        raise ConfigError(
            f"there is no style image to polish with: {error}. Give it: --polish-style IMAGE."
        ) from error
    return read_polish_style(found, metadata)
