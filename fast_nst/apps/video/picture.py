"""The picture of a file that is written: from arrays to encoded packets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fast_nst.apps.video.clip import ClipInfo
from fast_nst.apps.video.codecs import Codec, Needs
from fast_nst.apps.video.color import RGB, Alpha, as_deep, as_shallow, flatten, from_rgb
from fast_nst.apps.video.formats import Format
from fast_nst.apps.video.high_range import NAMES, ToneMapper
from fast_nst.apps.video.palette import Palette
from fast_nst.errors import VideoError

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet

_GIF_UNIT = Fraction(1, 100)
# Frames of clips for which x265 gives arbitrary decoding times; they are decoded as they are shown.
_TOO_FEW_FOR_X265 = 2
_LATE_S = Fraction(1, 500)  # by which a frame may be shown at another time before it is said


class Picture:
    """Encodes the frames of a clip in a file's first stream.

    Args:
        container: the file, before its header.
        info: size, aspect, colors and timing of the frames that will come.
        format_: of the file.
        codec: of the picture.
        needs: what the clip would have the file hold.
        quality: 0 (small) to 100.
        keep_high: whether a clip of high dynamic range stays one.

    Attributes:
        deep: whether frames should come with 16 bits.
        stream: that of the file.

    Raises:
        VideoError: If high dynamic range is to stay, and the codec cannot hold it.
    """

    def __init__(
        self,
        container: OutputContainer,
        info: ClipInfo,
        format_: Format,
        codec: Codec,
        needs: Needs,
        quality: int,
        *,
        keep_high: bool = False,
    ) -> None:
        self._info, self._format, self._codec = info, format_, codec
        self._pixels = codec.choose(needs.within(alpha=format_.alpha))
        high = info.high_range
        self._to_high = ToneMapper(high, back=True) if high and keep_high else None
        self._colors = high.colors if high and keep_high else info.colors
        self.deep = self._pixels.depth > 8
        if self._to_high and not (self.deep and self._pixels.name.startswith("yuv")):
            raise VideoError(
                f"{codec.name} here holds no high dynamic range. Use --codec hevc or av1 in an "
                ".mp4 or .mkv, or leave --hdr keep out."
            )
        self._unit = info.time_base
        if format_.muxer == "gif":
            self._unit = _GIF_UNIT
        elif format_.steady_rate:
            self._unit = 1 / info.rate
        self._end = -1  # of the last frame's time stamp
        self._moved = False
        self._frames = 0
        if codec.encoder == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # it prints to stderr past FFmpeg's log
        self.stream = self._add(container, quality)
        self._palette = None
        if self._name == "pal8":
            self._palette = Palette(self._size, self._unit, alpha=self._pixels.alpha)

    def _add(self, container: OutputContainer, quality: int) -> Any:
        info, codec, pixels = self._info, self._codec, self._pixels
        height, width = info.height, info.width
        # MP4 and the H.26x codecs state the shape of a pixel; elsewhere pixels are made square.
        of_mp4 = self._format.muxer in ("mp4", "mov")
        keeps_aspect = of_mp4 or codec.encoder in ("libx264", "libx265")
        if not keeps_aspect and info.aspect != 1:
            width = max(round(width * info.aspect), 1)
        self._size = (height, width)
        self._name = (pixels.odd or pixels.name) if height % 2 or width % 2 else pixels.name
        options = codec.encoder_options(quality, pixels)
        if self._to_high and info.high_range and codec.encoder == "libx265":
            told = (options["x265-params"], info.high_range.mastering)
            options["x265-params"] = ":".join(filter(None, told))
        stream: Any = container.add_stream(
            codec.encoder,
            rate=info.rate,
            options=options,
            width=width,
            height=height,
            time_base=self._unit,
        )
        stream.pix_fmt = self._name
        context = stream.codec_context
        if keeps_aspect:
            context.sample_aspect_ratio = info.aspect
        context.flags |= _frame_duration_flag()
        if self._name.startswith("yuv"):
            context.color_range = 1
            context.colorspace = self._colors.matrix
            context.color_primaries = self._colors.primaries
            context.color_trc = self._colors.transfer
        if codec.encoder == "libx265" and of_mp4:
            context.codec_tag = "hvc1"  # with FFmpeg's own tag, Apple's players show nothing
        return stream

    def encode(
        self, rgb: RGB, time: int, duration: int, alpha: Alpha | None
    ) -> Iterator[Packet[Any]]:
        """Yield packets of a frame, and of those before it.

        Args:
            rgb: (H, W, 3), as large as the clip.
            time: when it is shown, in units of the clip's time base; larger than the last.
            duration: likewise; 0 if it is not known.
            alpha: (H, W); None for an opaque frame.
        """
        scale = self._info.time_base / self._unit
        self._frames += 1
        begin = max(round(time * scale), self._end + 1)
        self._end = begin
        self._moved |= abs(begin * self._unit - time * self._info.time_base) > _LATE_S
        if alpha is not None and not self._pixels.alpha:
            rgb, alpha = flatten(rgb, alpha), None
        if self._to_high is not None:
            rgb = self._to_high(rgb)
        if alpha is not None:
            alpha = as_deep(alpha) if rgb.dtype == np.uint16 else as_shallow(alpha)
        name = self._palette.pixels if self._palette else self._name
        frame = from_rgb(rgb, self._colors, name, self._size, alpha)
        frame.pts, frame.time_base = begin, self._unit
        frame.duration = round(duration * scale)
        if self._name.startswith("yuv"):  # ProRes takes them from frames
            frame.color_primaries = self._colors.primaries
            frame.color_trc = self._colors.transfer
        painted = [frame] if self._palette is None else self._palette.paint(frame)
        yield from self._packets(painted)

    def finish(self) -> Iterator[Packet[Any]]:
        """Yield what the encoder still holds."""
        if self._palette is not None:
            yield from self._packets(self._palette.paint(None))
        for packet in self._packets([None]):
            if self._codec.encoder == "libx265" and self._frames <= _TOO_FEW_FOR_X265:
                packet.dts = packet.pts
            yield packet

    def _packets(self, frames: Iterable[Any]) -> Iterator[Packet[Any]]:
        for frame in frames:
            yield from self.stream.encode(frame)

    def notes(self, *, chosen: bool, depth: int | None) -> tuple[str, ...]:
        """What is not as in the clip, in a few words each.

        Args:
            chosen: whether the user named the codec.
            depth: bits that the user asked for; None if he did not.
        """
        info, pixels, name = self._info, self._pixels, self._codec.name
        files = f"{self._format.muxer} files"
        notes = []
        if info.high_range is not None:
            kind = NAMES[info.high_range.colors.transfer]
            notes.append(
                f"high dynamic range ({kind}) kept"
                if self._to_high
                else f"high dynamic range ({kind}) mapped to BT.709; --hdr keep keeps it"
            )
            if self._to_high and info.high_range.mastering and name != "hevc":
                notes.append(f"no data of the mastering display: {name} here holds none")
        if depth is None and pixels.depth < info.depth:
            notes.append(f"{info.depth} bits became {pixels.depth}: {name} here holds no more")
        elif not chosen and depth is None and info.depth > 8 and name != self._format.codecs[0]:
            notes.append(f"written as {name}, which keeps {pixels.depth} bits; or choose --depth 8")
        if info.alpha and not pixels.alpha:
            notes.append(f"transparency put over white: {files} hold none in {name}")
        elif info.alpha and self._name == "pal8":
            notes.append("transparency is on or off only: gif files hold no other")
        if self._moved:
            notes.append(
                f"frames moved to multiples of {self._unit} s: {files} hold no other times"
            )
        return tuple(notes)


def _frame_duration_flag() -> int:
    from av.codec.context import Flags

    return int(Flags.frame_duration)
