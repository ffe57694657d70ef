"""What else a video file holds: tags, a timecode, covers and attached files."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fast_nst.apps.video.formats import Format
from fast_nst.apps.video.pyav import import_av
from fast_nst.apps.video.streams import Attachment
from fast_nst.image.formats import state_transparency

if TYPE_CHECKING:
    from av.container import OutputContainer

# What describes the old file rather than what is in it. Places are not passed on, either.
_ABOUT_THE_FILE = (
    *("encoder", "major_brand", "minor_version", "compatible_brands", "software", "duration"),
    *("vendor_id", "alpha_mode", "rotate", "bps", "stereo_mode", "filename", "mimetype"),
    *("creation_time", "handler_name"),
)
_STATISTICS = ("number_of_", "_statistics", "bps-", "duration-")  # of Matroska's writers


def kept_tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """The tags that are true of a repainted file, too."""
    return {
        name: text
        for name, text in metadata.items()
        if name.lower() not in _ABOUT_THE_FILE
        and "location" not in name.lower()
        and not name.lower().startswith(_STATISTICS)
    }


def add_attachments(
    container: OutputContainer, files: Sequence[Attachment], format_: Format
) -> tuple[list[Any], tuple[str, ...]]:
    """Give an output file the covers and other files of an input, before its header.

    Returns:
        Packets to write after the header; and what is left out, in a few words each.
    """
    packets: list[Any] = []
    notes: list[str] = []
    for file in files:
        if file.stream is None:
            if format_.attachments:
                container.add_attachment(file.name, file.mimetype, file.data)
            else:
                notes.append(f"no attachment {file.name}: {_files(format_)} hold none")
        elif format_.cover == "attachment":
            container.add_attachment(file.name, file.mimetype, file.data)
        elif format_.cover == "stream" and file.stream.codec_context.name in ("mjpeg", "png"):
            packets.append(_add_cover(container, file))
        else:
            notes.append(f"no cover {file.name}: {_files(format_)} hold none")
    return packets, tuple(notes)


def lost_tags(
    file: str, wanted: Mapping[str, str], chapters: int, format_: Format
) -> tuple[str, ...]:
    """The tags and chapters that a file that was written does not hold, in a few words each."""
    if not wanted and not chapters:
        return ()
    av = import_av()
    texts: set[str] = set()
    found = 0
    # FFmpeg writes some kinds of files that it does not read.
    with contextlib.suppress(OSError, ValueError, av.FFmpegError), av.open(file) as written:
        for each in (written, *written.streams.video):
            texts.update(each.metadata.values())
        found = len(written.chapters())
    notes = []
    if lost := [name for name, text in wanted.items() if text not in texts]:
        notes.append(f"no tags {', '.join(lost)}: {_files(format_)} hold none of these")
    if found < chapters:
        notes.append(f"no chapters: {_files(format_)} hold none")
    return tuple(notes)


def mark_transparent(file: Path) -> None:
    """Do to a file what :func:`fast_nst.image.formats.state_transparency` does."""
    with file.open("r+b") as content:
        head = state_transparency(content.read(21))
        content.seek(0)
        content.write(head)


def _add_cover(container: OutputContainer, file: Attachment) -> Any:
    from av.packet import Packet
    from av.stream import Disposition

    stream = container.add_stream_from_template(file.stream)
    stream.disposition = Disposition.attached_pic
    stream.metadata.update(kept_tags(file.stream.metadata))
    packet = Packet(file.data)
    packet.stream, packet.pts, packet.dts = stream, 0, 0
    packet.is_keyframe = True
    return packet


def _files(format_: Format) -> str:
    return f"{format_.muxer} files"
