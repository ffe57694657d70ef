"""From a video's colors to RGB and back, by the matrix and the range that the file states.

Images are NumPy arrays, (H, W, 3), of 8 bits or, for deeper videos, of 16. Their memory is three
planes, which FFmpeg converts several times as fast as interleaved pixels, and which networks take
as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# (H, W, 3) and (H, W): uint8, where 255 is 1, or uint16, where DEEP_WHITE is.
RGB = npt.NDArray[np.unsignedinteger[Any]]
Alpha = npt.NDArray[np.unsignedinteger[Any]]

# What swscale takes for white where it converts limited range from and to 16 bits: 255 * 256. It
# makes 0.4 % less of 65535 (findings/swscale_makes_deep_white_gray.sh).
DEEP_WHITE = 65280

# Numbers of ITU-T H.273, which FFmpeg uses as well.
_UNSPECIFIED = 2
BT709, BT601, BT2020 = 1, 6, 9
# What swscale calls the matrices that it knows.
_SWSCALE = {BT709: 1, 4: 4, 5: 5, BT601: 5, 7: 7, BT2020: 9}
_LIMITED, _FULL = 1, 2


@dataclass(frozen=True)
class Colors:
    """The colors of a video, as numbers of ITU-T H.273: matrix, primaries, transfer function."""

    matrix: int
    primaries: int
    transfer: int


SDR = Colors(BT709, BT709, BT709)


def white_of(pixels: RGB) -> int:
    """The value that stands for 1."""
    return 255 if pixels.dtype == np.uint8 else DEEP_WHITE


def colors_of(frame: VideoFrame) -> Colors:
    """Read a frame's colors; what it does not state is guessed as players do, by its size.

    BT.709 from 1280 px of width or 577 of height, else BT.601 (the rule of mpv).
    """
    matrix = frame.colorspace
    if matrix not in _SWSCALE:  # RGB, unspecified, or one that swscale does not know
        matrix = BT709 if frame.width >= 1280 or frame.height > 576 else BT601
    usual = matrix if matrix in (BT709, BT2020) else BT601

    def stated(value: int) -> int:
        return usual if value == _UNSPECIFIED or value <= 0 else value

    transfer = stated(frame.color_trc)
    # BT.2020's own number as a matrix is another thing as a transfer function.
    return Colors(matrix, stated(frame.color_primaries), 14 if transfer == BT2020 else transfer)


def depth_of(frame: VideoFrame) -> int:
    """Bits of each value of a decoded frame; of a palette, those of its colors."""
    if frame.format.name == "pal8":
        return 8
    return max(component.bits for component in frame.format.components)


def has_alpha(frame: VideoFrame) -> bool:
    """Whether a decoded frame can hold transparency."""
    name = str(frame.format.name)
    return name == "pal8" or name.startswith(
        ("yuva", "gbrap", "ya", "rgba", "argb", "abgr", "bgra")
    )


def to_rgb(
    frame: VideoFrame, colors: Colors, size: tuple[int, int] | None = None
) -> tuple[RGB, Alpha | None]:
    """Convert a decoded frame.

    Args:
        frame: of any pixel format.
        colors: of the clip.
        size: (H, W) to scale to; None for the frame's own.

    Returns:
        (H, W, 3); and (H, W), its opacity, if the pixel format holds one. Both of uint8 if the
        frame has at most 8 bits, else of uint16.
    """
    height, width = size or (frame.height, frame.width)
    deep, alpha = depth_of(frame) > 8, has_alpha(frame)
    full = frame.color_range == _FULL
    converted = frame.reformat(
        width=width,
        height=height,
        format=("gbrap" if alpha else "gbrp") + ("16le" if deep else ""),
        src_colorspace=_SWSCALE[colors.matrix],
        src_color_range=_FULL if full else _LIMITED,
        interpolation=_careful(),
    )
    planes = _planes(converted, np.uint16 if deep else np.uint8)
    gray = str(frame.format.name).startswith(("gray", "ya"))
    if gray and frame.color_range == _LIMITED:
        planes[:3] = _from_limited(planes[:3])
    elif deep:
        white = _deep_white(frame, full=full or gray)
        if white != DEEP_WHITE:
            planes[:3] = _rescaled(planes[:3], white, DEEP_WHITE)
        if alpha:
            planes[3] = _rescaled(planes[3], _deep_white(frame, full=True), DEEP_WHITE)
    return planes[:3].transpose(1, 2, 0), planes[3] if alpha else None


def from_rgb(
    rgb: RGB,
    colors: Colors,
    pixels: str,
    size: tuple[int, int] | None = None,
    alpha: Alpha | None = None,
) -> VideoFrame:
    """Convert to a frame that an encoder takes, in limited range, or to full-range RGB.

    Args:
        rgb: (H, W, 3).
        colors: of the clip.
        pixels: FFmpeg's name of the pixel format.
        size: (H, W) to scale to; None for the image's own.
        alpha: (H, W), of the same type; None for an opaque image.
    """
    height, width = size or rgb.shape[:2]
    to_yuv = "yuv" in pixels
    frame = _frame(rgb, alpha, white=None if to_yuv else 65535)
    if not to_yuv:
        return frame.reformat(width=width, height=height, format=pixels, interpolation=_careful())
    return frame.reformat(
        width=width,
        height=height,
        format=pixels,
        dst_colorspace=_SWSCALE[colors.matrix],
        dst_color_range=_LIMITED,
        interpolation=_careful(),
    )


def as_planes(pixels: RGB) -> RGB:
    """The same (H, W, 3), or (H, W), in memory as planes."""
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)).transpose(1, 2, 0)


def flatten(rgb: RGB, alpha: Alpha) -> RGB:
    """Put an image with transparency over white."""
    white = white_of(rgb)
    opacity = alpha[..., None].astype(np.float32) / white_of(alpha)
    over = rgb * opacity + white * (1 - opacity)
    return as_planes(np.rint(over).astype(rgb.dtype))


def as_deep(pixels: RGB) -> RGB:
    """The same values in 16 bits."""
    if pixels.dtype == np.uint16:
        return pixels
    return pixels.astype(np.uint16) * (DEEP_WHITE // 255)


def as_shallow(pixels: RGB) -> RGB:
    """The same values in 8 bits."""
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) + 128) // 256).clip(0, 255).astype(np.uint8)


def _planes(frame: VideoFrame, kind: Any) -> npt.NDArray[Any]:
    """The planes of a planar RGB frame, with or without alpha, as (3 or 4, H, W), R first."""
    height, width = frame.height, frame.width
    order = (2, 0, 1, 3)[: len(frame.planes)]  # FFmpeg has green, blue, red
    planes = np.empty((len(order), height, width), kind)
    for place, number in enumerate(order):
        rows: Any = np.frombuffer(cast(Any, frame.planes[number]), kind)
        planes[place] = rows.reshape(height, -1)[:, :width]
    return planes


def _frame(rgb: RGB, alpha: Alpha | None, white: int | None) -> VideoFrame:
    """A planar RGB frame of arrays; of 16 bits, ``white`` is what 1 becomes, None for as it is."""
    from av.video.frame import VideoFrame

    height, width = rgb.shape[:2]
    deep = rgb.dtype == np.uint16
    name = ("gbrp" if alpha is None else "gbrap") + ("16le" if deep else "")
    frame = VideoFrame(width, height, name)
    planes: list[RGB] = [rgb[..., 1], rgb[..., 2], rgb[..., 0]]
    if alpha is not None:
        planes.append(alpha)
    for number, values in enumerate(planes):
        top = 65535 if number == 3 else white  # swscale means 65535 where it is no color
        if deep and top is not None:
            values = _rescaled(values, DEEP_WHITE, top)
        plane: Any = frame.planes[number]
        rows = np.frombuffer(plane, rgb.dtype).reshape(height, -1)
        rows[:, :width] = values
    return frame


def _deep_white(frame: VideoFrame, *, full: bool) -> int:
    """What swscale makes of a frame's 1, in 16 bits."""
    if not full and not _is_rgb(frame):
        return DEEP_WHITE
    bits = depth_of(frame)
    if bits > 16 or frame.format.name.startswith("x2"):
        return 65535
    return ((1 << bits) - 1) << (16 - bits)


def _is_rgb(frame: VideoFrame) -> bool:
    return bool(frame.format.is_rgb)


def _from_limited(values: Any) -> Any:
    """Gray of limited range, which swscale takes for full."""
    unit = 1 if values.dtype == np.uint8 else 256
    scaled = (values.astype(np.float32) - 16 * unit) * np.float32(255 / 219)
    return np.rint(scaled, out=scaled).clip(0, 255 * unit, out=scaled).astype(values.dtype)


def _rescaled(values: Any, white: int, wanted: int) -> Any:
    """16-bit values where ``white`` is 1, as those where ``wanted`` is."""
    if white == wanted:
        return values
    scaled = values.astype(np.float32) * np.float32(wanted / white)
    return np.rint(scaled, out=scaled).clip(0, 65535, out=scaled).astype(np.uint16)


def _careful() -> int:
    """Swscale's flags without which every conversion darkens by more than 1 of 255."""
    from av.video.reformatter import Interpolation as Flag

    return Flag.BICUBIC | Flag.ACCURATE_RND | Flag.FULL_CHR_H_INT | Flag.FULL_CHR_H_INP
