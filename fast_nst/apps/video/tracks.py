"""Sound and subtitles: copied as they are, or, where the new file cannot hold them, converted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fast_nst.apps.video.decode import import_av

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

_OPUS_RATE = 48_000  # Hz; the only one that Opus has
_LAYOUTS = {1: "mono", 6: "5.1"}
_BITS_PER_CHANNEL = 96_000  # per second


class CopiedTrack:
    """Moves packets from one file to the other, and no bit of them changes."""

    def __init__(self, target: Stream) -> None:
        self.target = target

    def convert(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """Yield what is written for a packet."""
        packet.stream = self.target
        yield packet

    def finish(self) -> Iterator[Packet[Any]]:
        """Yield what is left at the end."""
        yield from ()


class ConvertedSound:
    """Decodes sound and encodes it again."""

    def __init__(self, source: Any, container: OutputContainer, encoder: str) -> None:
        rate = _OPUS_RATE if encoder == "libopus" else source.codec_context.sample_rate
        layout = _LAYOUTS.get(source.codec_context.channels, "stereo")
        add_stream: Any = container.add_stream  # what it returns depends on the encoder's name
        self.target = add_stream(encoder, rate=rate, layout=layout)
        self.target.bit_rate = _BITS_PER_CHANNEL * self.target.codec_context.channels
        self.target.time_base = Fraction(1, rate)

    def convert(self, packet: Any) -> Iterator[Packet[Any]]:
        """Yield what is written for a packet; one that is damaged is skipped."""
        av = import_av()
        try:
            frames = packet.decode()
        except av.FFmpegError:
            return
        for frame in frames:
            yield from self.target.encode(frame)

    def finish(self) -> Iterator[Packet[Any]]:
        """Yield what the encoder still holds."""
        yield from self.target.encode(None)


Track = CopiedTrack | ConvertedSound


def add_tracks(
    container: OutputContainer, sources: Sequence[Stream], sound: str | None
) -> tuple[dict[int, Track], tuple[str, ...]]:
    """Give an output file the tracks of an input.

    Args:
        container: the file to write, before its header.
        sources: streams of sound and subtitles.
        sound: the encoder for sound that cannot be copied; None if the file holds no sound.

    Returns:
        The tracks, by the index of the stream in the input; and for every one that is not copied,
        what becomes of it, in a few words.
    """
    tracks: dict[int, Track] = {}
    notes: list[str] = []
    for source in sources:
        name = source.codec_context.name if source.codec_context else "unknown"
        if sound is None:
            notes.append(f"no {_kind(source)}: {container.format.name} files hold none")
            continue
        try:
            tracks[source.index] = CopiedTrack(container.add_stream_from_template(source))
        except ValueError:  # of this codec in this container
            if source.type == "audio" and source.codec_context:
                tracks[source.index] = ConvertedSound(source, container, sound)
                notes.append(
                    f"sound converted from {name} to {sound.removeprefix('lib')}: "
                    f"{container.format.name} files hold no {name}"
                )
            else:
                notes.append(
                    f"no {_kind(source)} ({name}): {container.format.name} files cannot hold them"
                )
            continue
        target = tracks[source.index].target
        target.metadata.update(source.metadata)
        target.disposition = source.disposition
    return tracks, tuple(dict.fromkeys(notes))


def _kind(stream: Stream) -> str:
    return {"audio": "sound", "subtitle": "subtitles"}.get(stream.type, stream.type)
