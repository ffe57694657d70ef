"""Read pixels of more than 8 bits, and those of HDR, from files that Pillow has opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO

import numpy as np
from PIL import Image

from fast_nst.image.deep import TOP, DeepFile, Samples, to_16_bits, unpremultiply
from fast_nst.image.light import Code, read_code

_AVIF_HIGH, _AVIF_TWELVE = 0x40, 0x20  # flags of an av1C box


def read_samples(image: Image.Image) -> Samples | None:
    """Decode an opened image that has more than 8 bits per channel; None for any other.

    A color image that was loaded before has lost them: only files that are open still hold them.

    Raises:
        ImageError: If the range of its values is unknown (floating point outside [0, 1]).
        Exception: Whatever a decoder raises for a damaged file.
    """
    if isinstance(image, DeepFile):
        return image.samples
    moving = getattr(image, "is_animated", False) and image.format in ("PNG", "AVIF")
    reader = None if moving else _READERS.get(image.format or "")
    file = getattr(image, "fp", None)
    if reader is not None and file is not None and not getattr(file, "closed", False):
        at = file.tell()
        try:
            if (found := reader(image, file)) is not None:
                return found
        finally:
            file.seek(at)
    return _of_pillow(image) if image.mode.startswith(("I", "F")) else None


def frame_depth(image: Image.Image) -> int:
    """Bits per channel of the frames of an opened animation; Pillow decodes 8 of them."""
    if image.format == "PNG":
        return 16 if _is_png_of_16(image) else 8
    return _avif_depth(getattr(image, "fp", None)) if image.format == "AVIF" else 8


def _of_pillow(image: Image.Image) -> Samples:
    """Gray of more than 8 bits is the one kind that Pillow itself holds."""
    return Samples(to_16_bits(np.asarray(image))[..., None], None, 16)


def hdr_code(image: Image.Image) -> Code | None:
    """What the values of an opened HDR file mean; None for any other."""
    file = getattr(image, "fp", None)
    code = None if file is None or file.closed else _code_of(image, file)
    return code if code is not None and code.hdr else None


def _code_of(image: Image.Image, file: BinaryIO) -> Code | None:
    if image.format == "HEIF":
        nclx = image.info.get("nclx_profile") or {}
        codes = (nclx.get("color_primaries", 2), nclx.get("transfer_characteristics", 2))
        code: Code | None = Code(*codes)
    elif image.format in ("AVIF", "PNG"):
        code = read_code(file, image.format)
    else:
        return None
    if code is None or code.plain or (not code.hdr and image.info.get("icc_profile")):
        return None
    return code


def _is_png_of_16(image: Image.Image) -> bool:
    tile = getattr(image, "tile", None)
    args = tile[0].args if tile else None
    return isinstance(args, str) and ";16" in args


def _avif_depth(file: BinaryIO | None) -> int:
    if file is None or file.closed:
        return 8
    at = file.tell()
    file.seek(0)
    head = file.read(1 << 16)
    file.seek(at)
    found = head.find(b"av1C")
    if found < 0 or not head[found + 6] & _AVIF_HIGH:
        return 8
    return 12 if head[found + 6] & _AVIF_TWELVE else 10


def _read_png(image: Image.Image, file: BinaryIO) -> Samples | None:
    code = _code_of(image, file)
    if not _is_png_of_16(image) and code is None:
        return None
    import imagecodecs

    file.seek(0)
    values = imagecodecs.png_decode(file.read())
    values = values[..., None] if values.ndim == 2 else values
    depth, values = 8 * values.dtype.itemsize, to_16_bits(values)
    color, alpha = values, None
    if values.shape[2] in (2, 4):
        color, alpha = values[..., :-1], values[..., -1]
    elif (hidden := image.info.get("transparency")) is not None:
        shown = (values != np.array(hidden, np.uint16)).any(axis=2)
        alpha = shown.astype(np.uint16) * np.uint16(TOP)
    return Samples(color, alpha, depth, code=code)


def _read_tiff(image: Image.Image, file: BinaryIO) -> Samples | None:
    if max(image.tag_v2.get(258, (1,))) <= 8:  # type: ignore[attr-defined]
        return None
    from fast_nst.image.deep_tiff import read_page

    return read_page(file, image.tell())


def _read_avif(image: Image.Image, file: BinaryIO) -> Samples | None:
    depth, code = _avif_depth(file), _code_of(image, file)
    if depth == 8 and code is None:
        return None
    import imagecodecs

    file.seek(0)
    values = to_16_bits(imagecodecs.avif_decode(file.read()), depth)
    values = values[..., None] if values.ndim == 2 else values
    if values.shape[2] in (2, 4):
        return Samples(values[..., :-1], values[..., -1], depth, code=code)
    return Samples(values, None, depth, code=code)


def _read_heif(image: Image.Image, file: BinaryIO) -> Samples | None:
    depth, code = image.info.get("bit_depth", 8), _code_of(image, file)
    if depth <= 8 and code is None:
        return None
    import pillow_heif

    file.seek(0)
    # At 16 bits it shifts: white would be 65472 (findings/pillow_heif_shifts_ten_bits.sh).
    opened = pillow_heif.open_heif(file.read(), convert_hdr_to_8bit=False, hdr_to_16bit=False)
    frame = opened[image.tell()]
    values = to_16_bits(np.asarray(frame), depth)
    values = values[..., None] if values.ndim == 2 else values
    if values.shape[2] not in (2, 4):
        return Samples(values, None, depth, True, code)
    color, alpha = values[..., :-1], values[..., -1]
    color = unpremultiply(color, alpha) if "a" in frame.mode else color
    return Samples(color, alpha, depth, True, code)


_READERS: Mapping[str, Callable[[Image.Image, BinaryIO], Samples | None]] = {
    "PNG": _read_png,
    "TIFF": _read_tiff,
    "AVIF": _read_avif,
    "HEIF": _read_heif,
}
