"""What is known of a video, and its frames, once they are read; no PyAV in here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

from fast_nst.apps.video.color import RGB, Alpha, Colors

if TYPE_CHECKING:
    from av.packet import Packet


@dataclass(frozen=True)
class HighRange:
    """How a video of high dynamic range holds luminance.

    Attributes:
        colors: of the file.
        peak: of its brightest white, cd/m2.
        mastering: on what screen it was made and how bright it gets, as x265 is told it; empty if
            the file does not say.
    """

    colors: Colors
    peak: float
    mastering: str = ""


@dataclass(frozen=True)
class ClipInfo:
    """What is known of a video before it is read to the end.

    Attributes:
        height: px, upright.
        width: px, upright.
        aspect: width of a pixel divided by its height, upright.
        colors: the matrix, primaries and transfer function of the frames that are given; of a
            high dynamic range, those that it is mapped to.
        time_base: the unit of its time stamps, s.
        rate: frames per second, on average.
        frames: how many there are; None where the file does not say.
        depth: bits of each value in the file.
        alpha: whether it holds transparency.
        high_range: how the file holds luminance; None for a standard range.
    """

    height: int
    width: int
    aspect: Fraction
    colors: Colors
    time_base: Fraction
    rate: Fraction
    frames: int | None
    depth: int = 8
    alpha: bool = False
    high_range: HighRange | None = None


@dataclass(frozen=True)
class Decoded:
    """A frame, and what stood before it in the file.

    Attributes:
        rgb: (H, W, 3), upright, of 8 or 16 bits (:mod:`fast_nst.apps.video.color`); None where
            there are only packets.
        time: when it is shown, in units of the clip's time base; larger than all before it.
        duration: for how long, likewise; 0 where the file does not say.
        packets: of sound and subtitles, in the order of the file; their times begin with the
            clip's.
        alpha: (H, W), opacity, of the type of ``rgb``; None for an opaque frame.
    """

    rgb: RGB | None
    time: int
    duration: int
    packets: tuple[Packet[Any], ...] = ()
    alpha: Alpha | None = None


class Clip(Protocol):
    """A video that is read: a ``ClipReader``, or a ``PictureReader``.

    Attributes:
        info: what is known of it.
        lost: frames that could not be decoded, once it is read.
        skip_frames: set it to get no more frames, but what is left of sound.
    """

    info: ClipInfo
    lost: int
    skip_frames: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not as it was in the file, in a few words each."""

    @property
    def others(self) -> Sequence[Any]:
        """Streams of sound and subtitles."""

    @property
    def attachments(self) -> Sequence[Any]:
        """Covers and other files in it."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Of the file."""

    @property
    def picture_tags(self) -> Mapping[str, str]:
        """Of the picture."""

    @property
    def chapters(self) -> Sequence[Any]:
        """As PyAV has them."""

    def first_packets(self) -> Mapping[int, Any]:
        """A packet of each track, by its index, where one is known."""

    def __iter__(self) -> Iterator[Decoded]:
        """Yield every frame."""

    def close(self) -> None:
        """Close the file."""
