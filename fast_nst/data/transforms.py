"""From a photograph to a training image, for data=folder and data=hub."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import IO

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms import v2

from fast_nst.errors import ConfigError
from fast_nst.image.io import image_from_pil


def training_transform(size: int, *, least_scale: float = 0.25) -> v2.Transform:
    """Crop, scale and flip at random.

    Args:
        size: Height and width of what comes out, px.
        least_scale: The smallest part of the image's area that a crop shows, in (0, 1]. At 1/4,
            things differ in size by a factor of two.

    Returns:
        (..., 3, H, W) -> (..., 3, size, size), values kept within [0, 1].

    Raises:
        ConfigError: If an argument is out of its range.
    """
    if size < 1:
        raise ConfigError(f"size is {size} px; it must be at least 1.")
    if not 0.0 < least_scale <= 1.0:
        raise ConfigError(f"least_scale is {least_scale}; it is a share, above 0 and up to 1.")
    crop = v2.RandomResizedCrop(
        size, scale=(least_scale, 1.0), ratio=(0.85, 1.0 / 0.85), antialias=True
    )
    return v2.Compose([crop, v2.RandomHorizontalFlip()])


def fixed_transform(size: int) -> v2.Transform:
    """Scale the short side to ``size`` and cut the middle: the same for every call."""
    return v2.Compose([v2.Resize(size, antialias=True), v2.CenterCrop(size)])


def decode(file: str | PathLike[str] | IO[bytes] | Image.Image, min_side: int) -> Tensor:
    """Read an image, upright and in sRGB; a JPEG no larger than is needed, which is much faster.

    Args:
        file: A path, an open file, or a Pillow image.
        min_side: The side in px that suffices; the image may still come out larger, and
            comes out smaller where it is smaller.

    Returns:
        (3, H, W), float32 in [0, 1].

    Raises:
        ImageError, OSError, SyntaxError, ValueError or whatever else a decoder raises for a
            damaged file.
    """
    if isinstance(file, Image.Image):
        return image_from_pil(file).rgb
    # A training image with odd metadata, or of 100 megapixels, is no concern of the user.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(file) as image:
            image.draft(None, (min_side, min_side))
            return image_from_pil(image).rgb


def why_broken(error: Exception) -> str:
    """Say in a few words why ``decode`` failed."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image in a known format"
    if isinstance(error, Image.DecompressionBombError):
        return "so many pixels that it may be a decompression bomb"
    return str(error) or type(error).__name__


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let torchvision's transforms draw from ``seed``; torch's own generator is put back after."""
    generator = torch.default_generator
    state = generator.get_state()
    generator.manual_seed(seed)
    try:
        yield
    finally:
        generator.set_state(state)
