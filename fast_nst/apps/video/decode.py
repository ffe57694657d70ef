"""Read a video: its frames as upright RGB, in order, and its sound and subtitles as they are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fast_nst.apps.video.color import RGB, Colors, colors_of, to_rgb
from fast_nst.apps.video.orientation import Orientation, orientation_of
from fast_nst.errors import ConfigError, VideoError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_MAX_PACKETS = 64  # of sound and subtitles at a time, so that memory stays bounded


@dataclass(frozen=True)
class ClipInfo:
    """What is known of a video before it is read to the end.

    Attributes:
        height: px, upright.
        width: px, upright.
        aspect: width of a pixel divided by its height, upright.
        colors: its color matrix, primaries and transfer function.
        time_base: the unit of its time stamps, s.
        rate: frames per second, on average.
        frames: how many there are; None where the file does not say.
    """

    height: int
    width: int
    aspect: Fraction
    colors: Colors
    time_base: Fraction
    rate: Fraction
    frames: int | None


@dataclass(frozen=True)
class Decoded:
    """A frame, and what stood before it in the file.

    Attributes:
        rgb: (H, W, 3), upright; None where there are only packets.
        time: when it is shown, in units of the clip's time base; larger than all before it.
        duration: for how long, likewise; 0 where the file does not say.
        packets: of sound and subtitles, in the order of the file.
    """

    rgb: RGB | None
    time: int
    duration: int
    packets: tuple[Packet[Any], ...] = ()


class ClipReader:
    """Decodes a video from its first frame to its last; to be iterated once, and closed.

    Damaged parts are skipped and counted in ``lost``.

    Args:
        source: a file, or what ``muxer`` calls a device.
        muxer: FFmpeg's name of the format; found out where it is None.
        options: FFmpeg's options of that format.
        short_side: px to scale frames to as they are read; None for their own size.

    Raises:
        VideoError: If there is nothing that can be read as a video.
        ConfigError: If PyAV is not installed.
    """

    info: ClipInfo
    skip_frames = False  # set it to get no more frames, but what is left of sound

    def __init__(
        self,
        source: str | os.PathLike[str],
        *,
        muxer: str | None = None,
        options: Mapping[str, str] | None = None,
        short_side: int | None = None,
    ) -> None:
        self.source = source
        self.lost = 0
        self._is_device = muxer is not None
        av = import_av()
        try:
            self.container: InputContainer = av.open(
                os.fspath(source),
                format=muxer,
                options=dict(options or {}),
                metadata_errors="replace",
            )
        except (OSError, ValueError, av.FFmpegError) as error:
            raise VideoError(f"cannot read {source}: {_why_unreadable(source, error)}") from error
        try:
            self._open(short_side)
        except BaseException:
            self.close()
            raise

    def _open(self, short_side: int | None) -> None:
        self.stream = self._find_stream()
        # Decoding several frames at once is faster for files, and delays a camera by as many.
        self.stream.thread_type = "SLICE" if self._is_device else "AUTO"
        self.others: list[Stream] = [
            *self.container.streams.audio,
            *self.container.streams.subtitles,
        ]
        # FFmpeg, too, lets the file begin at zero; sound and image move together.
        self.begin_s = max(Fraction(self.container.start_time or 0, 1_000_000), Fraction(0))
        self._expected = self._count_packets()
        self._seen = 0  # packets of the image
        self._hidden = 0  # of those, how many are only there for others to be decoded
        self._failed = 0
        self._raw = self._decode()
        first = next(self._raw, None)
        while first is not None and not first[0]:  # sound that stands before the image
            first = next(self._raw, None)
        if first is None or first[0] is None:
            raise VideoError(
                f"cannot read {self.source}: no frame of it can be decoded. "
                "Download or export it again."
            )
        if self._is_image():  # FFmpeg also gives what is left of a damaged one
            raise VideoError(
                f"cannot read {self.source}: it is an image, not a video. Give OUT the name of an "
                "image, such as out.png."
            )
        frame = first[0]
        self._first = first
        self._orientation: Orientation = orientation_of(frame.side_data)
        self._size = (frame.height, frame.width)
        if short_side is not None:
            scale = short_side / min(self._size)
            self._size = (round(frame.height * scale), round(frame.width * scale))
        self.info = self._describe(frame)

    def _is_image(self) -> bool:
        """Whether it is one file that FFmpeg reads as it does numbered images."""
        name = self.container.format.name
        return (name == "image2" or name.endswith("_pipe")) and Path(self.source).is_file()

    def _find_stream(self) -> VideoStream:
        from av.stream import Disposition

        for stream in self.container.streams.video:
            if not stream.disposition & Disposition.attached_pic and stream.codec_context:
                return stream
        raise VideoError(
            f"cannot read {self.source}: there is no video in it, only "
            f"{', '.join(sorted({each.type for each in self.container.streams})) or 'nothing'}. "
            "Name a file with moving images."
        )

    def _describe(self, frame: VideoFrame) -> ClipInfo:
        stream = self.stream
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        height, width = self._size
        aspect = stream.sample_aspect_ratio or Fraction(1)
        if self._orientation.transpose:
            height, width, aspect = width, height, 1 / aspect
        frames = self._expected or stream.frames
        if not frames and stream.duration and stream.time_base:
            frames = round(stream.duration * stream.time_base * rate)
        elif not frames and self.container.duration:
            frames = round(Fraction(self.container.duration, 1_000_000) * rate)
        return ClipInfo(
            height,
            width,
            aspect,
            colors_of(frame),
            stream.time_base or Fraction(1, 90_000),
            rate,
            frames or None,
        )

    def _count_packets(self) -> int:
        """How many packets the image has, where the file begins or ends with a list of them."""
        if "mp4" not in self.container.format.name:
            return 0
        return len(self.stream.index_entries)

    def __iter__(self) -> Iterator[Decoded]:
        """Yield every frame, with time stamps that increase.

        Frames without a time stamp follow at the clip's rate; where a time stamp does not increase,
        the frame comes as soon after the last as can be told apart.
        """
        unit = self.info.time_base
        step = max(round(1 / (self.info.rate * unit)), 1)
        begin = round(self.begin_s / unit)
        last: int | None = None
        decoded = 0
        item: tuple[VideoFrame | None, tuple[Packet[Any], ...]] | None = self._first
        while item is not None:
            frame, packets = item
            if frame is None:
                yield Decoded(None, 0, 0, packets)
            else:
                if frame.pts is None:
                    time = 0 if last is None else last + step
                else:
                    time = frame.pts - begin
                    if last is not None and time <= last:
                        time = last + 1
                last = time
                decoded += 1
                rgb = self._orientation.upright(to_rgb(frame, self.info.colors, self._size))
                yield Decoded(rgb, time, frame.duration or 0, packets)
            item = next(self._raw, None)
        if not self.skip_frames:
            self.lost = self._count_lost(decoded, (last or 0) * unit)

    def _count_lost(self, decoded: int, end_s: Fraction) -> int:
        if self._expected:
            broken = self._failed or self._seen < self._expected
            return max(self._expected - self._hidden - decoded, self._failed) if broken else 0
        missing = 0
        if stated_s := _stated_duration(self.stream.metadata):
            missing = max(round((stated_s - end_s) * self.info.rate) - 1, 0)
            missing = missing if missing > 1 else 0  # rounding
        return max(missing, self._failed)

    def _decode(self) -> Iterator[tuple[VideoFrame | None, tuple[Packet[Any], ...]]]:
        """Yield frames with the packets of sound that came before, as the file has them."""
        packets: list[Packet[Any]] = []
        for packet in self._demux():
            if packet.stream is not self.stream:
                if packet.dts is not None or packet.pts is not None:
                    packets.append(packet)
                if len(packets) >= _MAX_PACKETS:
                    yield None, tuple(packets)
                    packets = []
                continue
            if self.skip_frames:
                continue
            for frame in self._decode_packet(packet):
                yield frame, tuple(packets)
                packets = []
        if packets:
            yield None, tuple(packets)

    def _demux(self) -> Iterator[Any]:
        """The file's packets; a file that breaks off ends there."""
        av = import_av()
        packets = self.container.demux(self.stream, *self.others)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                # What the decoder still holds is good.
                yield from self._drain()
                self._failed += 1  # at least one, where nobody knows how many
                return
            if packet is None:
                return
            if packet.stream is self.stream and packet.size:
                self._seen += 1
                self._hidden += packet.is_discard
            yield packet

    def _drain(self) -> Iterator[Any]:
        from av.packet import Packet

        end = Packet()
        end.stream = self.stream
        yield end

    def _decode_packet(self, packet: Any) -> Iterator[VideoFrame]:
        av = import_av()
        try:
            frames = packet.decode()
        except av.EOFError:  # drained before
            return
        except av.FFmpegError:
            self._failed += 1
            return
        yield from frames

    def close(self) -> None:
        """Close the file."""
        self.container.close()


def import_av() -> Any:
    """Import PyAV.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise ConfigError("Install video support: pip install 'fast-nst[video]'") from error
    return av


def _stated_duration(metadata: Mapping[str, str]) -> Fraction | None:
    """What Matroska files say of a stream's duration, such as ``00:00:09.500000000``; in s."""
    try:
        hours, minutes, seconds = metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except (KeyError, ValueError):
        return None


def _why_unreadable(source: str | os.PathLike[str], error: Exception) -> str:
    path = Path(source)
    if isinstance(error, FileNotFoundError):
        return "there is no such file. Check the name."
    if isinstance(error, IsADirectoryError) or path.is_dir():
        return "it is a folder. Name a file in it."
    if isinstance(error, PermissionError):
        return "permission denied. Make it readable to you first."
    if path.is_file() and path.stat().st_size == 0:
        return "the file is empty. Download or export it again."
    if isinstance(error, ValueError):
        return (
            "it is not a video, or its end is missing, without which it cannot be read. "
            "Download or export it again."
        )
    reason = getattr(error, "strerror", None) or str(error)
    return f"{reason}. Check the name, and that no other program uses it."
