"""Apply a filter as :class:`Controls` say: what surrounds the network."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.image.color import luminance, match_colors, replace_luminance
from fast_nst.image.io import Picture, open_image, picture_from_pil
from fast_nst.inference.controls import Controls


def read_mask(path: str | os.PathLike[str]) -> Tensor:
    """Read a mask: (1, H, W) in [0, 1].

    A picture with transparency is a cut-out: its opacity counts. Of any other, white is 1 and
    black is 0.

    Raises:
        ImageError: If the file cannot be read.
    """
    with open_image(path) as image:
        picture = picture_from_pil(image)
    return luminance(picture.rgb[None])[0] if picture.alpha is None else picture.alpha


def apply_controls(
    stylize: Callable[[Picture], Picture], picture: Picture, controls: Controls
) -> Picture:
    """Stylize a picture as ``controls`` say.

    Args:
        stylize: what the filter does by itself: a picture to one of the same size.
        picture: the content.
        controls: what to change about that.
    """
    content = picture.rgb
    share = _share(controls, content)
    if isinstance(share, float) and share == 0:
        return picture
    rgb = _stylize_at_scale(stylize, picture, controls.scale)
    if controls.preserve_color == "luminance":
        rgb = replace_luminance(content[None], luminance(rgb[None]))[0]
    elif controls.preserve_color == "match":
        rgb = match_colors(rgb[None], content[None])[0]
    if not (isinstance(share, float) and share == 1):
        # In sRGB, which is nearly even to the eye. In linear light, a half would look like less
        # than half where strokes are dark: bright specks remain and shadows fade.
        rgb = content + share * (rgb - content)
    return replace(picture, rgb=rgb)


def _share(controls: Controls, content: Tensor) -> Tensor | float:
    """The share of the stylized picture: a number, or (1, H, W)."""
    if controls.mask is None:
        return float(controls.strength)
    height, width = content.shape[-2:]
    mask = controls.mask.to(content)
    if mask.shape[-2:] != (height, width):
        mask = F.interpolate(
            mask[None], size=(height, width), mode="bilinear", align_corners=False, antialias=True
        )[0]
    mask = mask.clamp(0, 1)
    if controls.mask_feather:
        mask = _blur(mask, controls.mask_feather)
    return controls.strength * (1 - mask if controls.mask_invert else mask)


def _blur(mask: Tensor, width: float) -> Tensor:
    """Turn a hard border into one that rises from nearly 0 to nearly 1 over ``width`` px."""
    deviation = width / 4  # of a normal distribution, 95 % lie within four deviations
    radius = max(1, math.ceil(3 * deviation))
    offsets = torch.arange(-radius, radius + 1, dtype=mask.dtype, device=mask.device)
    kernel = torch.exp(-0.5 * (offsets / deviation) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, -1, 1)
    padded = F.pad(mask[None], (0, 0, radius, radius), mode="replicate")
    columns = F.conv2d(padded, kernel)
    padded = F.pad(columns, (radius, radius, 0, 0), mode="replicate")
    return F.conv2d(padded, kernel.transpose(2, 3))[0]


def _stylize_at_scale(
    stylize: Callable[[Picture], Picture], picture: Picture, scale: float
) -> Tensor:
    """Stylize at another size and bring the result back to the picture's own.

    Larger strokes come from a smaller picture, which has lost detail: the content's own, in its
    lightness, is added. Colors of detail would come from another palette than the style's.
    """
    height, width = picture.rgb.shape[-2:]
    size = (max(1, round(height / scale)), max(1, round(width / scale)))
    if size == (height, width):
        return stylize(picture).rgb
    seen = _resize(picture.rgb, size)
    result = _resize(stylize(Picture(seen)).rgb, (height, width))
    if scale > 1:
        lost = luminance(picture.rgb[None]) - luminance(_resize(seen, (height, width))[None])
        result = (result + lost[0]).clamp(0, 1)
    return result


def _resize(rgb: Tensor, size: tuple[int, int]) -> Tensor:
    # Bicubic weights are partly negative: near edges the result leaves [0, 1] without the clamp.
    return F.interpolate(rgb[None], size=size, mode="bicubic", align_corners=False, antialias=True)[
        0
    ].clamp(0, 1)
