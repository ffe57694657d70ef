"""Hald CLUTs: pictures of all colors, which an editor changed as it would change any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fast_nst.errors import LutError
from fast_nst.image.opening import open_image
from fast_nst.image.pixels import read_pixels
from fast_nst.lut.table import MAX_POINTS, Array, Lut

_LEVELS = {level**3: level for level in range(2, 17)}  # by the side of the picture, px
# Of the variance along rows of red: LUTs owe more than 0.8 of it to red, photographs up to 0.1.
_LEAST_SHARE = 0.12
_FLAT = (2 / 255) ** 2  # less is rounding, in a look that leaves red out


def read_hald(path: Path) -> Lut:
    """Read a Hald CLUT of level 2 to 16: a square of level^3 px to a side, 8 or 16 bits.

    More than 129 points to a side (level 12 has 144) are interpolated to 129.

    Raises:
        LutError: If the picture has other sides, or is a photograph.
        ImageError: If it cannot be read.

    References:
        Eskil Steenberg, "Hald CLUT", as G'MIC, RawTherapee and ImageMagick read it: red changes
        fastest, then green, then blue.
    """
    with open_image(path) as image:
        width, height = image.size
        fits = width == height and width in _LEVELS
        rgb = read_pixels(image).rgb() if fits else None
    if rgb is None:  # not raised above, where it would be taken for damage of the file
        raise LutError(
            f"it is a picture of {width}x{height} px; a Hald CLUT is a square of 8, 27, 64, 125, "
            "216, 343, 512 ... 4096 px."
        )
    points = _LEVELS[width] ** 2
    table = rgb.reshape(3, points, points, points).transpose(3, 2, 1, 0)
    if _is_photo(table):
        raise LutError("it is a picture as large as a Hald CLUT, but not one.")
    return Lut(_shrunk(table))


def _is_photo(table: Array) -> bool:
    """Whether what the table gives has nothing to do with how much red goes in.

    Along the other axes, photographs vary as LUTs do: green and blue are where a pixel is.
    """
    luma = table @ np.array((0.299, 0.587, 0.114), np.float32)
    varies = float((luma - luma.mean(axis=0)).var())
    owed_to_red = float(luma.mean(axis=(1, 2)).var())
    return varies > _FLAT and owed_to_red < _LEAST_SHARE * varies


def _shrunk(table: Array) -> Array:
    """At most 129 points to a side, interpolated linearly along each axis."""
    points = len(table)
    if points <= MAX_POINTS:
        return table
    at = np.linspace(0, points - 1, MAX_POINTS)
    below = np.minimum(at.astype(np.intp), points - 2)
    share = (at - below).astype(np.float32)
    smaller: Any = table
    for axis in range(3):
        part = share.reshape([-1 if axis == each else 1 for each in range(4)])
        first, second = (np.take(smaller, below + step, axis=axis) for step in (0, 1))
        smaller = first + part * (second - first)
    result: Array = smaller
    return result
