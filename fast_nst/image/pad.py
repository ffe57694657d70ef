"""Padding that mirrors a picture, or its features, at the borders."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def reflect_pad(x: Tensor, margin: int) -> Tensor:
    """Add ``margin`` mirrored pixels on every side.

    Args:
        x: (B, C, H, W), any dtype; H and W larger than ``margin``.
        margin: px.

    Returns:
        (B, C, H + 2 margin, W + 2 margin), of the same dtype also under autocast, which on CPUs
        would pad in float32 and convert twice.
    """
    if x.device.type == "meta":  # only shapes are computed, and there is no autocast
        return F.pad(x, (margin,) * 4, mode="reflect")
    with torch.autocast(x.device.type, enabled=False):
        return F.pad(x, (margin,) * 4, mode="reflect")


def crop(x: Tensor, height: int, width: int) -> Tensor:
    """Keep the upper left ``height`` x ``width`` px of (B, C, H, W).

    While ``torch.export`` traces, pixels are taken by their numbers: of a slice, it would insist on
    knowing whether something is cut off.
    """
    if torch.compiler.is_exporting():
        rows, columns = torch.arange(height), torch.arange(width)
        return x.index_select(2, rows).index_select(3, columns)
    return x[..., :height, :width]
