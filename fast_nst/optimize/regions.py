"""Masks: the regions of images that are styled separately, found and matched by color."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.errors import ConfigError

MAX_REGIONS = 8
MIN_SHARE = 0.002  # of a mask; less is what JPEG made of it
SAME_REGION = 48.0  # in 8-bit RGB: nearer colors of one mask are one region
SAME_COLOR = 96.0  # likewise: regions of two masks are the same up to here


@dataclass(frozen=True)
class Mask:
    """A mask, and what messages call it.

    Attributes:
        rgb: (1, 3, H, W) in [0, 1], one flat color per region.
    """

    rgb: Tensor
    name: str


def match_regions(content: Mask, styles: Sequence[Mask]) -> list[Tensor]:
    """Find the regions of masks that have the same colors.

    Colors that come near each other count as one, so that masks may be blurred along edges or
    saved as JPEG.

    Returns:
        For the content and then for each style, (R, H, W): 1 inside a region, else 0; region by
        region the same color in all.

    Raises:
        ConfigError: If a mask has more than 8 regions, or not those of the content's mask.
    """
    colors = _find_colors(content)
    regions = [_label(content.rgb, colors)]
    for style in styles:
        own = _find_colors(style)
        nearest = torch.cdist(colors, own).argmin(1)
        unlike = torch.linalg.norm(colors - own[nearest], dim=1) > SAME_COLOR
        if len(own) != len(colors) or len(set(nearest.tolist())) != len(own) or unlike.any():
            raise ConfigError(
                f"{content.name} has {_describe(colors)}; {style.name} has {_describe(own)}. "
                "Paint matching regions in the same color, and no others."
            )
        regions.append(_label(style.rgb, own[nearest]))
    return regions


def shares(regions: Tensor) -> Tensor:
    """The share of the image that each of (R, H, W) regions has; (R,), of sum 1."""
    sizes = regions.sum((1, 2))
    return sizes / sizes.sum()


def guide(regions: Tensor, height: int, width: int) -> Tensor:
    """How much each position of a feature map counts in the regions' Gram matrices.

    Args:
        regions: (R, H, W), 0 or 1.
        height: of the feature map.
        width: likewise.

    Returns:
        (R, 1, height, width), >= 0, the sum of squares 1 in each region: features are multiplied
        by this before the Gram matrix is taken.

    References:
        Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer", the guided
        Gram matrices; masks are scaled down by averaging.
    """
    covered = F.interpolate(regions[None], size=(height, width), mode="area")[0]
    return (covered / covered.sum((1, 2), keepdim=True)).sqrt().unsqueeze(1)


def _find_colors(mask: Mask) -> Tensor:
    """The colors of the regions, (R, 3) in 8-bit RGB, the most frequent first."""
    pixels = (mask.rgb.detach().cpu()[0] * 255).round().long().clamp(0, 255)
    codes, counts = torch.unique(
        (pixels[0] << 16 | pixels[1] << 8 | pixels[2])[_inside(pixels)], return_counts=True
    )
    colors = torch.stack([codes >> 16, codes >> 8 & 255, codes & 255], 1).float()
    least = max(1, MIN_SHARE * pixels[0].numel())
    found: list[Tensor] = []
    while counts.sum() >= least and len(found) <= MAX_REGIONS:
        color = colors[counts.argmax()]
        near = torch.linalg.norm(colors - color, dim=1) <= SAME_REGION
        if counts[near].sum() >= least:
            found.append(color)
        counts = torch.where(near, 0, counts)
    if not 1 <= len(found) <= MAX_REGIONS:
        raise ConfigError(
            f"{mask.name} does not consist of 1 to {MAX_REGIONS} flat colors. "
            "Paint each region in one."
        )
    return torch.stack(found)


def _inside(pixels: Tensor) -> Tensor:
    """Which pixels are like their neighbors, (H, W): not the blur between two regions."""
    inside = torch.ones_like(pixels[0], dtype=torch.bool)
    for axis in (0, 1):
        step = pixels.diff(dim=axis + 1).abs().amax(0) > SAME_REGION / 2
        length = pixels.shape[axis + 1]
        inside.narrow(axis, 1, length - 1).logical_and_(~step)
        inside.narrow(axis, 0, length - 1).logical_and_(~step)
    return inside


def _label(rgb: Tensor, colors: Tensor) -> Tensor:
    """Give each pixel to the region of the nearest color: (R, H, W), 0 or 1, of ``rgb``'s type."""
    distances = torch.stack(
        [(rgb[0] - color.to(rgb).view(3, 1, 1) / 255).square().sum(0) for color in colors]
    )
    nearest = distances.argmin(0)
    return torch.stack([(nearest == index).to(rgb.dtype) for index in range(len(colors))])


def _describe(colors: Tensor) -> str:
    names = ["#{:02x}{:02x}{:02x}".format(*map(int, color)) for color in colors.tolist()]
    regions = "region" if len(names) == 1 else "regions"
    return f"{len(names)} {regions} ({', '.join(names)})"
