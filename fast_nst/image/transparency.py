"""Keep the colors that transparency hides from reaching the network; no torch in here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[np.float32]

TRUSTED_OPACITY = 1 / 8


def cover_hidden_colors(rgb: Array, alpha: Array) -> Array:
    """Replace the colors that transparency hides by the visible ones around.

    The network would see them otherwise, and carry them into the visible part through its
    receptive field and its normalization. Below 1/8 opacity a stored color is little more than
    rounding noise, so that it fades into its surroundings.

    Args:
        rgb: (3, H, W) in [0, 1], not premultiplied.
        alpha: (1, H, W) in [0, 1].

    Returns:
        (3, H, W): ``rgb`` where ``alpha`` is at least 1/8, and a smooth continuation of it
        elsewhere; mid-gray if the whole image is transparent.

    References:
        the push-pull interpolation of Gortler et al. 1996, "The Lumigraph", sec. 3.4.
    """
    covered: Array = fill(rgb * alpha, alpha).clip(0, 1)
    return covered


def fill(weighted: Array, weight: Array) -> Array:
    """Average colors by weight, over the smallest neighborhood that has enough weight.

    Args:
        weighted: (3, H, W), colors times ``weight``.
        weight: (1, H, W) in [0, 1].
    """
    color: Array = weighted / weight.clip(1e-12)
    height, width = weight.shape[-2:]
    if height == width == 1:
        single: Array = np.where(weight > 0, color, np.float32(0.5))
        return single
    trust = (weight / np.float32(TRUSTED_OPACITY)).clip(max=1)
    if (trust == 1).all():
        return color
    # Of a cell that crosses the border, Pillow averages the part inside.
    coarser = _each_plane(np.concatenate([weighted, weight]), lambda plane: plane.reduce(2))
    around = _each_plane(
        fill(coarser[:3], coarser[3:]),
        lambda plane: plane.resize((width, height), Image.Resampling.BILINEAR),
    )
    filled: Array = around + trust * (color - around)
    return filled


def _each_plane(planes: Array, change: Callable[[Image.Image], Image.Image]) -> Array:
    """Apply a Pillow operation to each plane of (C, H, W), in floating point."""
    return np.stack([np.asarray(change(Image.fromarray(plane))) for plane in planes])
