"""A bilateral grid of lightness: the same curve everywhere, and details kept in front of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fast_nst.photo.oklab import Floats, gray_of, lightness_of
from fast_nst.photo.tone import compress_ends

CELLS = 32  # along the shorter side
MOST_CELLS = 128  # along the longer side
LEVELS = 25  # nodes of lightness
BLUR = (1.0, 0.375)  # of the base: cells, and lightness
SLOPES = (0.25, 4.0)  # of the grid's curves: below 0, gradients would turn around
_FAR = 1e-6  # weight of a lightness's own gray where the image has nothing like it

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Base:
    """An image without its details, for every place and lightness that it might have there.

    Attributes:
        nodes: (rows, columns, LEVELS) grays; rising along lightness.
        spread: standard deviation of the image's own details, grays.
        smooth: the image's grays without details, (H, W).
    """

    nodes: Floats
    spread: float
    smooth: Floats


def measure_base(lightness: Floats) -> Base:
    """Average an image's grays over each place and similar lightness.

    The average rises with the lightness that it is asked for, as its derivative by that is the
    variance of what is averaged. A bilateral filter reverses no gradient but for what is between
    nodes.

    Args:
        lightness: (H, W) in [0, 1].

    References:
        Chen, Paris and Durand 2007, "Real-time edge-aware image processing with the bilateral
        grid"; Bae, Paris and Durand 2006, "Two-scale tone management for photographic look".
    """
    shape = (*_cells(*lightness.shape), LEVELS)
    gray, count = gray_of(lightness).ravel(), math.prod(shape)
    weight: Floats = np.zeros(count)
    total: Floats = np.zeros(count)
    for index, share in _corners(lightness, shape):
        weight += np.bincount(index, share, count)
        total += np.bincount(index, share * gray, count)
    weight, total = _blurred(weight.reshape(shape)), _blurred(total.reshape(shape))
    own = gray_of(np.linspace(0, 1, LEVELS))
    far = _FAR * weight.max()
    nodes = (total + far * own) / (weight + far)
    smooth = np.zeros(lightness.size)
    for index, share in _corners(lightness, shape):
        smooth += share * nodes.ravel()[index]
    return Base(nodes, float((gray - smooth).std()), smooth.reshape(lightness.shape))


def make_grid(base: Base, curve: Callable[[Floats], Floats], gain: float) -> Array:
    """The lightness that each place and lightness becomes: the curve of the base, and details.

    Args:
        base: of the photo.
        curve: of grays.
        gain: of details.

    Returns:
        (rows, columns, LEVELS), rising along lightness, in [0, 1].
    """
    own = gray_of(np.linspace(0, 1, LEVELS))
    wanted = curve(base.nodes) + gain * (own - base.nodes)
    steps = np.diff(own)
    rising = np.clip(np.diff(wanted, axis=-1), SLOPES[0] * steps, SLOPES[1] * steps)
    kept = np.concatenate([np.zeros_like(wanted[..., :1]), np.cumsum(rising, -1)], -1)
    kept += (wanted - kept).mean(-1, keepdims=True)
    return lightness_of(compress_ends(kept)).astype(np.float32)


def make_flat(curve: Callable[[Floats], Floats]) -> Array:
    """The grid of a curve alone, (1, 1, LEVELS)."""
    own = gray_of(np.linspace(0, 1, LEVELS))
    return lightness_of(compress_ends(curve(own))).astype(np.float32)[None, None]


class RowReader:
    """Values of a grid for rows of an image of one size.

    Args:
        grid: (rows, columns, LEVELS).
        size: height and width of the image, px.
    """

    def __init__(self, grid: Array, size: tuple[int, int]) -> None:
        self._grid, self._size = grid, size
        self._left, self._right = _nodes_of(np.arange(size[1]), size[1], grid.shape[1])

    def read(self, lightness: Array, top: int) -> Array:
        """Interpolate between the eight nodes around each pixel.

        Args:
            lightness: (h, W) in [0, 1], rows from ``top`` on.
            top: number of the first one.
        """
        rows, columns, levels = self._grid.shape
        at = lightness * np.float32(levels - 1)
        below = np.minimum(at.astype(np.int32), levels - 2)
        at -= below
        if rows == columns == 1:
            flat = self._grid.ravel()
            return _between(flat.take(below), flat.take(below + 1), at)
        height = len(lightness)
        above, down = _nodes_of(np.arange(top, top + height), self._size[0], rows)
        next_row = np.minimum(above + 1, rows - 1)
        lines = _between(self._grid[above], self._grid[next_row], down[:, None, None])
        flat = lines.ravel()
        index = below
        index += (np.arange(height, dtype=np.int32) * (columns * levels))[:, None]
        index += self._left * np.int32(levels)
        values = _between(flat.take(index), flat.take(index + 1), at)
        if columns == 1:
            return values
        index += levels
        return _between(values, _between(flat.take(index), flat.take(index + 1), at), self._right)


def read_plain(plane: Array, size: tuple[int, int], top: int, height: int) -> Array:
    """Rows of a plane, (h', w'), that is stretched over an image; (height, W).

    Args:
        plane: of any size.
        size: height and width of the image, px.
        top: number of the first row.
        height: how many.
    """
    rows, columns = plane.shape
    above, down = _nodes_of(np.arange(top, top + height), size[0], rows)
    lines = _between(plane[above], plane[np.minimum(above + 1, rows - 1)], down[:, None])
    left, right = _nodes_of(np.arange(size[1]), size[1], columns)
    return _between(lines[:, left], lines[:, np.minimum(left + 1, columns - 1)], right)


def _between(first: Array, second: Array, share: Array) -> Array:
    second -= first
    second *= share
    second += first
    return second


def _nodes_of(
    at: npt.NDArray[np.int64], length: int, nodes: int
) -> tuple[npt.NDArray[np.int32], Array]:
    """The node before each pixel, and how far it is from there to the next."""
    place = at * ((nodes - 1) / max(length - 1, 1))
    before = np.minimum(place.astype(np.int32), max(nodes - 2, 0))
    return before, (place - before).astype(np.float32)


def _cells(height: int, width: int) -> tuple[int, int]:
    """Nodes down and across."""
    cell = max(min(height, width) / CELLS, max(height, width) / MOST_CELLS)
    return (max(1, round(height / cell)) + 1, max(1, round(width / cell)) + 1)


def _corners(
    lightness: Floats, shape: tuple[int, ...]
) -> list[tuple[npt.NDArray[np.int64], Floats]]:
    """For each of the eight nodes around each pixel: its number, and its share; both flat."""
    height, width = lightness.shape
    y, down = _nodes_of(np.arange(height), height, shape[0])
    x, right = _nodes_of(np.arange(width), width, shape[1])
    at = lightness * (shape[2] - 1)
    level = np.minimum(at.astype(np.int64), shape[2] - 2)
    part = at - level
    found: list[tuple[npt.NDArray[np.int64], Floats]] = []
    for corner in np.ndindex(2, 2, 2):
        index = ((y[:, None] + corner[0]) * shape[1] + x + corner[1]) * shape[2] + level + corner[2]
        share = (
            (down if corner[0] else 1 - down)[:, None]
            * (right if corner[1] else 1 - right)
            * (part if corner[2] else 1 - part)
        )
        found.append((index.ravel(), share.ravel()))
    return found


def _blurred(values: Floats) -> Floats:
    """Gaussian along all axes, with nothing outside."""
    for axis, std in enumerate((BLUR[0], BLUR[0], BLUR[1] * (LEVELS - 1))):
        places = np.arange(values.shape[axis])
        kernel = np.exp(-0.5 * ((places[:, None] - places) / std) ** 2)
        values = np.moveaxis(np.tensordot(kernel, values, (1, axis)), 0, axis)
    return values
