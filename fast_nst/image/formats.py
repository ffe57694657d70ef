"""Image formats: which there are, what each can hold, and how each is written."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from fast_nst.errors import ImageError, suggest
from fast_nst.image.extras import EXTRA_SUFFIXES
from fast_nst.image.metadata import Metadata, exif_with_resolution, tiff_exif

JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi")
CAMERA_SUFFIXES = (".mpo",)  # a JPEG with further images behind it

WRITE_FORMATS: Mapping[str, str] = {
    ".png": "PNG",
    ".apng": "PNG",
    **dict.fromkeys(JPEG_SUFFIXES, "JPEG"),
    ".webp": "WEBP",
    ".avif": "AVIF",
    ".avifs": "AVIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".dib": "BMP",
    ".gif": "GIF",
    ".exr": "EXR",
}

# The usual ending of each, for messages.
MAIN_SUFFIXES = (".png", ".jpg", ".webp", ".avif", ".tif", ".bmp", ".gif", ".exr")
MAIN_READ_SUFFIXES = (*MAIN_SUFFIXES[:-1], ".heic", ".jxl", ".exr", ".dng")

READ_SUFFIXES = (
    *(suffix for suffix, kind in WRITE_FORMATS.items() if kind != "EXR"),
    *CAMERA_SUFFIXES,
    *EXTRA_SUFFIXES,
)

ANIMATED = ("PNG", "GIF", "WEBP", "AVIF")
PAGED = ("TIFF",)
HOLDS_ALPHA = ("PNG", "GIF", "WEBP", "AVIF", "TIFF", "EXR")  # most readers ignore that of BMP
MAX_SIDE = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535, "AVIF": 65535}

_SAVE_OPTIONS: Mapping[str, dict[str, Any]] = {
    # Stylized images are saturated and full of edges: chroma subsampling would be visible.
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 92, "method": 4},
    "AVIF": {"quality": 85, "subsampling": "4:4:4"},
    "TIFF": {"compression": "tiff_lzw"},
}
_GIF_STEP_MS = 10
_CLEAR = 255  # the transparent index of a GIF's palette


@dataclass(frozen=True)
class Timing:
    """How an animation plays.

    Attributes:
        durations_ms: how long each frame is shown.
        plays: how many times it plays; 0 to loop forever.
    """

    durations_ms: tuple[float, ...]
    plays: int = 0


def image_format(path: str | os.PathLike[str]) -> str:
    """Return the format that an image called ``path`` is written in, such as ``"PNG"``.

    Raises:
        ImageError: If the ending of the name is not one of ``WRITE_FORMATS``.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in WRITE_FORMATS:
        got = f"the ending {suffix!r} is unknown" if suffix else "its name has no ending"
        raise ImageError(
            f"cannot write {path}: {got}{suggest(suffix, WRITE_FORMATS)}. "
            f"Use one of {', '.join(MAIN_SUFFIXES)}."
        )
    return WRITE_FORMATS[suffix]


def encode(
    frames: Sequence[Image.Image],
    kind: str,
    *,
    timing: Timing | None = None,
    quality: int | None = None,
    metadata: Metadata | None = None,
) -> bytes:
    """Encode an image, or with ``timing`` an animation, in memory; see :func:`save`."""
    file = io.BytesIO()
    save(frames, kind, file, timing=timing, quality=quality, metadata=metadata)
    return file.getvalue()


