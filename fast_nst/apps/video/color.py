"""From a video's colors to RGB and back, by the matrix and the range that the file states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

RGB = npt.NDArray[np.uint8]  # (H, W, 3), sRGB or what the video's own transfer function says

# Numbers of ITU-T H.273, which FFmpeg uses as well.
_UNSPECIFIED = 2
_BT709, _BT601, _BT2020 = 1, 6, 9
# What swscale calls the matrices that it knows.
_SWSCALE = {_BT709: 1, 4: 4, 5: 5, _BT601: 5, 7: 7, _BT2020: 9}
_LIMITED, _FULL = 1, 2


@dataclass(frozen=True)
class Colors:
    """The colors of a video, as numbers of ITU-T H.273: matrix, primaries, transfer function."""

    matrix: int
    primaries: int
    transfer: int


def colors_of(frame: VideoFrame) -> Colors:
    """Read a frame's colors; what it does not state is guessed as players do, by its size.

    BT.709 from 1280 px of width or 577 of height, else BT.601 (the rule of mpv).
    """
    matrix = frame.colorspace
    if matrix not in _SWSCALE:  # RGB, unspecified, or one that swscale does not know
        matrix = _BT709 if frame.width >= 1280 or frame.height > 576 else _BT601
    usual = matrix if matrix in (_BT709, _BT2020) else _BT601

    def stated(value: int) -> int:
        return usual if value == _UNSPECIFIED or value <= 0 else value

    transfer = stated(frame.color_trc)
    # BT.2020's own number as a matrix is another thing as a transfer function.
    return Colors(matrix, stated(frame.color_primaries), 14 if transfer == _BT2020 else transfer)


def to_rgb(frame: VideoFrame, colors: Colors, size: tuple[int, int] | None = None) -> RGB:
    """Convert a decoded frame.

    Args:
        frame: of any pixel format. Transparency is dropped.
        colors: of the clip.
        size: (H, W) to scale to; None for the frame's own.

    Returns:
        (H, W, 3), contiguous.
    """
    height, width = size or (frame.height, frame.width)
    rgb = frame.reformat(
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=_SWSCALE[colors.matrix],
        src_color_range=_FULL if frame.color_range == _FULL else _LIMITED,
        interpolation=_careful(),
    )
    return rgb.to_ndarray().astype(np.uint8, copy=False)


def from_rgb(
    rgb: RGB, colors: Colors, pixels: str, size: tuple[int, int] | None = None
) -> VideoFrame:
    """Convert to a frame that an encoder takes, in limited range, or to full-range RGB.

    Args:
        rgb: (H, W, 3).
        colors: of the clip.
        pixels: FFmpeg's name of the pixel format.
        size: (H, W) to scale to; None for the image's own.
    """
    from av.video.frame import VideoFrame

    frame = VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    height, width = size or rgb.shape[:2]
    if pixels == "rgb24" and (height, width) == rgb.shape[:2]:
        return frame
    if pixels == "rgb24":
        return frame.reformat(width=width, height=height, interpolation=_careful())
    return frame.reformat(
        width=width,
        height=height,
        format=pixels,
        dst_colorspace=_SWSCALE[colors.matrix],
        dst_color_range=_LIMITED,
        interpolation=_careful(),
    )


def _careful() -> int:
    """Swscale's flags without which every conversion darkens by more than 1 of 255."""
    from av.video.reformatter import Interpolation as Flag

    return Flag.BICUBIC | Flag.ACCURATE_RND | Flag.FULL_CHR_H_INT | Flag.FULL_CHR_H_INP
