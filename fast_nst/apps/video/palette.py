"""Frames of 256 colors, chosen for each frame."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fast_nst.apps.video.pyav import import_av

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_FILTERS = (
    ("split", ""),
    ("palettegen", "stats_mode=single"),
    ("paletteuse", "new=1"),
)


class Palette:
    """FFmpeg's filters that choose the colors, and dither.

    Args:
        size: (H, W) of the frames.
        unit: of their time stamps, s.
        alpha: whether they are transparent in part.

    Attributes:
        pixels: the pixel format that frames must have.
    """

    def __init__(self, size: tuple[int, int], unit: Fraction, *, alpha: bool) -> None:
        from av.filter import Graph
        from av.video.format import VideoFormat

        self.pixels = "rgba" if alpha else "rgb24"
        height, width = size
        self._graph = Graph()
        begin = self._graph.add_buffer(
            width=width, height=height, format=VideoFormat(self.pixels), time_base=unit
        )
        split, choose, use = (self._graph.add(name, given) for name, given in _FILTERS)
        end = self._graph.add("buffersink")
        begin.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(choose, 1, 0)
        choose.link_to(use, 0, 1)
        use.link_to(end)
        self._graph.configure()

    def paint(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """Yield the frames that are ready; None at the end."""
        av = import_av()
        self._graph.push(frame)
        while True:
            try:
                painted: Any = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield painted
