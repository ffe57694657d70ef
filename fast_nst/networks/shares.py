"""The share that each style has at each place of an image, at every size that layers work at."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.image.resize import feather_mask, feather_radius, resize_mask
from fast_nst.networks.layers import SCALES, STRIDE, pad_to_stride
from fast_nst.style_map import StyleMap

STRIDES = (1, 2, *(STRIDE * scale for scale in SCALES))  # px, of layers
ANGLES = {"horizontal": 0.0, "vertical": 90.0}  # degrees


def map_shares(
    style_map: StyleMap, size: tuple[int, int], rows: tuple[int, int] | None = None
) -> Tensor:
    """The share of each style at each pixel of an image.

    Args:
        style_map: where they are.
        size: height and width of the image, px.
        rows: the first of the rows that are wanted, and the one after the last; all by default.

    Returns:
        (S, rows, width), which sum to 1.
    """
    rows = (0, size[0]) if rows is None else rows
    if style_map.gradient is not None:
        place = gradient_places(style_map.gradient, size, rows) * (len(style_map.styles) - 1)
        numbers = torch.arange(len(style_map.styles))[:, None, None]
        return (1 - (place - numbers).abs()).clamp(min=0)
    margin = feather_radius(style_map.feather) if style_map.feather else 0
    seen = max(0, rows[0] - margin), min(size[0], rows[1] + margin)
    masks = [resize_mask(torch.from_numpy(mask)[None], size, seen) for mask in style_map.masks]
    others = torch.cat(masks).clamp(0, 1)
    total = others.sum(0, keepdim=True)
    shares = torch.cat([(1 - total).clamp(min=0), others / total.clamp(min=1)])
    if style_map.feather:
        shares = feather_mask(shares, style_map.feather)[:, rows[0] - seen[0] :][
            :, : rows[1] - rows[0]
        ]
    return shares


def gradient_places(gradient: str | float, size: tuple[int, int], rows: tuple[int, int]) -> Tensor:
    """How far each pixel is on the way from a gradient's first style to its last.

    Args:
        gradient: as :class:`~fast_nst.style_map.StyleMap` has it.
        size: height and width of the image, px.
        rows: the first of the rows that are wanted, and the one after the last.

    Returns:
        (rows, width) in [0, 1]. At an angle, corners have 0 and 1, as CSS has it.
    """
    height, width = size
    y = (torch.arange(*rows) + 0.5 - height / 2)[:, None]
    x = (torch.arange(width) + 0.5 - width / 2)[None]
    if gradient == "radial":
        return torch.hypot(x, y) / math.hypot(width / 2, height / 2)
    angle = math.radians(ANGLES[gradient] if isinstance(gradient, str) else gradient)
    across, down = math.cos(angle), math.sin(angle)
    length = abs(width * across) + abs(height * down)
    return ((x * across + y * down) / length + 0.5).clamp(0, 1)


class Shares:
    """Shares of styles for images of one size, and for the features that layers make of them.

    Args:
        pixels: (B, S, H, W) on the CPU, which sum to 1.
    """

    def __init__(self, pixels: Tensor) -> None:
        self.pixels = pixels
        self._found: dict[tuple[object, ...], Tensor] = {}
        self._found_padded: dict[int, Tensor] = {}

    def at(self, features: Tensor) -> Tensor:
        """The shares at the places of features, (B, C, h, w): (B, S, h, w), on their device."""
        stride = self.stride(features)
        key = (stride, features.device, features.dtype)
        if key not in self._found:
            self._found[key] = F.avg_pool2d(self._padded(stride), stride).to(features)
        return self._found[key]

    def stride(self, features: Tensor) -> int:
        """How many px of the image are one of features, (B, C, h, w), in each direction.

        Below 32 px, two strides may give one size; then it is the smaller one, whose shares are
        those of nearly the same pixels.
        """
        for stride in STRIDES:
            sides = self._padded(stride).shape[-2:]
            if features.shape[-2:] == torch.Size(side // stride for side in sides):
                return stride
        raise AssertionError(f"no layer works at {tuple(features.shape[-2:])}")

    def _padded(self, stride: int) -> Tensor:
        """Padded as layers of a stride pad."""
        factor = max(1, stride // STRIDE)
        if factor not in self._found_padded:
            padded = pad_to_stride(self.pixels)
            self._found_padded[factor] = pad_to_stride(padded, factor) if factor > 1 else padded
        return self._found_padded[factor]

    def in_cells(self, cells: Tensor) -> Tensor:
        """The shares at all pixels of cells of 4x4 px, (B, C, h, w): (B, S, 16, h, w)."""
        key = ("cells", cells.device, cells.dtype)
        if key not in self._found:
            padded = self._padded(STRIDE)[:, :, None]
            self._found[key] = F.pixel_unshuffle(padded, STRIDE).to(cells)
        return self._found[key]
