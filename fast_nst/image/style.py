"""Style images: read, checked, and brought to the size that styles are measured at."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import FILTER_SUFFIXES
from fast_nst.image.color import is_flat
from fast_nst.image.eight_bit import to_bytes
from fast_nst.image.io import read_image
from fast_nst.image.resize import MAX_ASPECT, is_strip, resize_short_side


def read_style(file: Path, size: int, min_side: int = 1) -> Tensor:
    """Read a style image, its short side ``size`` px; (3, H, W), RGB in [0, 1].

    Args:
        file: the image.
        size: px, short side of the result.
        min_side: px; images with a smaller side are refused.

    Raises:
        ImageError: If it cannot be read.
        ConfigError: If it is a filter, has only one color, or is too small or a narrow strip.
    """
    if file.suffix.lower() in FILTER_SUFFIXES:
        raise ConfigError(
            f"{file} is a filter, and a style is a picture. Give the picture, or use the filter "
            "itself: fast-nst stylize --ckpt FILE."
        )
    return fit_style(read_image(file).rgb, size, min_side, str(file))


def fit_style(rgb: Tensor, size: int, min_side: int = 1, name: str = "the style image") -> Tensor:
    """Check a style image, (3, H, W) in [0, 1], and scale its short side to ``size`` px.

    Smaller images are enlarged by :func:`enlarge`.

    Raises:
        ConfigError: If it has only one color, or is too small or a narrow strip.
    """
    height, width = rgb.shape[-2:]
    if min(height, width) < min_side:
        raise ConfigError(
            f"{name} is {width}x{height} px; a style image needs at least {min_side} px a side. "
            "Use a larger one."
        )
    if is_flat(rgb[None]):
        raise ConfigError(f"{name} is one flat color: it has no style. Use another image.")
    if is_strip(height, width):
        raise ConfigError(
            f"{name} is {width}x{height} px; the long side of a style image may be at "
            f"most {MAX_ASPECT} times the short side. Crop it."
        )
    return enlarge(rgb, size) if min(height, width) < size else resize_short_side(rgb, size)


def enlarge(rgb: Tensor, size: int) -> Tensor:
    """Scale an image up so that its edges stay as sharp as those of a large image.

    A style loss sees an interpolated image as blur, and teaches it. Here a shock filter follows:
    step by step, pixels on the dark side of an edge take the smallest value of their neighbors, and
    those on the bright side the largest. Which side a pixel is on, a smoothed Laplacian of the
    luminance says, so that edges become smooth lines.

    Args:
        rgb: (3, H, W) in [0, 1].
        size: px, short side of the result, at least that of ``rgb``.

    References:
        Osher and Rudin 1990, "Feature-oriented image enhancement using shock filters"; Alvarez and
        Mazorra 1994, "Signal and image restoration using shock filters and anisotropic diffusion",
        for the smoothed Laplacian.
    """
    factor = size / min(rgb.shape[-2:])
    image = resize_short_side(rgb, size)[None]
    for _ in range(round(1.25 * factor)):
        luminance = _blur(image.mean(1, keepdim=True), 0.45 * factor)
        curvature = _blur(luminance, 1.0) - luminance
        dark = torch.sigmoid(curvature * 400)
        around = F.pad(image, (1, 1, 1, 1), mode="replicate")
        most, least = F.max_pool2d(around, 3, stride=1), -F.max_pool2d(-around, 3, stride=1)
        image = 0.5 * image + 0.5 * (dark * least + (1 - dark) * most)
    return image[0]


def _blur(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (1, 1, H, W); ``sigma``: px."""
    radius = round(3 * sigma) + 1
    line = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    line = line / line.sum()
    image = F.pad(image, (radius,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(image, line.view(1, 1, -1, 1)), line.view(1, 1, 1, -1))


def thumbnail(rgb: Tensor, side: int = 96) -> str:
    """The middle of an image as a small WebP, base64, for a filter's metadata."""
    pixels = resize_short_side(rgb, side)
    top, left = (pixels.shape[1] - side) // 2, (pixels.shape[2] - side) // 2
    square = pixels[:, top : top + side, left : left + side]
    buffer = io.BytesIO()
    Image.fromarray(to_bytes(square).permute(1, 2, 0).numpy()).save(buffer, "WEBP", quality=75)
    return base64.b64encode(buffer.getvalue()).decode()