def save(
    frames: Sequence[Image.Image],
    kind: str,
    file: BinaryIO,
    *,
    timing: Timing | None = None,
    quality: int | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Write an image, or with ``timing`` an animation, to a file of the format ``kind``.

    Args:
        frames: ``RGB`` or ``RGBA``, all of one size; a single one if there is no ``timing``.
        kind: a value of ``WRITE_FORMATS``; one of ``ANIMATED`` with ``timing``.
        file: opened for writing, and seekable.
        timing: one duration for each frame; None for a still image.
        quality: 1 to 100, for JPEG, WebP and AVIF; 95, 92 and 85 by default.
        metadata: written to the file; GIF has none, and BMP the resolution only.

    Raises:
        ImageError: If the format cannot hold an image of that size.
        OSError: If the encoder fails.
    """
    check_size(kind, frames[0].size)
    if kind == "EXR":
        from fast_nst.image.deep_write import save_deep

        values = np.asarray(frames[0]).astype(np.float32) / np.float32(255)
        save_deep(values, kind, 32, file, metadata=metadata)
        return
    options = dict(_SAVE_OPTIONS.get(kind, {}))
    if quality is not None and "quality" in options:
        options["quality"] = quality
    options |= _metadata_options(kind, metadata or Metadata())
    images = list(frames)
    if len({frame.mode for frame in images}) > 1:
        images = [frame.convert("RGBA") for frame in images]
    if kind == "GIF":
        images, more = _to_palette(images)
        options |= more
    if timing is not None:
        options |= {"save_all": True, "append_images": images[1:]} | _TIMING[kind](timing)
    if kind == "WEBP" and timing is not None and images[0].mode == "RGBA":
        content = io.BytesIO()
        images[0].save(content, format=kind, **options)
        file.write(state_transparency(content.getvalue()))
        return
    images[0].save(file, format=kind, **options)


def state_transparency(webp: bytes) -> bytes:
    """Say in the head of an animated WebP that it is transparent in part.

    libwebp does not if what is seen fills a rectangle in each frame: readers then show black around
    it (findings/libwebp_forgets_transparent_borders.sh).
    """
    if webp[12:16] != b"VP8X":
        return webp
    return webp[:20] + bytes([webp[20] | 0x10]) + webp[21:]


def check_size(kind: str, size: tuple[int, int]) -> None:
    """Check that a format can hold an image of ``size``, (width, height) px.

    Raises:
        ImageError: If the image is too large.
    """
    width, height = size
    if max(height, width) > (longest := MAX_SIDE.get(kind, max(height, width))):
        raise ImageError(
            f"the image is {width}x{height} px and {kind} holds at most {longest} px a side. "
            "Write a .png."
        )


def _metadata_options(kind: str, metadata: Metadata) -> dict[str, Any]:
    if kind == "GIF":
        return {}
    dpi: dict[str, Any] = {"dpi": metadata.dpi} if metadata.dpi else {}
    if kind == "BMP":
        return dpi or {"dpi": (0, 0)}  # unknown; Pillow would make up 96
    if kind == "TIFF":
        return dpi | ({"exif": tiff_exif(metadata)} if metadata.exif or metadata.xmp else {})
    exif = metadata.exif
    if kind in ("WEBP", "AVIF"):
        exif, dpi = exif_with_resolution(metadata), {}
    options: dict[str, Any] = dpi | ({"exif": exif} if exif else {})
    if metadata.xmp and kind == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode())
        return options | {"pnginfo": chunks}
    return options | ({"xmp": metadata.xmp} if metadata.xmp else {})


def _to_palette(frames: list[Image.Image]) -> tuple[list[Image.Image], dict[str, Any]]:
    """Quantize all frames to one palette of 255 colors, with dithering.

    A palette for each frame would flicker, and without dithering there would be bands.
    """
    sample = Image.new("RGB", (256, 256))
    side = -int(-(len(frames) ** 0.5) // 1)  # of the smallest square grid that holds all frames
    cell = max(1, 256 // side)
    for index, frame in enumerate(frames[: side * side]):
        place = (index % side * cell, index // side * cell)
        sample.paste(frame.convert("RGB").resize((cell, cell)), place)
    used = sample.crop((0, 0, cell * min(side, len(frames)), cell * -(-len(frames) // side)))
    palette = used.quantize(_CLEAR, method=Image.Quantize.MEDIANCUT)
    reduced = [
        frame.convert("RGB").quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        for frame in frames
    ]
    if frames[0].mode != "RGBA":
        return reduced, {}
    for frame, shown in zip(frames, reduced, strict=True):
        hidden = frame.getchannel("A").point(lambda alpha: 255 if alpha < 128 else 0)
        shown.paste(_CLEAR, mask=hidden)
    return reduced, {"transparency": _CLEAR, "disposal": 2}


def _round_durations(durations_ms: Sequence[float], step: int) -> list[int]:
    """Round to multiples of ``step``, ms, with each error carried over to the next duration."""
    rounded: list[int] = []
    due = shown = 0.0
    for duration in durations_ms:
        due += duration
        rounded.append(max(0, round((due - shown) / step)) * step)
        shown += rounded[-1]
    return rounded


def _gif_timing(timing: Timing) -> dict[str, Any]:
    # A GIF stores the number of repeats, and nothing if it plays once.
    loop = {} if timing.plays == 1 else {"loop": max(0, timing.plays - 1)}
    return {"duration": _round_durations(timing.durations_ms, _GIF_STEP_MS), **loop}


def _looping_timing(timing: Timing) -> dict[str, Any]:
    return {"duration": _round_durations(timing.durations_ms, 1), "loop": timing.plays}


def _avif_timing(timing: Timing) -> dict[str, Any]:
    # Pillow lets every AVIF play forever (findings/pillow_plays_avif_forever.sh).
    return {"duration": _round_durations(timing.durations_ms, 1)}


_TIMING: Mapping[str, Callable[[Timing], dict[str, Any]]] = {
    "GIF": _gif_timing,
    "PNG": _looping_timing,
    "WEBP": _looping_timing,
    "AVIF": _avif_timing,
}
