"""Time stamps that begin with the clip, and go on where those of its file begin again.

Files of broadcasts and cameras (MPEG-TS, MPEG-PS) may be joined by copying one after the other.
Their time stamps then jump: mostly back to the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

# As FFmpeg's command: what is no jump, in formats whose time stamps may jump.
_BACK_S, _FORTH_S = Fraction(1, 10), Fraction(10)
_BACK_ELSEWHERE_S = Fraction(1)  # other formats' times may be a little disordered, but not that
_OVERLAP_S = Fraction(1, 10)  # by which sound of one part may reach into the next
_TS_DISCONT = 0x0200  # FFmpeg's flag of such formats


@dataclass
class _Stream:
    """A stream as far as it was read: times in s, without and with the shift."""

    kind: str
    begin: Fraction
    end: Fraction
    step: Fraction
    shift: int = 0  # which of the shifts it is at


class Timeline:
    """Shifts the packets of a clip, in the order of its file.

    All streams move together, so that sound stays with the picture: to zero at the beginning, and
    behind what was before where time stamps jump.

    Args:
        begin_s: what the file's time stamps begin with.
        flags: of the container's format.
        step_s: how long a frame of the picture lasts, where packets do not say.
    """

    def __init__(self, begin_s: Fraction, flags: int, step_s: Fraction) -> None:
        jumps = bool(flags & _TS_DISCONT)
        self._back = _BACK_S if jumps else _BACK_ELSEWHERE_S
        self._forth = _FORTH_S if jumps else None
        self._shifts = [-begin_s]
        self._step_s = step_s
        self._streams: dict[int, _Stream] = {}

    def place(self, packet: Any) -> None:
        """Change a packet's time stamps to those of the clip."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or not packet.time_base:
            return
        shift = self._shifts[self._number(packet, stamp * packet.time_base)]
        if not shift:
            return
        ticks = round(shift / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks

    def _number(self, packet: Any, at: Fraction) -> int:
        """Which shift a packet needs that is at ``at`` in its file."""
        kind = packet.stream.type
        if kind == "subtitle":  # far apart, so that a jump cannot be told
            return len(self._shifts) - 1
        step = (packet.duration or 0) * packet.time_base
        if not step and kind == "video":
            step = self._step_s
        stream = self._streams.get(packet.stream.index)
        if stream is None:
            newest = len(self._shifts) - 1
            stream = _Stream(kind, at, at + self._shifts[newest] + step, step, newest)
            self._streams[packet.stream.index] = stream
            return newest
        if not self._fits(stream, at, stream.shift):
            newest = len(self._shifts) - 1
            if stream.shift == newest or not self._fits(stream, at, newest):
                self._shifts.append(self._behind(stream, at))
                newest += 1
            stream.shift = newest
        stream.end, stream.step = at + self._shifts[stream.shift] + step, step
        return stream.shift

    def _fits(self, stream: _Stream, at: Fraction, shift: int) -> bool:
        """Whether a packet follows the last one of its stream."""
        gap = at + self._shifts[shift] - stream.end
        return gap >= -self._back and (self._forth is None or gap <= self._forth)

    def _behind(self, found: _Stream, at: Fraction) -> Fraction:
        """The shift by which a part that was found at ``at`` in one of its streams goes on.

        Parts are taken to begin alike, so that where one stream begins tells it of the others.
        The picture goes on at its own rate, unless the sound before it is longer.
        """
        wanted = {
            "video" if each.kind == "video" else "sound": Fraction(-(10**9))
            for each in self._streams.values()
        }
        for each in self._streams.values():
            begin = at + each.begin - found.begin
            kind = "video" if each.kind == "video" else "sound"
            wanted[kind] = max(wanted[kind], each.end - begin)
        picture = wanted.get("video")
        sound = wanted.get("sound")
        if picture is None:
            return sound or Fraction(0)
        if sound is None or sound <= picture + _OVERLAP_S:
            return picture
        return sound
