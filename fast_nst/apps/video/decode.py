"""Read a video: its frames as upright RGB, in order, and its sound and subtitles as they are."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fast_nst.apps.video.clip import ClipInfo, Decoded
from fast_nst.apps.video.convert import FrameConverter
from fast_nst.apps.video.deinterlace import NOTE as DEINTERLACED
from fast_nst.apps.video.deinterlace import Deinterlacer
from fast_nst.apps.video.pyav import import_av
from fast_nst.apps.video.streams import (
    Attachment,
    alpha_decoder,
    attachments_of,
    cover_of,
    find_covers,
    find_picture,
    is_image,
    left_out,
    stated_duration,
    timecode_of,
    why_unreadable,
)
from fast_nst.apps.video.timeline import Timeline
from fast_nst.errors import VideoError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame

_MAX_PACKETS = 64  # of sound and subtitles at a time, so that memory stays bounded

_Raw = tuple["VideoFrame | None", tuple["Packet[Any]", ...]]


class ClipReader:
    """Decodes a video from its first frame to its last; to be iterated once, and closed.

    Damaged parts are skipped and counted in ``lost``. Frames of high dynamic range are mapped to
    BT.709 (:mod:`fast_nst.apps.video.high_range`).

    Args:
        source: a file, or what ``muxer`` calls a device.
        muxer: FFmpeg's name of the format; found out where it is None.
        options: FFmpeg's options of that format.
        short_side: px to scale frames to as they are read; None for their own size.
        deinterlace: ``auto``, or ``off`` to give interlaced frames as they are.
        threads: that decode; None for as many as FFmpeg takes.

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
        deinterlace: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.source = source
        self.lost = 0
        self._is_device = muxer is not None
        self._deinterlace = deinterlace
        av = import_av()
        try:
            self.container: InputContainer = av.open(
                os.fspath(source),
                format=muxer,
                options=dict(options or {}),
                metadata_errors="replace",
            )
        except (OSError, ValueError, av.FFmpegError) as error:
            raise VideoError(f"cannot read {source}: {why_unreadable(source, error)}") from error
        try:
            self._open(short_side, threads)
        except BaseException:
            self.close()
            raise

    def _open(self, short_side: int | None, threads: int | None) -> None:
        self.stream = find_picture(self.container, self.source)
        self._decoder = alpha_decoder(self.stream)
        context = self._decoder or self.stream.codec_context
        # Decoding several frames at once is faster for files, and delays a camera by as many.
        context.thread_type = "SLICE" if self._is_device else "AUTO"
        if threads is not None:
            context.thread_count = threads
        self.others: list[Stream] = [
            *self.container.streams.audio,
            *self.container.streams.subtitles,
        ]
        self._covers = find_covers(self.container)
        self.attachments: list[Attachment] = attachments_of(self.container)
        self._left_out = left_out(self.container, [self.stream, *self.others, *self._covers])
        # FFmpeg, too, lets the file begin at zero; sound and image move together.
        begin_s = max(Fraction(self.container.start_time or 0, 1_000_000), Fraction(0))
        self._timeline = Timeline(begin_s, self.container.format.flags, 1 / self._rate())
        self._expected = self._count_packets()
        self._seen = 0  # packets of the image
        self._hidden = 0  # of those, how many are only there for others to be decoded
        self._failed = 0
        self._whole = Deinterlacer(self.stream.time_base or Fraction(1, 90_000))
        self._raw = self._decode()
        # Sound may stand before the image, by far where many decoders work ahead.
        self._waiting: deque[_Raw] = deque()
        while not self._waiting or self._waiting[-1][0] is None:
            item = next(self._raw, None)
            if item is None:
                raise VideoError(
                    f"cannot read {self.source}: no frame of it can be decoded. "
                    "Download or export it again."
                )
            self._waiting.append(item)
        if is_image(self.container, self.source):  # FFmpeg also gives what is left of a damaged one
            raise VideoError(
                f"cannot read {self.source}: it is an image, not a video. Give OUT the name of an "
                "image, such as out.png."
            )
        frame = self._waiting[-1][0]
        assert frame is not None
        self._convert = FrameConverter(frame, self.source, self.stream, short_side)
        self.info = self._describe()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not as it was in the file, in a few words each."""
        deinterlaced = [DEINTERLACED] if self._whole.used else []
        return (*self._left_out, *sorted(self._convert.notes), *deinterlaced)

    @property
    def tags(self) -> dict[str, str]:
        """Of the file."""
        return self.container.metadata

    @property
    def picture_tags(self) -> dict[str, str]:
        """Of the picture's stream, among them a timecode, if only of a track of its own."""
        return {**timecode_of(self.container), **self.stream.metadata}

    @property
    def chapters(self) -> list[Any]:
        """As PyAV has them."""
        return self.container.chapters()

    def first_packets(self) -> dict[int, Packet[Any]]:
        """A packet of each track, by its index, of those that stand before the first frame."""
        found: dict[int, Packet[Any]] = {}
        for _, packets in self._waiting:
            for packet in packets:
                found.setdefault(packet.stream.index, packet)
        return found

    def _rate(self) -> Fraction:
        return self.stream.average_rate or self.stream.guessed_rate or Fraction(25)

    def _describe(self) -> ClipInfo:
        stream, convert, rate = self.stream, self._convert, self._rate()
        frames = self._expected or stream.frames
        if not frames and stream.duration and stream.time_base:
            frames = round(stream.duration * stream.time_base * rate)
        elif not frames and self.container.duration:
            frames = round(Fraction(self.container.duration, 1_000_000) * rate)
        return ClipInfo(
            convert.height,
            convert.width,
            convert.aspect,
            convert.colors,
            stream.time_base or Fraction(1, 90_000),
            rate,
            frames or None,
            depth=convert.depth,
            alpha=convert.alpha,
            high_range=convert.high_range,
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
        last: int | None = None
        decoded = 0
        item: _Raw | None = self._next()
        while item is not None:
            frame, packets = item
            if frame is None:
                yield Decoded(None, 0, 0, packets)
            else:
                if frame.pts is None:
                    time = 0 if last is None else last + step
                else:
                    time = frame.pts
                    if last is not None and time <= last:
                        time = last + 1
                last = time
                decoded += 1
                rgb, alpha = self._convert(frame)
                yield Decoded(rgb, time, frame.duration or 0, packets, alpha)
            item = self._next()
        if not self.skip_frames:
            self.lost = self._count_lost(decoded, (last or 0) * unit)

    def _next(self) -> _Raw | None:
        return self._waiting.popleft() if self._waiting else next(self._raw, None)

    def _count_lost(self, decoded: int, end_s: Fraction) -> int:
        if self._expected:
            broken = self._failed or self._seen < self._expected
            return max(self._expected - self._hidden - decoded, self._failed) if broken else 0
        missing = 0
        if stated_s := stated_duration(self.stream.metadata):
            missing = max(round((stated_s - end_s) * self.info.rate) - 1, 0)
            missing = missing if missing > 1 else 0  # rounding
        return max(missing, self._failed)

    def _decode(self) -> Iterator[_Raw]:
        """Yield frames with the packets of sound that came before, as the file has them."""
        packets: list[Packet[Any]] = []
        for packet in self._demux():
            if packet.stream in self._covers:
                if packet.size:
                    self.attachments.append(cover_of(packet))
                continue
            self._timeline.place(packet)
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
        if not self.skip_frames:
            for frame in self._whole.finish():
                yield frame, tuple(packets)
                packets = []
        if packets:
            yield None, tuple(packets)

    def _demux(self) -> Iterator[Any]:
        """The file's packets; a file that breaks off ends there."""
        av = import_av()
        packets = self.container.demux(self.stream, *self.others, *self._covers)
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
            if self._decoder is None:
                frames = packet.decode()
            else:
                frames = self._decoder.decode(packet if packet.size else None)
        except av.EOFError:  # drained before
            return
        except av.FFmpegError:
            self._failed += 1
            return
        for frame in frames:
            if self._deinterlace == "off":
                yield frame
            else:
                yield from self._whole(frame)

    def close(self) -> None:
        """Close the file."""
        self.container.close()
