"""Pixels of opened images, upright and in sRGB, as deep as the file holds them."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from fast_nst.image.deep import TOP, Array16, to_srgb, turned
from fast_nst.image.deep_read import read_samples

Array = npt.NDArray[np.float32]

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False)
class Pixels:
    """An image, upright and in sRGB, with the colors that transparency hides.

    Attributes:
        color: a Pillow image, ``RGB``, of 8 bits; or (H, W, 3), 0 to 65535.
        alpha: likewise, ``L`` or (H, W); None for an image that is opaque everywhere.
        depth: bits per channel of the file: 8, 10, 12, 16, or 32 for floating point.
    """

    color: Image.Image | Array16
    alpha: Image.Image | Array16 | None
    depth: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        if isinstance(self.color, Image.Image):
            return self.color.size
        return self.color.shape[1], self.color.shape[0]

    @property
    def bytes_per_pixel(self) -> int:
        """Of memory that the decoded image takes; Pillow holds RGB in four bytes."""
        deep = 4 if isinstance(self.color, Image.Image) else 6
        return deep if self.alpha is None else 2 * deep

    def rgb(self, top: int = 0, bottom: int | None = None) -> Array:
        """Rows of the colors, (3, h, W), in [0, 1]."""
        return _to_planes(self.color, top, bottom)

    def opacity(self, top: int = 0, bottom: int | None = None) -> Array:
        """Rows of the opacity, (1, h, W), in [0, 1]; there must be one."""
        assert self.alpha is not None
        return _to_planes(self.alpha, top, bottom)


def read_pixels(image: Image.Image) -> Pixels:
    """Turn an opened Pillow image upright and into sRGB; ``image`` is not changed.

    Where nothing had to be converted, the 8-bit colors are ``image`` itself, not a copy.

    Raises:
        ImageError: If the range of its values is unknown (floating point outside [0, 1]).
        OSError: If the file behind a lazily opened image is damaged.
    """
    profile = image.info.get("icc_profile")
    if (samples := read_samples(image)) is not None:
        samples = turned(samples, _orientation(image))
        alpha = samples.alpha
        if alpha is not None and (alpha == TOP).all():
            alpha = None
        return Pixels(to_srgb(samples, profile), alpha, samples.depth)
    image.load()
    profile = image.info.get("icc_profile")
    color, mask = _split_alpha(_upright(image))
    opaque = mask is None or mask.getextrema() == (255, 255)
    return Pixels(_to_srgb(color, profile), None if opaque else mask, 8)


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # damaged metadata is no reason to refuse the image
        return 1


def _upright(image: Image.Image) -> Image.Image:
    orientation = _orientation(image)
    transpose = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if transpose is None else image.transpose(transpose)


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the colors (an opaque mode) and the opacity (``L``) where there is one."""
    if not image.has_transparency_data:
        return image, None
    rgba = image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
    alpha = rgba.getchannel("A")
    if image.mode in ("L", "LA", "La"):  # stay gray: a gray ICC profile applies to gray only
        return rgba.getchannel("R"), alpha
    return rgba.convert("RGB"), alpha


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert opaque ``image`` to ``RGB`` through its ICC profile, where there is a usable one."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = source.profile.xcolor_space.strip()
            fitting = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(space)
            if fitting == "RGB" and image.mode not in ("CMYK", "LAB"):
                image = image.convert("RGB")
            elif fitting == "L" and image.mode == "1":
                image = image.convert("L")
            if image.mode == fitting:
                converted = ImageCms.profileToProfile(
                    image,
                    source,
                    ImageCms.createProfile("sRGB"),
                    renderingIntent=ImageCms.Intent.PERCEPTUAL,
                    outputMode="RGB",
                    flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
                )
                if converted is not None:
                    return converted
        except (OSError, ImageCms.PyCMSError):
            pass  # a damaged or unsuitable profile: assume sRGB, as viewers do
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_planes(image: Image.Image | Array16, top: int, bottom: int | None) -> Array:
    """Rows of an ``L`` or ``RGB`` image, or of (H, W[, 3]), as (1 or 3, h, W) in [0, 1]."""
    if isinstance(image, Image.Image):
        if (top, bottom) != (0, None):
            image = image.crop((0, top, image.width, image.height if bottom is None else bottom))
        pixels, white = np.asarray(image, dtype=np.uint8), np.float32(255)
        planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(planes).astype(np.float32) / white
    rows = image[top:bottom]
    deep = rows[None] if rows.ndim == 2 else rows.transpose(2, 0, 1)
    result: Array = np.ascontiguousarray(deep).astype(np.float32) / np.float32(TOP)
    return result
