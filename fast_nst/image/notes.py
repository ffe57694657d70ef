"""What a file holds besides the image that is read, said in parts of sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from fast_nst.image.deep import DeepFile
from fast_nst.image.deep_read import hdr_code
from fast_nst.image.pixels import Pixels, read_pixels

_GAIN_MAP = "has a gain map for HDR screens: the picture without it was taken"
_MP_ENTRIES = 0xB002  # of the index of a multi-picture JPEG


def read_with_notes(image: Image.Image) -> tuple[Pixels, tuple[str, ...]]:
    """Decode an opened image file, as :func:`read_pixels` does, and say what is left out.

    Raises:
        ImageError, OSError: As there.
    """
    if isinstance(image, DeepFile):
        pixels = read_pixels(image)
        return pixels, image.notes
    notes = _read_notes(image)  # first: once pixels are read, files are closed
    return read_pixels(image), notes


def _read_notes(image: Image.Image) -> tuple[str, ...]:
    reader = _READERS.get(image.format or "")
    return () if reader is None else reader(image)


def _of_jpeg(image: Image.Image) -> tuple[str, ...]:
    if "mp" not in image.info:
        return ()
    for segment, content in getattr(image, "applist", ()):
        ultra = segment == "APP1" and b"hdrgm:Version" in content
        if ultra or (segment == "APP2" and content.startswith(b"urn:iso:std:iso:ts:21496:-1")):
            return (_GAIN_MAP,)
    count = getattr(image, "n_frames", 1)
    try:
        entries: list[dict[str, Any]] = image._getmp()[_MP_ENTRIES]  # type: ignore[attr-defined]
        previews = [e for e in entries if "Thumbnail" in str(e["Attribute"]["MPType"])]
    except Exception:  # for damaged bytes, Pillow raises errors of many types
        previews = []
    count -= len(previews)  # of a camera, for its own screen
    return (f"has {count} pictures: the first was taken",) if count > 1 else ()


def _of_heif(image: Image.Image) -> tuple[str, ...]:
    notes = []
    if (count := getattr(image, "n_frames", 1)) > 1:
        notes.append(f"has {count} pictures: the primary one was taken")
    if any("gain" in str(name).lower() for name in image.info.get("aux", {})):
        notes.append(_GAIN_MAP)
    if image.info.get("depth_images"):
        notes.append("has a map of distances, which was left out")
    return (*notes, *_of_hdr(image))


def _of_avif(image: Image.Image) -> tuple[str, ...]:
    file = getattr(image, "fp", None)
    if file is None or getattr(file, "closed", True):
        return ()
    at = file.tell()
    file.seek(0)
    head = file.read(1 << 14)
    file.seek(at)
    notes = (_GAIN_MAP,) if b"tmap" in head[:64] else ()
    return (*notes, *_of_hdr(image))


def _of_hdr(image: Image.Image) -> tuple[str, ...]:
    code = hdr_code(image)
    if code is None:
        return ()
    if getattr(image, "is_animated", False) and image.format != "HEIF":
        return (f"is HDR ({code.hdr}) and animated, which is read as if it were not HDR",)
    return (code.note,)


_READERS: Mapping[str, Callable[[Image.Image], tuple[str, ...]]] = {
    "JPEG": _of_jpeg,
    "MPO": _of_jpeg,
    "HEIF": _of_heif,
    "AVIF": _of_avif,
    "PNG": _of_hdr,
}
