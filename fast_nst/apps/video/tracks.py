"""Sound and subtitles: copied as they are, or, where the new file cannot hold them, converted."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fast_nst.apps.video.pyav import import_av

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

_RATES = {"libopus": 48_000, "pcm_s16le": 48_000}  # Hz; the only ones that Opus and MXF have
_MP3_RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
_STEREO_AT_MOST = ("libmp3lame", "wmav2")
_LAYOUTS = {1: "mono", 6: "5.1"}
# What is meant by a number of channels where a file does not say which they are (FFmpeg's own).
_USUAL_LAYOUTS = {
    1: "mono",
    2: "stereo",
    3: "2.1",
    4: "4.0",
    5: "5.0",
    6: "5.1",
    7: "6.1",
    8: "7.1",
}
_UNSTATED_LAYOUT = re.compile(r"\d+ channels")
_BITS_PER_CHANNEL = 96_000  # per second


class _Increasing:
    """Makes the time stamps of a track increase, as muxers want.

    They do not where two parts of a file overlap.
    """

    def __init__(self, target: Stream) -> None:
        self._target = target
        self._last: int | None = None  # time stamp, in units of the target

    def place(self, packet: Packet[Any]) -> None:
        """Move a packet behind the one before it, if need be."""
        if packet.dts is None:
            packet.dts = packet.pts
        if packet.dts is None or not packet.time_base:
            return
        scale = packet.time_base / (self._target.time_base or packet.time_base)
        at = round(packet.dts * scale)
        if self._last is not None and at <= self._last:
            at = self._last + 1
            packet.dts = math.ceil(at / scale)
            packet.pts = None if packet.pts is None else max(packet.pts, packet.dts)
        self._last = at


class CopiedTrack:
    """Moves packets from one file to the other, and no bit of them changes."""

    def __init__(self, target: Stream) -> None:
        self.target = target
        self._increasing = _Increasing(target)

    def convert(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """Yield what is written for a packet."""
        self._increasing.place(packet)
        packet.stream = self.target
        yield packet

    def finish(self) -> Iterator[Packet[Any]]:
        """Yield what is left at the end."""
        yield from ()


class ConvertedSound:
    """Decodes sound and encodes it again."""

    def __init__(self, source: Any, container: OutputContainer, encoder: str) -> None:
        self._decoder = source.codec_context
        if usual := _usual_layout(source):
            self._decoder.layout = usual
        rate = _RATES.get(encoder, self._decoder.sample_rate)
        if encoder == "libmp3lame" and rate not in _MP3_RATES:
            rate = _MP3_RATES[0]
        layout = _LAYOUTS.get(self._decoder.channels, "stereo")
        if encoder in _STEREO_AT_MOST and layout != "mono":
            layout = "stereo"
        add_stream: Any = container.add_stream  # what it returns depends on the encoder's name
        self.target = add_stream(encoder, rate=rate, layout=layout)
        if not encoder.startswith("pcm"):
            self.target.bit_rate = _BITS_PER_CHANNEL * self.target.codec_context.channels
        self.target.time_base = Fraction(1, rate)
        self._increasing = _Increasing(self.target)

    def convert(self, packet: Any) -> Iterator[Packet[Any]]:
        """Yield what is written for a packet; one that is damaged is skipped."""
        av = import_av()
        try:
            frames = packet.decode()
        except av.FFmpegError:
            return
        for frame in frames:
            yield from self._encode(frame)

    def finish(self) -> Iterator[Packet[Any]]:
        """Yield what the encoder still holds."""
        yield from self._encode(None)

    def _encode(self, frame: Any) -> Iterator[Packet[Any]]:
        for packet in self.target.encode(frame):
            self._increasing.place(packet)
            yield packet


Track = CopiedTrack | ConvertedSound


def add_tracks(
    container: OutputContainer,
    sources: Sequence[Stream],
    sound: str | None,
    first: Mapping[int, Packet[Any]],
) -> tuple[dict[int, Track], tuple[str, ...]]:
    """Give an output file the tracks of an input.

    Args:
        container: the file to write, before its header.
        sources: streams of sound and subtitles.
        sound: the encoder for sound that cannot be copied; None if the file holds no sound.
        first: a packet of each, by the index of its stream, where one is known.

    Returns:
        The tracks, by the index of the stream in the input; and for every one that is not copied,
        what becomes of it, in a few words.
    """
    tracks: dict[int, Track] = {}
    notes: list[str] = []
    files = f"{container.format.name} files"
    for source in sources:
        name = source.codec_context.name if source.codec_context else "unknown"
        if sound is None:
            notes.append(f"no {_kind(source)}: {files} hold none")
            continue
        if _holds(container.format.name, source, first.get(source.index)):
            tracks[source.index] = CopiedTrack(_copy(container, source))
        elif source.type == "audio" and source.codec_context:
            tracks[source.index] = ConvertedSound(source, container, sound)
            notes.append(
                f"sound converted from {name} to {sound.removeprefix('lib')}: "
                f"{files} hold no {name}"
            )
        else:
            notes.append(f"no {_kind(source)} ({name}): {files} cannot hold them")
            continue
        target = tracks[source.index].target
        target.metadata.update(source.metadata)
        target.disposition = source.disposition
    return tracks, tuple(dict.fromkeys(notes))


def _copy(container: OutputContainer, source: Stream) -> Stream:
    """A stream like another; with a layout of channels, without which some muxers fail."""
    target = container.add_stream_from_template(source)
    if usual := _usual_layout(source):
        context: Any = target.codec_context
        context.layout = usual
    return target


def _holds(muxer: str, source: Stream, packet: Packet[Any] | None) -> bool:
    """Whether a muxer takes a stream, and one reads it again: tried, as FFmpeg only knows then."""
    av = import_av()
    memory = io.BytesIO()
    try:
        with av.open(memory, "w", format=muxer) as trial:
            target = _copy(trial, source)
            trial.start_encoding()
            if packet is not None:
                copy = av.Packet(bytes(packet))
                copy.time_base, copy.pts, copy.dts = packet.time_base, 0, 0
                copy.duration, copy.stream = packet.duration, target
                copy.is_keyframe = True
                trial.mux(copy)
        if packet is None:
            return True
        memory.seek(0)
        with av.open(memory) as written:
            return bool(written.streams) and _codec(written.streams[0]) == _codec(source)
    except (OSError, ValueError, AttributeError, av.FFmpegError):
        return False


def _codec(stream: Stream) -> str:
    context = stream.codec_context
    return context.codec.canonical_name if context and context.codec else "unknown"


def _usual_layout(source: Stream) -> str | None:
    """The layout to state for sound whose file states none; None if it does."""
    context: Any = source.codec_context
    if source.type != "audio" or not context or not _UNSTATED_LAYOUT.match(context.layout.name):
        return None
    return _USUAL_LAYOUTS.get(context.channels)


def _kind(stream: Stream) -> str:
    return {"audio": "sound", "subtitle": "subtitles"}.get(stream.type, stream.type)
