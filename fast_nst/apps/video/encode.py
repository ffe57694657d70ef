"""Write a video: frames as upright RGB, with the sound and subtitles of another file."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

from fast_nst.apps.video.clip import Clip, ClipInfo
from fast_nst.apps.video.codecs import Needs
from fast_nst.apps.video.color import RGB, Alpha
from fast_nst.apps.video.extras import add_attachments, kept_tags, lost_tags, mark_transparent
from fast_nst.apps.video.formats import DEFAULT_QUALITY, choose_format, is_image_sequence
from fast_nst.apps.video.picture import Picture
from fast_nst.apps.video.priority import ordinary_priority
from fast_nst.apps.video.pyav import import_av
from fast_nst.apps.video.spare import Spare, may_be_needed
from fast_nst.apps.video.tracks import Track, add_tracks
from fast_nst.errors import VideoError

# Errors of the disk, not of what is written.
_OF_THE_DISK = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EFBIG)


class ClipWriter:
    """Encodes a video; the file appears under its name when it is complete, or not at all.

    Numbered images appear one by one.

    Args:
        target: what to write; its ending decides the format (``formats.FORMATS``).
        info: size, aspect, colors and timing of the frames that will come.
        codec: one of ``formats.CODECS``; None for the default of the format.
        preset: one of the codec's ``presets``; None for its own.
        quality: 0 (small) to 100.
        depth: bits of each value; None for those of the clip, where the codec holds them.
        hdr: ``keep`` to write a clip of high dynamic range as one; ``sdr`` for BT.709.
        source: where sound, subtitles, chapters, tags, covers and attachments come from.

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
        depth: int | None = None,
        hdr: str = "sdr",
        source: Clip | None = None,
    ) -> None:
        self.target = Path(target)
        self.info = info
        needs = Needs(depth or info.depth, info.alpha, exactly=depth is not None)
        self.format, self.codec = choose_format(self.target, codec, preset, needs)
        self.frames = 0
        self._asked_codec, self._asked_depth = codec, depth
        self._notes: list[str] = []
        self._closed = False
        self._numbered = is_image_sequence(self.target)
        # A short name of its own: the final one may be as long as the file system allows.
        self._path = self.target
        if not self._numbered:
            self._path = self.target.parent / f".{uuid.uuid4().hex}.tmp"
        av = import_av()
        self._tracks: dict[int, Track] = {}
        self._tags: dict[str, str] = {}
        self._chapters = 0
        self._spare: Spare | None = None
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            if self.target.is_dir():
                raise IsADirectoryError(0, "it is a folder")
            self.container = av.open(
                str(self._path), "w", format=self.format.muxer, options=dict(self.format.options)
            )
            self._picture = Picture(
                self.container,
                info,
                self.format,
                self.codec,
                needs,
                quality,
                keep_high=hdr == "keep",
            )
            packets = self._take_over(source) if source is not None else []
            with ordinary_priority():
                self.container.start_encoding()
            if (self._tracks or packets) and may_be_needed(self.format):
                self._spare = Spare(
                    self._path.with_suffix(".spare"),
                    self.format,
                    self._picture.stream,
                    dict(self.container.metadata),
                )
            for packet in packets:
                self.container.mux(packet)
        except (OSError, ValueError, av.FFmpegError) as error:
            self.abandon()
            raise VideoError(self._why_unwritable(error)) from error
        except BaseException as error:
            self.abandon()
            if isinstance(error, VideoError):
                raise VideoError(f"cannot write {self.target}: {error}") from error
            raise

    @property
    def deep(self) -> bool:
        """Whether frames should come with 16 bits, of which more than 8 are written."""
        return self._picture.deep

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not as it was in the source, in a few words each."""
        of_picture = self._picture.notes(
            chosen=self._asked_codec is not None, depth=self._asked_depth
        )
        return tuple(dict.fromkeys((*of_picture, *self._notes)))

    def _take_over(self, source: Clip) -> list[Any]:
        """Add what is not the picture; returns packets that come after the header."""
        self._tracks, notes = add_tracks(
            self.container, source.others, self.format.sound, source.first_packets()
        )
        self._notes += notes
        packets, notes = add_attachments(self.container, source.attachments, self.format)
        self._notes += notes
        tags = kept_tags(source.tags)
        self.container.metadata.update(tags)
        of_picture = kept_tags(source.picture_tags)
        self._picture.stream.metadata.update(of_picture)
        self._tags = {
            name: text
            for name, text in {**of_picture, **tags}.items()
            if name.lower() not in ("language", "creation_time")
        }
        self._chapters = len(source.chapters)
        if self.format.sound:
            self.container.set_chapters(list(source.chapters))
        return packets

    def write(self, rgb: RGB, time: int, duration: int = 0, alpha: Alpha | None = None) -> None:
        """Encode a frame.

        Args:
            rgb: (H, W, 3), as large as the clip, of 8 bits, or with ``deep`` of 16.
            time: when it is shown, in units of the clip's time base; larger than the last.
            duration: likewise; 0 if it is not known.
            alpha: (H, W), its opacity; None for an opaque frame.

        Raises:
            VideoError: If the disk is full, or the encoder fails.
        """
        self._put(self._picture.encode(rgb, time, duration, alpha))
        self.frames += 1

    def mux(self, packets: Iterable[Any], end_s: Fraction | None = None) -> None:
        """Pass on sound and subtitles, in the order of the source.

        A track that the file does not take is left out from there on, and said.

        Args:
            packets: of the source.
            end_s: what comes later is left out; None for nothing.

        Raises:
            VideoError: If the disk is full.
        """
        for packet in packets:
            index = packet.stream.index
            if track := self._tracks.get(index):
                if end_s is not None and (packet.pts or 0) * packet.time_base >= end_s:
                    continue
                self._put_track(index, track.convert(packet))

    def finish(self) -> Path:
        """Complete the file and give it its name.

        Raises:
            VideoError: If the disk is full, or there was no frame.
        """
        if not self.frames:
            self.abandon()
            raise VideoError(f"cannot write {self.target}: there is no frame. Choose another clip.")
        self._put(self._picture.finish())
        for index, track in tuple(self._tracks.items()):
            self._put_track(index, track.finish())
        av = import_av()
        try:
            self._close()
            if self.format.muxer == "webp" and self.info.alpha:
                mark_transparent(self._path)
            if not self._numbered:
                self._notes += lost_tags(str(self._path), self._tags, self._chapters, self.format)
                self._path.replace(self.target)
        except (OSError, ValueError, av.FFmpegError) as error:
            self.abandon()
            raise VideoError(self._why_unwritable(error)) from error
        self._closed = True
        if self._spare is not None:
            self._spare.delete()
        return self.target

    def _close(self) -> None:
        """Complete the file, or take the picture alone where the muxer refuses the rest."""
        try:
            self.container.close()
        except (OSError, ValueError, import_av().FFmpegError) as error:
            if self._spare is None or _is_of_the_disk(error):
                raise
            self._spare.replace(self._path)
            why = getattr(error, "strerror", None) or str(error)
            self._notes.append(
                f"only the picture: the {self.format.muxer} file could not be completed with the "
                f"rest ({why})"
            )

    def abandon(self) -> None:
        """Leave nothing behind; numbered images stay. After ``finish``, this does nothing."""
        if self._closed:
            return
        self._closed = True
        # The file is given up, so what closing it complains about is no news.
        with contextlib.suppress(Exception):
            self.container.close()
        if self._spare is not None:
            self._spare.delete()
        if not self._numbered:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _put(self, packets: Iterable[Any]) -> None:
        av = import_av()
        try:
            for packet in packets:
                self.container.mux(packet)
                if self._spare is not None:
                    self._spare.mux(packet)
        except (OSError, ValueError, av.FFmpegError) as error:
            raise VideoError(self._why_unwritable(error)) from error

    def _put_track(self, index: int, packets: Iterable[Any]) -> None:
        av = import_av()
        try:
            for packet in packets:
                self.container.mux(packet)
        except (OSError, ValueError, av.FFmpegError) as error:
            if _is_of_the_disk(error):
                raise VideoError(self._why_unwritable(error)) from error
            del self._tracks[index]
            why = getattr(error, "strerror", None) or str(error)
            self._notes.append(
                f"track {index} ends early: the {self.format.muxer} file took no more of it ({why})"
            )

    def _why_unwritable(self, error: Exception) -> str:
        size = f"{self.info.width}x{self.info.height} px"
        if isinstance(error, import_av().error.EncoderNotFoundError):
            why = f"this FFmpeg has no {self.codec.encoder}. Choose another codec"
        elif "avcodec_open2" in str(error):
            why = f"{self.codec.encoder} cannot encode {size}. Choose another codec or format"
        else:
            why = getattr(error, "strerror", None) or str(error)
            if _is_of_the_disk(error) or not isinstance(error, import_av().FFmpegError):
                why = f"{why}. Check the folder's permissions and the free space"
            else:
                what = f"the {self.format.muxer} file takes no {self.codec.name} like this"
                why = f"{what} ({why}). Choose another codec or format, such as .mkv"
        return f"cannot write {self.target}: {why}."


def _is_of_the_disk(error: Exception) -> bool:
    return getattr(error, "errno", None) in _OF_THE_DISK
