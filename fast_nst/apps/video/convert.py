"""From decoded frames to what filters take: upright RGB of standard range, and opacity."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fast_nst.apps.video.color import (
    DEEP_WHITE,
    RGB,
    SDR,
    Alpha,
    Colors,
    colors_of,
    depth_of,
    has_alpha,
    to_rgb,
    white_of,
)
from fast_nst.apps.video.high_range import ToneMapper, high_range_of
from fast_nst.apps.video.orientation import orientation_of
from fast_nst.apps.video.pyav import import_av

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_ALWAYS_ROOM = ("gif", "apng", "png")  # codecs whose frames have alpha, whether it is used or not
# What frames may bring along, and frames that are painted anew do not.
_NOT_PASSED = {
    "A53_CC": "closed captions within the picture",
    "DYNAMIC_HDR_PLUS": "HDR10+ data",
    "DOVI_RPU_BUFFER": "Dolby Vision data",
    "DOVI_METADATA": "Dolby Vision data",
    "SPHERICAL": "mark of a 360-degree video",
    "STEREO3D": "mark of a 3-D video",
}


class FrameConverter:
    """Converts the frames of one clip, all to the size and colors that the first one has.

    Args:
        frame: the first.
        source: the file.
        stream: its picture.
        short_side: px to scale to; None for the frame's own size.

    Attributes:
        height: px, upright.
        width: px, upright.
        aspect: width of a pixel divided by its height, upright.
        colors: of what is given.
        depth: bits of each value in the file.
        alpha: whether opacity is given.
        high_range: how the file holds luminance; None for a standard range.
        notes: what frames brought along that is not passed on, in a few words each.
    """

    def __init__(
        self,
        frame: VideoFrame,
        source: str | os.PathLike[str],
        stream: VideoStream,
        short_side: int | None,
    ) -> None:
        self.notes: set[str] = set()
        self._orientation = orientation_of(frame.side_data)
        self._size = (frame.height, frame.width)
        if short_side is not None:
            scale = short_side / min(self._size)
            self._size = (round(frame.height * scale), round(frame.width * scale))
        self.height, self.width = self._size
        self.aspect = stream.sample_aspect_ratio or Fraction(1)
        if self._orientation.transpose:
            self.height, self.width = self.width, self.height
            self.aspect = 1 / self.aspect
        self._colors = colors_of(frame)
        self.depth = depth_of(frame)
        self.alpha = has_alpha(frame) and _is_used(_opacities(frame, source, stream, self._colors))
        self.high_range = high_range_of(frame, self._colors)
        self._to_standard = None
        self.colors = self._colors
        if self.high_range is not None:
            self._to_standard = ToneMapper(self.high_range)
            self.colors = SDR

    def __call__(self, frame: VideoFrame) -> tuple[RGB, Alpha | None]:
        """Convert a frame: (H, W, 3), and with ``alpha``, (H, W) of the same type."""
        self.notes.update(not_passed(frame.side_data))
        rgb, alpha = to_rgb(frame, self._colors, self._size)
        if self._to_standard is not None:
            rgb = self._to_standard(rgb)
        rgb = self._orientation.upright(rgb)
        if not self.alpha or alpha is None:
            return rgb, None
        if alpha.dtype != rgb.dtype:
            alpha = alpha.astype(np.uint16) * (DEEP_WHITE // 255)
        alpha = self._orientation.upright(alpha)
        return covered(rgb, alpha), alpha


def not_passed(side_data: Mapping[Any, Any]) -> Iterator[str]:
    """What a frame brings along that is not passed on, in a few words each."""
    for name, what in _NOT_PASSED.items():
        if name in side_data:
            yield f"no {what}: frames are painted anew"


def covered(rgb: RGB, alpha: Alpha) -> RGB:
    """Let visible colors go on where a frame is transparent, so that hidden ones do not show.

    Args:
        rgb: (H, W, 3).
        alpha: (H, W), of the same type.
    """
    from fast_nst.image.transparency import cover_hidden_colors

    white = np.float32(white_of(rgb))
    if alpha.min() >= white:
        return rgb
    planes = rgb.transpose(2, 0, 1).astype(np.float32) / white
    filled = cover_hidden_colors(planes, (alpha[None] / white).astype(np.float32))
    result: RGB = np.rint(filled * white).astype(rgb.dtype)
    return result.transpose(1, 2, 0)


def _opacities(
    frame: VideoFrame, source: str | os.PathLike[str], stream: VideoStream, colors: Colors
) -> Iterator[Any]:
    """What tells whether there is transparency: nothing if the format says so already."""
    name = stream.codec_context.name
    if name in _ALWAYS_ROOM:
        with import_av().open(os.fspath(source)) as file:
            for each in file.decode(video=0):
                yield to_rgb(each, colors)[1]
    elif name == "rawvideo" or frame.format.name == "pal8":
        # Of palettes, nearly none is transparent; a fourth byte is mostly a filler of zeros.
        yield to_rgb(frame, colors)[1]
    else:
        yield np.array([0, 255], np.uint8)


def _is_used(opacities: Iterator[Any]) -> bool:
    """Whether a frame is transparent in part."""
    for alpha in opacities:
        white = 255 if alpha.dtype == np.uint8 else DEEP_WHITE
        if alpha.min() < white and alpha.max() > 0:
            return True
    return False
