"""Keep the colors that transparency hides from reaching the network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TRUSTED_OPACITY = 1 / 8


def cover_hidden_colors(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Replace the colors that transparency hides by the visible ones around.

    The network would see them otherwise, and carry them into the visible part through its
    receptive field and its normalization. Below 1/8 opacity a stored color is little more than
    rounding noise, so that it fades into its surroundings.

    Args:
        rgb: (3, H, W) in [0, 1], not premultiplied.
        alpha: (1, H, W) in [0, 1].

    Returns:
        (3, H, W): ``rgb`` where ``alpha`` is at least 1/8, and a smooth continuation of it
        elsewhere; mid-gray if the whole picture is transparent.

    Source: the push-pull interpolation of Gortler et al. 1996, "The Lumigraph", sec. 3.4.
    """
    return _fill(rgb * alpha, alpha).clamp(0, 1)


def _fill(weighted: Tensor, weight: Tensor) -> Tensor:
    """Average colors by weight, over as small a neighborhood as has enough weight.

    Args:
        weighted: (3, H, W), colors times ``weight``.
        weight: (1, H, W) in [0, 1].
    """
    color = weighted / weight.clamp(min=1e-12)
    height, width = weight.shape[-2:]
    if height == width == 1:
        return torch.where(weight > 0, color, 0.5)
    trust = (weight / TRUSTED_OPACITY).clamp(max=1)
    if bool((trust == 1).all()):
        return color
    coarser = F.avg_pool2d(
        torch.cat([weighted, weight])[None], 2, ceil_mode=True, count_include_pad=False
    )[0]
    around = F.interpolate(
        _fill(coarser[:3], coarser[3:])[None],
        size=(height, width),
        mode="bilinear",
        align_corners=False,
    )[0]
    return torch.lerp(around, color, trust)
