"""Reflection padding and cropping, of images and of features."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor


def reflect_pad(x: Tensor, margin: int) -> Tensor:
    """Add ``margin`` mirrored pixels on every side.

    Args:
        x: (B, C, H, W), any dtype; H and W larger than ``margin``.
        margin: px.

    Returns:
        (B, C, H + 2 margin, W + 2 margin), of the same dtype. Autocast is off, as on CPUs it would
        pad in float32 and convert twice.
    """
    if x.device.type == "meta":  # only shapes are computed, and there is no autocast
        return F.pad(x, (margin,) * 4, mode="reflect")
    if x.device.type == "cuda" and margin and not torch.compiler.is_compiling():
        padded: Tensor = _MirrorPad.apply(x, margin)
        return padded
    with torch.autocast(x.device.type, enabled=False):
        return F.pad(x, (margin,) * 4, mode="reflect")


class _MirrorPad(torch.autograd.Function):
    """Reflection padding by copying rows and columns.

    PyTorch's own CUDA kernels return channels-first tensors, which every convolution has to convert
    back, and they add up gradients pixel by pixel.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, margin: int) -> Tensor:
        ctx.margin = margin
        for axis in (2, 3):
            first = x.narrow(axis, 1, margin)
            last = x.narrow(axis, x.shape[axis] - 1 - margin, margin)
            x = torch.cat([_mirror(first, axis), x, _mirror(last, axis)], axis)
        return x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        margin = ctx.margin
        for axis in (3, 2):
            size = gradient.shape[axis] - 2 * margin
            inner = gradient.narrow(axis, margin, size).clone()
            first = gradient.narrow(axis, 0, margin)
            last = gradient.narrow(axis, margin + size, margin)
            inner.narrow(axis, 1, margin).add_(_mirror(first, axis))
            inner.narrow(axis, size - 1 - margin, margin).add_(_mirror(last, axis))
            gradient = inner
        return gradient, None


def _mirror(x: Tensor, axis: int) -> Tensor:
    return x if x.shape[axis] == 1 else x.flip(axis)


def crop(x: Tensor, height: int, width: int) -> Tensor:
    """Keep the upper left ``height`` x ``width`` px of (B, C, H, W).

    While ``torch.export`` traces, pixels are selected by index: for a slice, it would have to know
    whether anything is cut off, which depends on the size.
    """
    if torch.compiler.is_exporting():
        rows, columns = torch.arange(height), torch.arange(width)
        return x.index_select(2, rows).index_select(3, columns)
    return x[..., :height, :width]


def pad_by_index(images: Tensor, multiple: int, min_side: int) -> Tensor:
    """Repeat the right and bottom edges of (B, C, H, W), by selecting pixels by index.

    ``torch.export`` can prove that valid for every size.
    """
    height, width = images.shape[-2:]
    down = torch.arange(padded_side(height, multiple, min_side)).clamp(max=height - 1)
    across = torch.arange(padded_side(width, multiple, min_side)).clamp(max=width - 1)
    return images.index_select(2, down).index_select(3, across)


def padded_side(side: int, multiple: int, min_side: int) -> int:
    """The next multiple of ``multiple`` that is ``min_side`` or more; also of a traced side."""
    count = (side + multiple - 1) // multiple
    padded = torch.sym_max(count, -(-min_side // multiple))
    return cast(int, multiple * padded)  # while tracing, a symbol that acts as an int
