"""Repaint a video file, frame by frame, with its sound."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from fast_nst.apps.video.animate import Animated
from fast_nst.apps.video.clip import Clip, Decoded
from fast_nst.apps.video.decode import ClipReader
from fast_nst.apps.video.encode import ClipWriter
from fast_nst.apps.video.filtering import FrameFilter, filter_frame
from fast_nst.apps.video.formats import DEFAULT_QUALITY, DEINTERLACE, HDR, Needs, choose_format
from fast_nst.apps.video.overlap import BackgroundCalls, ahead
from fast_nst.apps.video.pictures import PictureReader, is_animated_image
from fast_nst.apps.video.steady import steadied
from fast_nst.errors import VideoError, suggest
from fast_nst.hardware import keep_freed_memory

PathLike = str | os.PathLike[str]

_LATE_SOUND_S = 1  # how far behind the frame that it belongs to sound may stand in a file


@dataclass(frozen=True)
class VideoProgress:
    """How far a video is.

    Attributes:
        done: frames stylized.
        total: frames of the clip; None where its file does not say.
        frames_per_s: since the beginning.
        left_s: how much longer it takes at that rate; None with ``total``.
    """

    done: int
    total: int | None
    frames_per_s: float
    left_s: float | None


@dataclass(frozen=True)
class VideoReport:
    """What became of a video.

    Attributes:
        target: what was written.
        frames: frames written.
        lost: frames of the source that could not be decoded, as far as can be told.
        notes: what is not as it was in the source, in a few words each: sound that was converted,
            what was left out, whether it was deinterlaced or tone-mapped.
        seconds: how long it took.
    """

    target: Path
    frames: int
    lost: int
    notes: tuple[str, ...]
    seconds: float


class VideoInterrupted(KeyboardInterrupt):
    """Ctrl-C came; ``report`` says what was written until then, which is complete and playable."""

    def __init__(self, report: VideoReport) -> None:
        super().__init__()
        self.report = report


def stylize_video(
    stylizer: FrameFilter,
    source: PathLike,
    target: PathLike,
    *,
    codec: str | None = None,
    preset: str | None = None,
    quality: int = DEFAULT_QUALITY,
    depth: int | None = None,
    hdr: str = "sdr",
    deinterlace: str = "auto",
    frames: int | None = None,
    steady: float = 0.0,
    on_progress: Callable[[VideoProgress], None] | None = None,
) -> VideoReport:
    """Repaint a video: same size, same time stamps, same sound.

    Frames are decoded, repainted and encoded at the same time, each in its thread, and only a few
    are held in memory, which the process keeps (``hardware.keep_freed_memory``). Turned videos are
    written upright. What is not said of the colors is taken as players take it, and said in the new
    file.

    Args:
        stylizer: a :class:`~fast_nst.Stylizer`, or another :class:`FrameFilter`, such as
            :class:`~fast_nst.apps.video.animate.Animated`.
        source: any video that FFmpeg reads.
        target: a file with one of the endings of ``formats.FORMATS``, such as ``.mp4``, ``.mov``,
            ``.mkv`` and ``.webm``; or numbered images such as ``frames/%05d.png``. It appears when
            it is complete.
        codec: ``h264``, ``hevc``, ``vp9``, ``av1`` or ``prores``, where the file can hold it; None
            for the first that it can (H.264 in ``.mp4`` and ``.mkv``, ProRes in ``.mov``, VP9 in
            ``.webm``), or that holds the clip's depth (HEVC, AV1) and transparency (VP9, ProRes).
        preset: how fast H.264 and HEVC are encoded, ``ultrafast`` to ``veryslow``: the slower, the
            smaller the file; None for ``faster`` and ``fast``.
        quality: 0 (small) to 100 (as good as it gets).
        depth: bits of each value, 8, 10 or 16, as the codec holds them; None for those of the
            source, as far as the codec does.
        hdr: what becomes of high dynamic range (PQ, HLG): ``sdr`` writes BT.709, which the filter
            sees in any case; ``keep`` gives what it paints the luminance that it had.
        deinterlace: ``auto`` for interlaced frames, or ``off``.
        frames: only so many, from the beginning; None for all.
        steady: share of the past in what stays in sight, 0 (every frame by itself) to 1: see
            :class:`~fast_nst.apps.video.steady.Steady`.
        on_progress: called after every frame.

    Raises:
        VideoError: If the source cannot be read, the target not be written, or a number is out of
            range; nothing is left behind.
        ConfigError: If PyAV is not installed, or OpenCV is not and ``steady`` is not 0.
        VideoInterrupted: On Ctrl-C, after what was done is written. A second Ctrl-C gives that up.

    Example:
        >>> from fast_nst import Stylizer
        >>> from fast_nst.apps.video import stylize_video
        >>> stylizer = Stylizer.load("starry_night.safetensors", device="auto")
        >>> report = stylize_video(stylizer, "walk.mp4", "walk_starry.mp4")
        >>> report.frames
        250
    """
    check_options(quality, frames)
    _check_choice("hdr", hdr, HDR)
    _check_choice("deinterlace", deinterlace, DEINTERLACE)
    choose_format(Path(target), codec, preset, Needs(depth, exactly=True) if depth else None)
    animated = stylizer if isinstance(stylizer, Animated) else None
    stylizer = steadied(stylizer, steady)
    keep_freed_memory()
    reader = _open(source, deinterlace)
    try:
        if animated is not None:
            animated.begin(_count(reader, frames))
        if os.path.exists(target) and os.path.samefile(source, target):
            raise VideoError(f"{target} would overwrite the input {source}. Choose another output.")
        writer = ClipWriter(
            target,
            reader.info,
            codec=codec,
            preset=preset,
            quality=quality,
            depth=depth,
            hdr=hdr,
            source=reader,
        )
        try:
            return _run(stylizer, reader, writer, frames, on_progress)
        finally:
            writer.abandon()
    finally:
        reader.close()


def check_options(quality: int, frames: int | None) -> None:
    """Refuse numbers out of range.

    Raises:
        VideoError: If there are any.
    """
    if not 0 <= quality <= 100:
        raise VideoError(f"quality is {quality}; expected 0 to 100.")
    if frames is not None and frames < 1:
        raise VideoError(f"frames is {frames}; expected at least 1.")


def _open(source: PathLike, deinterlace: str) -> Clip:
    """Open a video, or an animated image."""
    if is_animated_image(source):
        return PictureReader(source)
    return ClipReader(source, deinterlace=deinterlace)


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise VideoError(
            f"{name} is {value!r}{suggest(value, choices)}; expected {' or '.join(choices)}."
        )


def _run(
    stylizer: FrameFilter,
    reader: Clip,
    writer: ClipWriter,
    frames: int | None,
    on_progress: Callable[[VideoProgress], None] | None,
) -> VideoReport:
    begin = time.monotonic()
    total = _count(reader, frames)
    done = 0
    end_s: Fraction | None = None  # where sound ends, if not at its own end
    interrupted = False
    writing = BackgroundCalls()
    try:
        try:
            with closing(ahead(iter(reader))) as decoded:
                for item in decoded:
                    # Asked before they are muxed, which changes their times.
                    late = end_s is not None and _is_late(item, end_s)
                    if item.packets:
                        writing.call(writer.mux, item.packets, end_s)
                    if late:
                        break
                    if item.rgb is None or end_s is not None:
                        continue
                    stylized = filter_frame(stylizer, item.rgb, deep=writer.deep)
                    writing.call(writer.write, stylized, item.time, item.duration, item.alpha)
                    done += 1
                    if on_progress is not None:
                        on_progress(_progress(done, total, time.monotonic() - begin))
                    if done == frames:
                        if not reader.others:
                            break
                        unit = reader.info.time_base
                        end_s = item.time * unit + (item.duration * unit or 1 / reader.info.rate)
                        reader.skip_frames = True
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted = True
        writing.finish()
    finally:
        writing.close()
    target = writer.finish()
    notes = tuple(dict.fromkeys((*reader.notes, *writer.notes)))
    report = VideoReport(target, writer.frames, reader.lost, notes, time.monotonic() - begin)
    if interrupted:
        raise VideoInterrupted(report)
    return report


def _is_late(item: Decoded, end_s: Fraction) -> bool:
    """Whether sound is so far past the end that none before it will come."""
    limit = end_s + _LATE_SOUND_S
    return any((packet.pts or 0) * packet.time_base > limit for packet in item.packets)


def _count(reader: Clip, frames: int | None) -> int | None:
    return min(filter(None, (reader.info.frames, frames)), default=None)


def _progress(done: int, total: int | None, seconds: float) -> VideoProgress:
    rate = done / max(seconds, 1e-9)
    left = max(total - done, 0) / rate if total else None
    return VideoProgress(done, total, rate, left)
