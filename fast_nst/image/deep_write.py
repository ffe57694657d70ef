"""Write images of more than 8 bits per channel, which Pillow cannot: PNG, TIFF, AVIF, OpenEXR."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fast_nst.errors import ImageError
from fast_nst.image.extras import EXR
from fast_nst.image.isobmff import add_metadata
from fast_nst.image.light import decode_srgb
from fast_nst.image.metadata import Metadata, exif_with_resolution, tiff_exif

Deep = npt.NDArray[np.uint16] | npt.NDArray[np.float32]

_AVIF_QUALITY = 85
_AVIF_SPEED = 6  # that of Pillow; the encoder's own default takes 50 times as long
_PNG_LEVEL = 6
_BT709, _SRGB_CURVE = 1, 13  # ITU-T H.273
_PNG_HEADER = 33  # bytes: the signature and IHDR
_ROWS = 256


def save_deep(
    values: Deep,
    kind: str,
    depth: int,
    file: BinaryIO,
    *,
    quality: int | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Write an image of more than 8 bits per channel. Nothing is dithered.

    Args:
        values: (H, W, 3 or 4), of 0 to 65535, or floating point in [0, 1]; sRGB, and opacity.
        kind: ``"PNG"``, ``"TIFF"``, ``"AVIF"`` or ``"EXR"``.
        depth: one of its ``DEPTHS`` above 8.
        file: opened for writing, and seekable.
        quality: 1 to 100, for AVIF; 85 by default.
        metadata: written to the file, as far as the format holds them.

    Raises:
        ImageError: If a package is missing.
        Exception: Whatever an encoder raises.
    """
    _SAVERS[kind](values, depth, file, quality, metadata or Metadata())


class TiffPages:
    """Writes pages of a TIFF, one after the other, of any size and depth.

    Args:
        file: opened for writing, and seekable.
    """

    def __init__(self, file: BinaryIO) -> None:
        import tifffile

        self._writer = tifffile.TiffWriter(file)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()

    def add(self, values: npt.NDArray[Any], metadata: Metadata | None = None) -> None:
        """Write a page.

        Args:
            values: (H, W, 3 or 4), uint8 or uint16, or floating point in [0, 1] for 16 bits.
            metadata: of this page.
        """
        if values.dtype.kind == "f":
            values = to_top(values, 65535)
        metadata = metadata or Metadata()
        resolution: dict[str, Any] = {}
        if metadata.dpi is not None:
            resolution = {"resolution": metadata.dpi, "resolutionunit": "INCH"}
        self._writer.write(
            values,
            photometric="rgb",
            compression="zlib",
            predictor=True,
            extrasamples=["unassalpha"] if values.shape[2] == 4 else None,
            metadata=None,
            software=False,
            extratags=_tiff_tags(metadata),
            **resolution,
        )


def to_top(values: Deep, top: int) -> npt.NDArray[np.uint16]:
    """Scale uint16, or floating point in [0, 1], to 0 to ``top``; rounded, and clipped."""
    if values.dtype == np.uint16 and top == 65535:
        return values.astype(np.uint16, copy=False)
    scaled = np.empty(values.shape, np.uint16)
    factor = np.float32(top) if values.dtype.kind == "f" else np.float64(top / 65535)
    for first in range(0, len(values), _ROWS):
        rows = values[first : first + _ROWS] * factor
        scaled[first : first + _ROWS] = rows.round().clip(0, top)
    return scaled


def _save_png(
    values: Deep, depth: int, file: BinaryIO, quality: int | None, metadata: Metadata
) -> None:
    import imagecodecs

    encoded = imagecodecs.png_encode(to_top(values, 65535), level=_PNG_LEVEL)
    file.write(encoded[:_PNG_HEADER])
    if metadata.dpi is not None:
        per_meter = (round(each / 0.0254) for each in metadata.dpi)
        _write_chunk(file, b"pHYs", struct.pack(">IIB", *per_meter, 1))
    if metadata.exif:
        _write_chunk(file, b"eXIf", metadata.exif.removeprefix(b"Exif\0\0"))
    if metadata.xmp:
        _write_chunk(file, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    file.write(memoryview(encoded)[_PNG_HEADER:])


def _write_chunk(file: BinaryIO, name: bytes, content: bytes) -> None:
    check = zlib.crc32(name + content)
    file.write(struct.pack(">I", len(content)) + name + content + struct.pack(">I", check))


def _save_tiff(
    values: Deep, depth: int, file: BinaryIO, quality: int | None, metadata: Metadata
) -> None:
    with closing(TiffPages(file)) as pages:
        pages.add(values, metadata)


def _tiff_tags(metadata: Metadata) -> list[tuple[int, str, int, Any, bool]]:
    """EXIF and XMP as tifffile takes tags: code, type, count, value, whether for all pages."""
    found: list[tuple[int, str, int, Any, bool]] = []
    for tag, value in tiff_exif(metadata).items():
        if isinstance(value, bytes) and (tag == 700 or tag >= 0x9C9B):  # XMP, and those of Windows
            found.append((tag, "B", len(value), value, True))
        elif isinstance(value, str | bytes):
            found.append((tag, "s", 0, value, True))
    return found


def _save_avif(
    values: Deep, depth: int, file: BinaryIO, quality: int | None, metadata: Metadata
) -> None:
    import imagecodecs

    encoded = imagecodecs.avif_encode(
        to_top(values, 2**depth - 1),
        level=_AVIF_QUALITY if quality is None else quality,
        speed=_AVIF_SPEED,
        numthreads=os.cpu_count() or 1,
        bitspersample=depth,
        pixelformat="444",
        primaries=_BT709,
        transfer=_SRGB_CURVE,
        matrix=_BT709,
    )
    exif = exif_with_resolution(metadata)
    file.write(add_metadata(bytes(encoded), exif, metadata.xmp))


def _save_exr(
    values: Deep, depth: int, file: BinaryIO, quality: int | None, metadata: Metadata
) -> None:
    if not EXR.installed:
        from fast_nst.image.extras import NEEDED

        raise ImageError(f"OpenEXR needs another package. {NEEDED}.")
    import OpenEXR

    kind = np.float16 if depth == 16 else np.float32
    light = np.empty(values.shape, kind)
    for first in range(0, len(values), _ROWS):
        rows = values[first : first + _ROWS].astype(np.float32)
        rows = rows / np.float32(65535) if values.dtype == np.uint16 else rows.clip(0, 1)
        linear = decode_srgb(rows[..., :3])
        if values.shape[2] == 4:  # OpenEXR holds light that is premultiplied
            linear = np.concatenate([linear * rows[..., 3:], rows[..., 3:]], axis=2)
        light[first : first + _ROWS] = linear
    header: dict[str, Any] = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
    }
    if metadata.dpi is not None:
        header["xDensity"] = np.float32(metadata.dpi[0])
        header["pixelAspectRatio"] = float(metadata.dpi[0] / metadata.dpi[1])
    buffer = io.BytesIO()
    OpenEXR.File(header, {"RGBA" if values.shape[2] == 4 else "RGB": light}).write(buffer)
    file.write(buffer.getbuffer())


_SAVERS: Mapping[str, Callable[[Deep, int, BinaryIO, int | None, Metadata], None]] = {
    "PNG": _save_png,
    "TIFF": _save_tiff,
    "AVIF": _save_avif,
    "EXR": _save_exr,
}
