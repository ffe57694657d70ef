"""Resize images that are tensors."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

KIND = "bicubic"
ANTIALIAS = True
# Long side / short side. Resized by its short side, a longer image would have too many pixels.
MAX_ASPECT = 8


def is_strip(height: int, width: int) -> bool:
    """Whether an image's aspect ratio is too large to resize it by its short side."""
    return max(height, width) > MAX_ASPECT * min(height, width)


def describe_resampler() -> dict[str, Any]:
    """How ``resize_short_side`` resamples: style losses depend on it, so reports name it."""
    return {"kind": KIND, "antialias": ANTIALIAS, "library": f"torch {torch.__version__}"}


def resize_short_side(rgb: Tensor, size: int) -> Tensor:
    """Scale so that the shorter side is ``size`` px; the aspect ratio stays.

    Args:
        rgb: (3, H, W) or (B, 3, H, W), floating point in [0, 1].
        size: px, at least 1.

    Returns:
        The same number of dimensions, in [0, 1]; ``rgb`` itself where nothing had to change.

    Raises:
        ValueError: If ``rgb`` has another shape or type, or ``size`` is below 1.
    """
    if rgb.ndim not in (3, 4) or rgb.shape[-3] != 3 or not rgb.is_floating_point():
        raise ValueError(
            f"rgb is {tuple(rgb.shape)} of {rgb.dtype}; expected (3, H, W) or (B, 3, H, W), float."
        )
    if 0 in rgb.shape:
        raise ValueError(f"rgb is {tuple(rgb.shape)}: it holds no pixels.")
    if size < 1:
        raise ValueError(f"size is {size} px; expected at least 1.")
    height, width = rgb.shape[-2:]
    scale = size / min(height, width)
    target = (max(1, round(height * scale)), max(1, round(width * scale)))
    if target == (height, width):
        return rgb
    batch = rgb if rgb.ndim == 4 else rgb[None]
    # Some bicubic weights are negative: without the clamp, values near edges would leave [0, 1].
    resized = F.interpolate(
        batch, size=target, mode=KIND, align_corners=False, antialias=ANTIALIAS
    ).clamp(0, 1)
    return resized if rgb.ndim == 4 else resized[0]


def resize_mask(mask: Tensor, size: tuple[int, int], rows: tuple[int, int] | None = None) -> Tensor:
    """Scale a mask to an image's size, or to some rows of it.

    Args:
        mask: (1, H, W) in [0, 1].
        size: height and width of the image, px.
        rows: the first of the image's rows that are wanted, and the one after the last; all of
            them by default. What is between is never computed as a whole.

    Returns:
        (1, rows, width) in [0, 1].
    """
    height, width = size
    if rows is not None and rows != (0, height):
        if mask.shape[1] > height:
            mask = _resize_mask(mask, (height, mask.shape[2]))
        place = (torch.arange(*rows) + 0.5) * mask.shape[1] / height - 0.5
        place = place.clamp(0, mask.shape[1] - 1)
        above = place.floor().long()
        below = (above + 1).clamp(max=mask.shape[1] - 1)
        share = (place - above)[:, None].to(mask)
        mask, height = torch.lerp(mask[:, above], mask[:, below], share), rows[1] - rows[0]
    return _resize_mask(mask, (height, width))


def _resize_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    if mask.shape[-2:] == size:
        return mask
    return F.interpolate(
        mask[None], size=size, mode="bilinear", align_corners=False, antialias=True
    )[0]


def feather_mask(masks: Tensor, width: float) -> Tensor:
    """Turn hard borders into ones that rise from nearly 0 to nearly 1 over ``width`` px.

    Args:
        masks: (N, H, W).
        width: px, greater than 0.

    Returns:
        The same shape; masks that sum to 1 still do.
    """
    std = width / 4  # 95 % of a normal distribution lie within a range of four
    radius = feather_radius(width)
    offsets = torch.arange(-radius, radius + 1, dtype=masks.dtype, device=masks.device)
    kernel = torch.exp(-0.5 * (offsets / std) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, -1, 1)
    padded = F.pad(masks[:, None], (0, 0, radius, radius), mode="replicate")
    columns = F.conv2d(padded, kernel)
    padded = F.pad(columns, (radius, radius, 0, 0), mode="replicate")
    return F.conv2d(padded, kernel.transpose(2, 3))[:, 0]


def feather_radius(width: float) -> int:
    """How far :func:`feather_mask` sees, px."""
    return max(1, math.ceil(0.75 * width))
