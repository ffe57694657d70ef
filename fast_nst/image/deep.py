"""Pixels of more than 8 bits, of which Pillow has no images in color, and how they become sRGB."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fast_nst.errors import ImageError
from fast_nst.image.light import Code, coded_to_srgb

Array16 = npt.NDArray[np.uint16]
TOP = 65535  # white, and opaque

# cmsFLAGS_BLACKPOINTCOMPENSATION and cmsFLAGS_NOOPTIMIZE: optimized, colors of 16 bits would be up
# to 20 of 255 steps off (findings/little_cms_is_less_exact_with_16_bits.sh).
_CMS_FLAGS = 0x2000 | 0x0100


@dataclass(frozen=True, eq=False)
class Samples:
    """An image as its file holds it, but for the range of its values.

    Attributes:
        color: (H, W, C), 0 to 65535: 1 channel for gray, 3 for RGB, 4 for inks (65535: all of it).
        alpha: (H, W), likewise; None for an opaque image. ``color`` is not premultiplied.
        depth: bits per channel in the file; 32 for floating point.
        upright: whether the file's orientation is applied already.
        code: what the values mean where the file is HDR, or of wide gamut without an ICC profile;
            None for any other.
    """

    color: Array16
    alpha: Array16 | None
    depth: int
    upright: bool = False
    code: Code | None = None


class DeepFile(Image.Image):
    """A file that Pillow cannot open, as a Pillow image: size, metadata, and pixels on demand.

    Args:
        kind: its format, such as ``"EXR"``.
        size: width and height, px.
        decode: reads the pixels.
        info: as Pillow's plugins fill it: ``icc_profile``, ``xmp``.
        notes: what is left out of what the file holds, as parts of sentences.
        exif: its tags.
    """

    def __init__(
        self,
        kind: str,
        size: tuple[int, int],
        decode: Callable[[], Samples],
        info: Mapping[str, Any] | None = None,
        notes: Callable[[], tuple[str, ...]] = tuple,
        exif: Image.Exif | None = None,
    ) -> None:
        super().__init__()
        self.format = kind
        self._mode, self._size = "RGB", size
        self.info.update(info or {})
        self._decode, self._notes = decode, notes
        self._tags = Image.Exif() if exif is None else exif
        self._samples: Samples | None = None

    @property
    def samples(self) -> Samples:
        """The pixels, decoded when they are first asked for."""
        if self._samples is None:
            self._samples = self._decode()
        return self._samples

    @property
    def notes(self) -> tuple[str, ...]:
        """What is left out, once the pixels are read."""
        return self._notes()

    def getexif(self) -> Image.Exif:
        """The tags."""
        return self._tags

    def load(self) -> Any:
        """Decode, as a test whether the file is whole."""
        return self.samples and None


def to_16_bits(values: npt.NDArray[Any], depth: int | None = None) -> Array16:
    """Scale to 0 to 65535, whatever the type; rounded.

    Args:
        values: of any shape.
        depth: bits of integers; None for all bits of the type.

    Raises:
        ImageError: If floating-point values lie outside [0, 1].
    """
    if values.dtype == np.uint16 and depth in (None, 16):
        return values
    if values.dtype.kind == "f":
        if values.size and not (values.min() >= 0 and values.max() <= 1):
            raise ImageError(
                "its floating-point values are not within [0, 1], so their range is unknown. "
                "Save it with 8 or 16 bits per channel."
            )
        top = 1.0
    elif values.dtype == np.uint8 and depth in (None, 8):
        return values.astype(np.uint16) * np.uint16(257)
    elif depth is not None:
        top = 2.0**depth - 1
    else:
        # Some 16-bit formats are opened as 32-bit integers: the values show which it is.
        top = 65535.0 if values.dtype.itemsize > 2 and values.max() <= 65535 else np.nan
        top = float(np.iinfo(values.dtype).max) if np.isnan(top) else top
    scaled = np.empty(values.shape, np.uint16)
    for row, out in zip(values, scaled, strict=True):  # one row at a time, as this takes 8 bytes
        out[...] = (row.clip(0, top) * (TOP / top)).round()
    return scaled


def unpremultiply(color: Array16, alpha: Array16) -> Array16:
    """Divide (H, W, C) by (H, W) opacity; colors that nothing shows become black."""
    divided = np.zeros_like(color)
    for row, opacity, out in zip(color, alpha, divided, strict=True):
        weight = np.maximum(opacity, 1).astype(np.float64)[:, None] / TOP
        out[...] = (row * (opacity > 0)[:, None] / weight).round().clip(0, TOP)
    return divided


def turned(samples: Samples, orientation: object) -> Samples:
    """The image upright, by the value of EXIF's orientation; a view where that is possible."""
    if samples.upright or orientation not in _TURNS:
        return replace(samples, upright=True)
    turn = _TURNS[orientation]
    alpha = None if samples.alpha is None else turn(samples.alpha)
    return replace(samples, color=turn(samples.color), alpha=alpha, upright=True)


def to_srgb(samples: Samples, profile: bytes | None) -> Array16:
    """The colors in sRGB, (H, W, 3), through an ICC profile where there is a usable one."""
    channels = samples.color.shape[2]
    code = samples.code
    if code is not None and code.hdr:
        return coded_to_srgb(samples.color, code)
    if profile and (found := _through_profile(samples.color, profile)) is not None:
        return found
    if code is not None and channels != 4:
        return coded_to_srgb(samples.color, code)
    if channels == 4:
        ink = samples.color
        mixed = np.empty((*ink.shape[:2], 3), np.uint16)
        for row, out in zip(ink, mixed, strict=True):
            light = TOP - row.astype(np.float64)
            out[...] = (light[:, :3] * light[:, 3:] / TOP).round()
        return mixed
    return samples.color if channels == 3 else samples.color.repeat(3, axis=2)


def _through_profile(color: Array16, profile: bytes) -> Array16 | None:
    import imagecodecs

    space = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}[color.shape[2]]
    if profile[16:20] != space:
        return None
    name = {1: "gray", 3: "rgb", 4: "cmyk"}[color.shape[2]]
    result = np.empty((*color.shape[:2], 3), np.uint16)
    try:
        srgb = imagecodecs.cms_profile("srgb")
        for top in range(0, len(color), 256):
            rows = np.ascontiguousarray(color[top : top + 256])
            result[top : top + 256] = imagecodecs.cms_transform(
                rows if name != "gray" else rows[..., 0],
                profile,
                srgb,
                colorspace=name,
                outcolorspace="rgb",
                intent=0,  # perceptual
                flags=_CMS_FLAGS,
            )
    except (imagecodecs.CmsError, ValueError):
        return None  # a damaged or unsuitable profile: assume sRGB, as viewers do
    return result


_TURNS: Mapping[object, Callable[[Array16], Array16]] = {
    2: lambda values: values[:, ::-1],
    3: lambda values: values[::-1, ::-1],
    4: lambda values: values[::-1],
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: np.rot90(values, -1),
    7: lambda values: np.rot90(values, 2).swapaxes(0, 1),
    8: lambda values: np.rot90(values),
}
