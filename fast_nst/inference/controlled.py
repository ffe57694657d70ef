"""Apply a filter with :class:`Controls`: the steps around the network."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.image.color import luminance, match_colors, replace_luminance
from fast_nst.image.io import TensorImage, image_from_pil, open_image
from fast_nst.image.resize import feather_mask, resize_mask
from fast_nst.inference.controls import Controls
from fast_nst.lut import Lut


def read_mask(path: str | os.PathLike[str]) -> Tensor:
    """Read a mask: (1, H, W) in [0, 1].

    The mask of an image with transparency is its alpha channel. The mask of any other is its
    luminance: white is 1, black is 0.

    Raises:
        ImageError: If the file cannot be read.
    """
    with open_image(path) as opened:
        image = image_from_pil(opened)
    return luminance(image.rgb[None])[0] if image.alpha is None else image.alpha


def apply_controls(
    stylize: Callable[[TensorImage], TensorImage], image: TensorImage, controls: Controls
) -> TensorImage:
    """Stylize an image as ``controls`` say.

    Args:
        stylize: what the filter does by itself: an image to one of the same size.
        image: the content.
        controls: what to change about that.
    """
    if controls.lut_before is not None:
        image = replace(image, rgb=_grade(image.rgb, controls.lut_before))
    rgb = _stylize_as_chosen(stylize, image, controls)
    if controls.lut is not None:
        rgb = _grade(rgb, controls.lut)
    return replace(image, rgb=rgb)


def _grade(rgb: Tensor, lut: Lut) -> Tensor:
    """Apply a LUT to (3, H, W), on the CPU, whose library is faster than most filters are."""
    graded = lut.apply_planes(rgb.detach().to("cpu", torch.float32).numpy())
    return torch.from_numpy(graded).to(rgb)


def _stylize_as_chosen(
    stylize: Callable[[TensorImage], TensorImage], image: TensorImage, controls: Controls
) -> Tensor:
    """Do what all controls but the LUTs say."""
    content = image.rgb
    share = _share(controls, content)
    if isinstance(share, float) and share == 0:
        return content
    rgb = _stylize_at_scale(stylize, image, controls.scale)
    if controls.preserve_color == "luminance":
        rgb = replace_luminance(content[None], luminance(rgb[None]))[0]
    elif controls.preserve_color == "match":
        rgb = match_colors(rgb[None], content[None])[0]
    if not (isinstance(share, float) and share == 1):
        # Blended in sRGB, whose steps look nearly even. In linear light, a half would look like
        # less than half where strokes are dark: bright specks would stay and shadows fade.
        rgb = content + share * (rgb - content)
    return rgb


def _share(controls: Controls, content: Tensor) -> Tensor | float:
    """The share of the stylized image: a number, or (1, H, W)."""
    if controls.mask is None:
        return float(controls.strength)
    height, width = content.shape[-2:]
    mask = resize_mask(controls.mask.to(content), (height, width)).clamp(0, 1)
    if controls.mask_feather:
        mask = feather_mask(mask, controls.mask_feather)
    return controls.strength * (1 - mask if controls.mask_invert else mask)


def _stylize_at_scale(
    stylize: Callable[[TensorImage], TensorImage], image: TensorImage, scale: float
) -> Tensor:
    """Stylize at another size and bring the result back to the image's own.

    Larger strokes come from a smaller image, which has lost detail. The detail of the content is
    added back in luminance only: its colors do not belong to the style.
    """
    height, width = image.rgb.shape[-2:]
    size = (max(1, round(height / scale)), max(1, round(width / scale)))
    if size == (height, width):
        return stylize(image).rgb
    seen = _resize(image.rgb, size)
    result = _resize(stylize(TensorImage(seen)).rgb, (height, width))
    if scale > 1:
        lost = luminance(image.rgb[None]) - luminance(_resize(seen, (height, width))[None])
        result = (result + lost[0]).clamp(0, 1)
    return result


def _resize(rgb: Tensor, size: tuple[int, int]) -> Tensor:
    # Bicubic weights are partly negative: near edges the result leaves [0, 1] without the clamp.
    return F.interpolate(rgb[None], size=size, mode="bicubic", align_corners=False, antialias=True)[
        0
    ].clamp(0, 1)
