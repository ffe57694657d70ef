"""Write a video: frames as upright RGB, with the sound and subtitles of another file."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fast_nst.apps.video.color import RGB, from_rgb
from fast_nst.apps.video.decode import ClipInfo, ClipReader, import_av
from fast_nst.apps.video.formats import DEFAULT_QUALITY, choose_format, is_image_sequence
from fast_nst.apps.video.priority import ordinary_priority
from fast_nst.apps.video.tracks import Track, add_tracks
from fast_nst.errors import VideoError

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

_GIF_UNIT = Fraction(1, 100)
# GIF holds 256 colors: each frame gets its own.
_PALETTE = (
    ("split", ""),
    ("palettegen", "stats_mode=single"),
    ("paletteuse", "new=1"),
)
# What describes the old file rather than what is in it. Places are not passed on, either.
_ABOUT_THE_FILE = ("encoder", "major_brand", "minor_version", "compatible_brands")


class ClipWriter:
    """Encodes a video; the file appears under its name when it is complete, or not at all.

    Numbered images appear one by one.

    Args:
        target: what to write; its ending decides the format (``formats.FORMATS``).
        info: size, aspect, colors and timing of the frames that will come.
        codec: one of ``formats.CODECS``; None for the default of the format.
        preset: one of the codec's ``presets``; None for its own.
        quality: 0 (small) to 100.
        source: where sound, subtitles, chapters and titles come from.

    Raises:
        VideoError: If it cannot be written.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        info: ClipInfo,
        *,
        codec: str | None = None,
        preset: str | None = None,
        quality: int = DEFAULT_QUALITY,
        source: ClipReader | None = None,
    ) -> None:
        self.target = Path(target)
        self.info = info
        self.format, self.codec = choose_format(self.target, codec, preset)
        self.frames = 0
        self.notes: tuple[str, ...] = ()
        self._end = -1  # of the last frame's time stamp
        self._closed = False
        self._numbered = is_image_sequence(self.target)
        # A short name of its own: the final one may be as long as the file system allows.
        self._path = self.target
        if not self._numbered:
            self._path = self.target.parent / f".{uuid.uuid4().hex}.tmp"
        av = import_av()
        if self.codec.encoder == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # it prints to stderr past FFmpeg's log
        self._begin_s = source.begin_s if source else Fraction(0)
        self._tracks: dict[int, Track] = {}
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            if self.target.is_dir():
                raise IsADirectoryError(0, "it is a folder")
            self.container = av.open(
                str(self._path), "w", format=self.format.muxer, options=dict(self.format.options)
            )
            self._stream = self._add_video(quality)
            if source is not None:
                self._take_over(source)
            with ordinary_priority():
                self.container.start_encoding()
        except (OSError, ValueError, av.FFmpegError) as error:
            self.abandon()
            raise VideoError(self._why_unwritable(error)) from error
        except BaseException:
            self.abandon()
            raise

    def _add_video(self, quality: int) -> Any:
        info, codec = self.info, self.codec
        height, width = info.height, info.width
        # MP4 and the H.26x codecs state the shape of a pixel; elsewhere pixels are made square.
        keeps_aspect = self.format.muxer in ("mp4", "mov") or codec.encoder in (
            "libx264",
            "libx265",
        )
        if not keeps_aspect and info.aspect != 1:
            width = max(round(width * info.aspect), 1)
        self._size = (height, width)
        self._pixels = codec.odd_pixels if height % 2 or width % 2 else codec.pixels
        self._unit = _GIF_UNIT if self.format.muxer == "gif" else info.time_base
        stream: Any = self.container.add_stream(
            codec.encoder,
            rate=info.rate,
            options=codec.encoder_options(quality),
            width=width,
            height=height,
            time_base=self._unit,
        )
        stream.pix_fmt = self._pixels
        context = stream.codec_context
        if keeps_aspect:
            context.sample_aspect_ratio = info.aspect
        context.flags |= _frame_duration_flag()
        if self._pixels.startswith("yuv"):
            context.color_range = 1
            context.colorspace = info.colors.matrix
            context.color_primaries = info.colors.primaries
            context.color_trc = info.colors.transfer
        if codec.encoder == "libx265" and self.format.muxer in ("mp4", "mov"):
            context.codec_tag = "hvc1"  # with FFmpeg's own tag, Apple's players show nothing
        self._palette = self._build_palette() if self._pixels == "pal8" else None
        return stream

    def _take_over(self, source: ClipReader) -> None:
        self._tracks, self.notes = add_tracks(self.container, source.others, self.format.sound)
        kept = {
            name: text
            for name, text in source.container.metadata.items()
            if name.lower() not in _ABOUT_THE_FILE and "location" not in name.lower()
        }
        self.container.metadata.update(kept)
        if self._tracks or self.format.sound:
            self.container.set_chapters(source.container.chapters())

    def write(self, rgb: RGB, time: int, duration: int = 0) -> None:
        """Encode a frame.

        Args:
            rgb: (H, W, 3), as large as the clip.
            time: when it is shown, in units of the clip's time base; larger than the last.
            duration: likewise; 0 if it is not known.

        Raises:
            VideoError: If the disk is full, or the encoder fails.
        """
        scale = self.info.time_base / self._unit
        begin = max(round(time * scale), self._end + 1)
        self._end = begin
        frame = from_rgb(rgb, self.info.colors, self._before_encoding(), self._size)
        frame.pts, frame.time_base = begin, self._unit
        frame.duration = round(duration * scale)
        self._encode(self._paint(frame))
        self.frames += 1

    def _before_encoding(self) -> str:
        return "rgb24" if self._palette else self._pixels

    def mux(self, packets: Iterable[Any], end_s: Fraction | None = None) -> None:
        """Pass on sound and subtitles, in the order of the source.

        Args:
            packets: of the source.
            end_s: what comes later is left out; None for nothing.

        Raises:
            VideoError: If the disk is full.
        """
        for packet in packets:
            if track := self._tracks.get(packet.stream.index):
                if self._begin_s:
                    shift = round(self._begin_s / packet.time_base)
                    packet.pts = None if packet.pts is None else packet.pts - shift
                    packet.dts = None if packet.dts is None else packet.dts - shift
                if end_s is not None and (packet.pts or 0) * packet.time_base >= end_s:
                    continue
                self._put(track.convert(packet))

    def finish(self) -> Path:
        """Complete the file and give it its name.

        Raises:
            VideoError: If the disk is full, or there was no frame.
        """
        if not self.frames:
            self.abandon()
            raise VideoError(f"cannot write {self.target}: there is no frame. Choose another clip.")
        self._encode(self._paint(None))
        self._encode([None])
        for track in self._tracks.values():
            self._put(track.finish())
        av = import_av()
        try:
            self.container.close()
            if not self._numbered:
                self._path.replace(self.target)
        except (OSError, av.FFmpegError) as error:
            self.abandon()
            raise VideoError(self._why_unwritable(error)) from error
        self._closed = True
        return self.target

    def abandon(self) -> None:
        """Leave nothing behind; numbered images stay. After ``finish``, this does nothing."""
        if self._closed:
            return
        self._closed = True
        # The file is given up, so what closing it complains about is no news.
        with contextlib.suppress(Exception):
            self.container.close()
        if not self._numbered:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _encode(self, frames: Iterable[VideoFrame | None]) -> None:
        for frame in frames:
            self._put(self._packets(frame))

    def _packets(self, frame: VideoFrame | None) -> Iterator[Packet[Any]]:
        packets: Iterable[Packet[Any]] = self._stream.encode(frame)
        yield from packets

    def _put(self, packets: Iterator[Packet[Any]]) -> None:
        av = import_av()
        try:
            for packet in packets:
                self.container.mux(packet)
        except (OSError, ValueError, av.FFmpegError) as error:
            raise VideoError(self._why_unwritable(error)) from error

    def _build_palette(self) -> Any:
        """FFmpeg's filters that choose 256 colors for each frame, and dither."""
        from av.filter import Graph
        from av.video.format import VideoFormat

        height, width = self._size
        graph = Graph()
        begin = graph.add_buffer(
            width=width, height=height, format=VideoFormat("rgb24"), time_base=self._unit
        )
        split, choose, use = (graph.add(name, arguments) for name, arguments in _PALETTE)
        end = graph.add("buffersink")
        begin.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(choose, 1, 0)
        choose.link_to(use, 0, 1)
        use.link_to(end)
        graph.configure()
        return graph

    def _paint(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """Reduce a frame to 256 colors where the format wants that; None at the end."""
        if self._palette is None:
            if frame is not None:
                yield frame
            return
        av = import_av()
        self._palette.push(frame)
        while True:
            try:
                yield self._palette.pull()
            except (av.BlockingIOError, av.EOFError):
                return

    def _why_unwritable(self, error: Exception) -> str:
        size = f"{self.info.width}x{self.info.height} px"
        if isinstance(error, import_av().error.EncoderNotFoundError):
            why = f"this FFmpeg has no {self.codec.encoder}. Choose another codec"
        elif "avcodec_open2" in str(error):
            why = f"{self.codec.encoder} cannot encode {size}. Choose another codec or format"
        else:
            why = getattr(error, "strerror", None) or str(error)
            why = f"{why}. Check the folder's permissions and the free space"
        return f"cannot write {self.target}: {why}."


def _frame_duration_flag() -> int:
    from av.codec.context import Flags

    return int(Flags.frame_duration)
