"""Convert between uint8, which files, videos and data loaders hold, and floats in [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor


def to_bytes(images: Tensor) -> Tensor:
    """Round values in [0, 1], of any shape, to uint8; values outside are clipped."""
    return (images * 255).round_().clamp_(0, 255).to(torch.uint8)


def from_bytes(images: Tensor) -> Tensor:
    """Turn uint8, of any shape, into float32 in [0, 1]."""
    return images.float().div_(255)
