"""A look that was fitted: what it makes of colors, rows, images, and as a LUT."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fast_nst.photo.grid import RowReader, read_plain
from fast_nst.photo.oklab import LUMINANCE, into_gamut, outside_of_knee, to_linear

Array = npt.NDArray[np.float32]

SIZE = 33  # nodes of a table, a side
_STRIP = 1 << 17  # pixels that are computed at once: what they need stays in a core's cache
_TOP = 65535
_LINEAR = to_linear(np.arange(_TOP + 1) / _TOP).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Part:
    """The look of an image, or of one of its regions.

    Attributes:
        hues: (2, SIZE, SIZE, SIZE): red and blue of the linear light, at luminance 1, that a color
            gets; by its sRGB red, green and blue.
        curve: (1, 1, L): the lightness that a lightness becomes, the same everywhere.
        grid: (rows, columns, L): the same place by place.
    """

    hues: Array
    curve: Array
    grid: Array


@dataclass(frozen=True, eq=False)
class Look:
    """What :func:`fast_nst.photo.fit` found, ready to be applied.

    Attributes:
        parts: one, or one for each region and one for the rest.
        weights: (R, H, W), the share of each part, of any size; None for a single part.
        strength: share of the look, 0 to 1.
    """

    parts: Sequence[Part]
    weights: Array | None = field(default=None, repr=False)
    strength: float = 1.0

    def apply(self, rgb: Array, threads: int | None = None) -> Array:
        """Give an image the look.

        Args:
            rgb: (3, H, W) in [0, 1], sRGB; it is not changed.
            threads: that compute; None for as many as there are cores.

        Returns:
            The same shape and range; ``rgb`` itself for strength 0.
        """
        if self.strength == 0:
            return rgb
        _, height, width = rgb.shape
        rows = self.rows((height, width))
        step = max(1, _STRIP // width)
        result = np.empty_like(rgb)

        def compute(top: int) -> None:
            result[:, top : top + step] = rows.apply(rgb[:, top : top + step], top)

        with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
            list(pool.map(compute, range(0, height, step)))
        return result

    def rows(self, size: tuple[int, int]) -> Rows:
        """The look for rows of an image of this height and width, px."""
        return Rows(self, size)

    def lut(self, size: int = SIZE) -> Array:
        """The global part as a table: (size, size, size, 3), sRGB in [0, 1] by R, G and B.

        What it leaves out is what depends on the place: the grid that keeps details in front of
        the curve, and regions, of which it has the part for the rest of the image.
        """
        levels = np.linspace(0, 1, size)
        colors = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), 0).astype(np.float32)
        part = self.parts[-1]
        alone = Look((Part(part.hues, part.curve, part.curve),), None, self.strength)
        table = alone.apply(colors.reshape(3, size * size, size), threads=1)
        return np.ascontiguousarray(table.reshape(3, size, size, size).transpose(1, 2, 3, 0))


class Rows:
    """Applies a look to rows of an image, in any order and from any thread.

    Args:
        look: the look.
        size: height and width of the image, px.
    """

    def __init__(self, look: Look, size: tuple[int, int]) -> None:
        self._look = look
        self._readers = [RowReader(part.grid, size) for part in look.parts]
        self._size = size

    def apply(self, rgb: Array, top: int) -> Array:
        """Give (3, h, W) in [0, 1], rows from ``top`` on, the look; a new array."""
        look = self._look
        if look.strength == 0:
            return rgb
        light = _LINEAR.take((rgb * np.float32(_TOP) + np.float32(0.5)).astype(np.uint16))
        lightness = np.cbrt(_dot(light))
        mixed: Array | None = None
        for number, (part, reader) in enumerate(zip(look.parts, self._readers, strict=True)):
            found = _encode(_lit(part.hues, rgb, reader.read(lightness, top)))
            if look.weights is not None:
                found *= read_plain(look.weights[number], self._size, top, len(lightness))
            mixed = found if mixed is None else mixed + found
        assert mixed is not None
        if look.strength < 1:
            mixed -= rgb
            mixed *= np.float32(look.strength)
            mixed += rgb
        return mixed


def _dot(light: Array) -> Array:
    red, green, blue = (np.float32(each) for each in LUMINANCE)
    luminance: Array = light[0] * red
    luminance += light[1] * green
    luminance += light[2] * blue
    return luminance


def _lit(hues: Array, rgb: Array, lightness: Array) -> Array:
    """Linear light, (3, h, W), of this lightness and the hues of colors."""
    red, blue = _look_up(hues, rgb)
    green = np.float32(1) - red * np.float32(LUMINANCE[0])
    green -= blue * np.float32(LUMINANCE[2])
    green *= np.float32(1 / LUMINANCE[1])
    luminance = lightness * lightness
    luminance *= lightness
    light = np.stack([red, green, blue])
    light *= luminance
    beyond = outside_of_knee(light.max(0), luminance)
    if beyond.any():
        light[:, beyond] = into_gamut(light[:, beyond].T, luminance[beyond]).T
    return light


def _look_up(table: Array, rgb: Array) -> tuple[Array, Array]:
    """Interpolate both channels of a table, (2, N, N, N), between the eight nodes around colors."""
    size = table.shape[-1]
    at = rgb * np.float32(size - 1)
    node = np.minimum(at.astype(np.int32), size - 2)
    at -= node
    index = (node[0] * size + node[1]) * size + node[2]
    planes, found = table.reshape(2, -1), []
    for plane in planes:
        lines = []
        for red in (0, size * size):
            sides = []
            for green in (0, size):
                first = plane[red + green :].take(index)
                second = plane[red + green + 1 :].take(index)
                second -= first
                second *= at[2]
                second += first
                sides.append(second)
            sides[1] -= sides[0]
            sides[1] *= at[1]
            sides[1] += sides[0]
            lines.append(sides[1])
        lines[1] -= lines[0]
        lines[1] *= at[0]
        lines[1] += lines[0]
        found.append(lines[1])
    return found[0], found[1]


def _encode(light: Array) -> Array:
    """Linear light to sRGB."""
    bent = np.maximum(light, 0) ** np.float32(1 / 2.4)
    bent *= np.float32(1.055)
    bent -= np.float32(0.055)
    dark = light < np.float32(0.0031308)
    np.multiply(light, np.float32(12.92), out=bent, where=dark)
    return bent.clip(0, 1, out=bent)
