"""Rectangles that cover an image, with margins that make their features exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fast_nst.encoders.base import Encoder

Area = tuple[slice, slice]  # rows, columns


@dataclass(frozen=True)
class Tile:
    """A part of an image whose features can be computed apart.

    Attributes:
        image: height and width of the whole, px.
        core: rows and columns, px; the cores of all tiles cover the image once.
        outer: likewise: the core and the surroundings that its features depend on.
    """

    image: tuple[int, int]
    core: Area
    outer: Area

    def whole(self, layer: str) -> tuple[int, int]:
        """Height and width of that layer's features of the whole image."""
        return features_size(layer, *self.image)

    def of(self, layer: str) -> Area:
        """Where the core lies in that layer's features of the whole image."""
        stride = _stride(layer)
        rows, columns = (slice(side.start // stride, side.stop // stride) for side in self.core)
        return rows, columns

    def within(self, layer: str) -> Area:
        """Where the core lies in that layer's features of the outer part alone."""
        stride = _stride(layer)
        rows, columns = (
            slice(side.start - outer.start // stride, side.stop - outer.start // stride)
            for side, outer in zip(self.of(layer), self.outer, strict=True)
        )
        return rows, columns


def features_size(layer: str, height: int, width: int) -> tuple[int, int]:
    """Height and width of a layer's features of an image of this height and width, px."""
    return height // _stride(layer), width // _stride(layer)


def split(
    height: int, width: int, tile: int, encoder: Encoder, layers: Sequence[str]
) -> list[Tile]:
    """Cover an image with tiles of about the same size.

    Args:
        height: of the image, px.
        width: likewise.
        tile: px, a tile's height and width without its margin, at most.
        encoder: VGG-shaped: 3x3 convolutions, and 2x2 pooling between blocks.
        layers: whose features the tiles should give.

    Returns:
        One tile, the image, if it is no larger than ``tile``.
    """
    deepest = max(encoder.layers.index(layer) for layer in layers)
    upto = encoder.layers[: deepest + 1]
    unit = _stride(upto[-1])  # at multiples of it, pooling falls into step with the whole image's
    reach = sum(_stride(layer) for layer in upto)  # of a convolution: a pixel of its own layer
    margin = -(-reach // unit) * unit
    return [
        Tile(
            (height, width),
            (rows, columns),
            (_widen(rows, margin, height), _widen(columns, margin, width)),
        )
        for rows in _divide(height, tile, unit)
        for columns in _divide(width, tile, unit)
    ]


def _stride(layer: str) -> int:
    """Px of the image per px of features."""
    return 1 << (int(layer[4]) - 1)


def _divide(length: int, max_length: int, unit: int) -> list[slice]:
    count = -(-length // max_length)
    step = -(-length // (count * unit)) * unit
    starts = list(range(0, length - unit + 1, step)) or [0]
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], length], strict=True)]


def _widen(side: slice, margin: int, length: int) -> slice:
    return slice(max(0, side.start - margin), min(length, side.stop + margin))
