"""What a file holds besides its picture, and which of its streams is which."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fast_nst.apps.video.pyav import import_av
from fast_nst.errors import VideoError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_ALPHA_DECODERS = {"vp9": "libvpx-vp9", "vp8": "libvpx"}  # FFmpeg's own ignore transparency


@dataclass(frozen=True)
class Attachment:
    """A file in a video file: a font of its subtitles, or its cover.

    Attributes:
        name: of the file.
        mimetype: what it is.
        data: its content.
        stream: the picture stream that FFmpeg makes of a cover, with ``packet``; None for others.
    """

    name: str
    mimetype: str
    data: bytes
    stream: Any = None
    packet: Any = None


def find_picture(container: InputContainer, source: str | os.PathLike[str]) -> VideoStream:
    """The stream with moving images: the first that is no cover.

    Raises:
        VideoError: If there is none.
    """
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.codec_context:
            return stream
    raise VideoError(
        f"cannot read {source}: there is no video in it, only "
        f"{', '.join(sorted({each.type for each in container.streams})) or 'nothing'}. "
        "Name a file with moving images."
    )


def find_covers(container: InputContainer) -> list[Stream]:
    """The streams that are one image each."""
    from av.stream import Disposition

    return [
        each
        for each in container.streams.video
        if each.disposition & Disposition.attached_pic and each.codec_context
    ]


def alpha_decoder(stream: VideoStream) -> VideoCodecContext | None:
    """A decoder that gives a stream's transparency; None if the usual one does, or has none."""
    name = _ALPHA_DECODERS.get(stream.codec_context.name)
    stated = {key.lower(): text for key, text in stream.metadata.items()}
    if name is None or stated.get("alpha_mode") != "1":
        return None
    av = import_av()
    decoder: VideoCodecContext = av.CodecContext.create(name, "r")
    decoder.extradata = stream.codec_context.extradata
    return decoder


def attachments_of(container: InputContainer) -> list[Attachment]:
    """The files in a video file, without its covers."""
    return [
        Attachment(each.name or "", each.mimetype or "application/octet-stream", bytes(each.data))
        for each in container.streams.attachments
    ]


def cover_of(packet: Any) -> Attachment:
    """The cover that a packet of such a stream is."""
    stream = packet.stream
    kind = {"mjpeg": "jpeg"}.get(stream.codec_context.name, stream.codec_context.name)
    name = stream.metadata.get("filename") or f"cover.{'jpg' if kind == 'jpeg' else kind}"
    mimetype = stream.metadata.get("mimetype") or f"image/{kind}"
    return Attachment(name, mimetype, bytes(packet), stream, packet)


def left_out(container: InputContainer, known: Iterable[Stream]) -> tuple[str, ...]:
    """What else is in a file, that no result holds, in a few words each."""
    taken = {each.index for each in known}
    notes: list[str] = []
    for stream in container.streams:
        if stream.index in taken or stream.type == "attachment" or _is_timecode(stream):
            continue
        if stream.type == "video":
            notes.append("only the first of several pictures")
        else:
            name = stream.metadata.get("handler_name") or stream.type
            notes.append(f"no {name} track: only pictures, sound and subtitles are taken")
    return tuple(dict.fromkeys(notes))


def timecode_of(container: InputContainer) -> dict[str, str]:
    """The tag of the first timecode track, if there is one."""
    for stream in container.streams:
        if _is_timecode(stream):
            return {"timecode": stream.metadata["timecode"]}
    return {}


def _is_timecode(stream: Stream) -> bool:
    """Whether it is a track that FFmpeg writes again by the picture's ``timecode``."""
    return stream.type == "data" and "timecode" in stream.metadata


def is_image(container: InputContainer, source: str | os.PathLike[str]) -> bool:
    """Whether it is one file that FFmpeg reads as it does numbered images."""
    name = container.format.name
    return (name == "image2" or name.endswith("_pipe")) and Path(source).is_file()


def why_unreadable(source: str | os.PathLike[str], error: Exception) -> str:
    """Say why a file cannot be opened, and what to do."""
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


def stated_duration(metadata: Mapping[str, str]) -> Fraction | None:
    """What Matroska files say of a stream's duration, such as ``00:00:09.500000000``; in s."""
    try:
        hours, minutes, seconds = metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except (KeyError, ValueError):
        return None
