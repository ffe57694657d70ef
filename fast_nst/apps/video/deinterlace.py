"""Make whole frames of those whose odd and even lines were taken at different times."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fast_nst.apps.video.pyav import import_av

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

NOTE = "deinterlaced: its odd and even lines were taken at different times"


class Deinterlacer:
    """Passes frames on, interlaced ones through FFmpeg's bwdif.

    Begins with the first interlaced frame, and keeps one frame back from then on. One frame comes
    out for each that goes in, at the same time.

    Args:
        unit: of the frames' time stamps, s.
    """

    def __init__(self, unit: Fraction) -> None:
        self.used = False
        self._unit = unit
        self._graph: Any = None
        self._kind: tuple[str, int, int] | None = None

    def __call__(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """Take a frame, and give those that are ready."""
        if self._graph is None and not frame.interlaced_frame:
            yield frame
            return
        kind = (frame.format.name, frame.width, frame.height)
        if kind != self._kind:
            yield from self.finish()
            self._graph, self._kind = self._build(frame), kind
        self.used = True
        # Its time base is the container's: a decoder may state another one.
        frame.time_base = self._unit
        self._graph.push(frame)
        yield from self._pull()

    def finish(self) -> Iterator[VideoFrame]:
        """Give what is left."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pull()
            self._graph = self._kind = None

    def _pull(self) -> Iterator[VideoFrame]:
        av = import_av()
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            if frame.pts is not None and frame.time_base:  # bwdif counts in halves
                frame.pts = round(frame.pts * frame.time_base / self._unit)
                frame.duration = round((frame.duration or 0) * frame.time_base / self._unit)
            frame.time_base = self._unit
            yield frame

    def _build(self, frame: VideoFrame) -> Any:
        from av.filter import Graph

        graph = Graph()
        begin = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=self._unit
        )
        # One frame for each, by the field order that the frame states; whole ones stay.
        weave = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
        end = graph.add("buffersink")
        begin.link_to(weave)
        weave.link_to(end)
        graph.configure()
        return graph
