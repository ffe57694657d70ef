"""Open files of the formats of ``extras.py``, each with the package that knows it."""

from __future__ import annotations

import contextlib
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from fast_nst.errors import ImageError
from fast_nst.image.deep import TOP, DeepFile, Samples, to_16_bits
from fast_nst.image.light import compress, encode_srgb

_ROWS = 256
_WHITE = 1.001  # light above this is a highlight; below, rounding


def open_heif(file: BinaryIO) -> Image.Image:
    """Open HEIC or HEIF; pillow-heif's own plugin, without registering it for the whole process."""
    from pillow_heif.as_plugin import HeifImageFile

    file.seek(0)
    opened: Image.Image = HeifImageFile(file, "")  # type: ignore[no-untyped-call]
    return opened


def open_jxl(file: BinaryIO) -> DeepFile:
    """Open JPEG XL: metadata by pillow-jxl-plugin, and pixels at their depth by imagecodecs."""
    import imagecodecs
    from pillow_jxl.JpegXLImagePlugin import JXLImageFile

    file.seek(0)
    content = file.read()
    file.seek(0)
    plugin = JXLImageFile(file, "")
    info: dict[str, Any] = {
        key: plugin.info[key] for key in ("icc_profile", "xmp") if key in plugin.info
    }
    exif = Image.Exif()
    with contextlib.suppress(Exception):  # damaged metadata is no reason to refuse the image
        exif = plugin.getexif()
        exif.pop(ExifTags.Base.Orientation, None)  # the decoder turns the pixels

    def decode() -> Samples:
        values = imagecodecs.jpegxl_decode(content, index=0)
        depth = {"u1": 8, "u2": 16}.get(values.dtype.str[1:], 32)
        if depth == 32:
            values = np.clip(values, 0, 1)
        scaled = to_16_bits(values)
        scaled = scaled[..., None] if scaled.ndim == 2 else scaled
        if scaled.shape[2] in (2, 4):
            return Samples(scaled[..., :-1], scaled[..., -1], depth, upright=True)
        return Samples(scaled, None, depth, upright=True)

    return DeepFile("JXL", plugin.size, decode, info, exif=exif)


def open_exr(file: BinaryIO) -> DeepFile:
    """Open OpenEXR: linear light of Rec. 709, which becomes sRGB.

    Light above 1 is no color that a screen shows: from 0.8 on, it is compressed towards 1.
    """
    import OpenEXR

    file.seek(0)
    with OpenEXR.File(file, header_only=True) as opened:
        header, parts = dict(opened.header()), len(opened.parts)  # closing empties it
    low, high = header["displayWindow"]
    size = (int(high[0] - low[0]) + 1, int(high[1] - low[1]) + 1)
    notes: list[str] = []
    if parts > 1:
        notes.append(f"has {parts} parts, of which the first is read")

    def decode() -> Samples:
        file.seek(0)
        with OpenEXR.File(file) as opened:
            channels = {name: each.pixels for name, each in opened.channels().items()}
        color, alpha = _pick_channels(channels, notes)
        depth = 16 if color.dtype == np.float16 else 32
        color = _in_window(color, header, size)
        alpha = None if alpha is None else _in_window(alpha, header, size)
        return _of_light(color, alpha, depth, notes)

    return DeepFile("EXR", size, decode, notes=lambda: tuple(notes))


def open_raw(file: BinaryIO) -> DeepFile:
    """Open a camera's raw file: LibRaw develops it, with the camera's white balance, in sRGB."""
    import rawpy

    file.seek(0)
    with rawpy.imread(file) as opened:
        size = (opened.sizes.width, opened.sizes.height)
        if opened.sizes.flip in (5, 6):
            size = size[::-1]

    def decode() -> Samples:
        file.seek(0)
        with rawpy.imread(file) as opened:
            values: Any = opened.postprocess(
                use_camera_wb=True,
                output_color=rawpy.ColorSpace.sRGB,
                output_bps=16,
                gamma=(2.4, 12.92),
            )
        return Samples(values, None, 16, upright=True)

    tags = Image.Exif()
    with contextlib.suppress(Exception):  # not every raw file is a TIFF with tags
        file.seek(0)
        tags.load_from_fp(file)
        tags.pop(ExifTags.Base.Orientation, None)  # LibRaw turns the pixels
    return DeepFile("RAW", size, decode, exif=tags)


def _pick_channels(
    channels: dict[str, npt.NDArray[Any]], notes: list[str]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Color, (H, W, 1 or 3), and opacity, (H, W), of the layer without a name."""
    used = {name for name in ("RGBA", "RGB", "R", "G", "B", "Y", "A") if name in channels}
    if not used & {"RGBA", "RGB", "Y"} and not {"R", "G", "B"} <= used:
        raise ImageError(
            f"its channels are {', '.join(channels)}; expected R, G and B, or Y. "
            "Save the layer that you mean under these names."
        )
    if others := sorted(set(channels) - used):
        notes.append(f"has more channels ({', '.join(others)}), which are left out")
    if "RGBA" in channels:
        return channels["RGBA"][..., :3], channels["RGBA"][..., 3]
    alpha = channels.get("A")
    if "RGB" in channels:
        return channels["RGB"], alpha
    if "Y" in channels:
        return channels["Y"][..., None], alpha
    return np.stack([channels[each] for each in "RGB"], axis=2), alpha


def _in_window(
    plane: npt.NDArray[Any], header: dict[str, Any], size: tuple[int, int]
) -> npt.NDArray[Any]:
    """What of the stored pixels lies in the display window; there, the others are 0."""
    left, top = (header["dataWindow"][0] - header["displayWindow"][0]).tolist()
    height, width = plane.shape[:2]
    if (left, top) == (0, 0) and (width, height) == size:
        return plane
    window = np.zeros((size[1], size[0], *plane.shape[2:]), plane.dtype)
    rows = slice(max(0, top), min(size[1], top + height))
    columns = slice(max(0, left), min(size[0], left + width))
    if rows.start < rows.stop and columns.start < columns.stop:
        window[rows, columns] = plane[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
    return window


def _of_light(
    color: npt.NDArray[Any], alpha: npt.NDArray[Any] | None, depth: int, notes: list[str]
) -> Samples:
    """Encode linear light, premultiplied as OpenEXR has it, as sRGB."""
    height, width = color.shape[:2]
    strips = [slice(top, top + _ROWS) for top in range(0, height, _ROWS)]
    most = max(float(_straight(color, alpha, rows)[0].max(initial=0)) for rows in strips)
    encoded = np.empty((height, width, color.shape[2]), np.uint16)
    opacity = None if alpha is None else np.empty((height, width), np.uint16)
    for rows in strips:
        light, part = _straight(color, alpha, rows)
        light = compress(light) if most > _WHITE else light.clip(max=1)
        encoded[rows] = (encode_srgb(light) * TOP).round()
        if opacity is not None and part is not None:
            opacity[rows] = (part * TOP).round()
    if most > _WHITE:
        notes.append(f"holds light up to {most:.3g}: its highlights above 1 were compressed")
    return Samples(encoded, opacity, depth)


def _straight(
    color: npt.NDArray[Any], alpha: npt.NDArray[Any] | None, rows: slice
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
    """Rows of light that is not premultiplied, and of opacity."""
    light = np.nan_to_num(color[rows].astype(np.float32), nan=0.0, posinf=6e4).clip(min=0)
    if alpha is None:
        return light, None
    part = np.nan_to_num(alpha[rows].astype(np.float32)).clip(0, 1)
    return light / np.maximum(part, 1e-6)[..., None] * (part > 0)[..., None], part
