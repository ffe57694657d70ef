"""The picture of a file once more, in case its muxer gives up at the very end."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fast_nst.apps.video.formats import Format
from fast_nst.apps.video.pyav import import_av

if TYPE_CHECKING:
    from av.packet import Packet

# These write what says where everything is when all of it is there; without it nothing can be read.
_INDEXED_AT_THE_END = ("mp4", "mov", "f4v", "3gp", "3g2")


class Spare:
    """A second file with the encoded picture alone, which is deleted where it is not needed.

    Some muxers only find at the end that they cannot hold a track. Painting takes hours, and a file
    without sound is better than none.

    Args:
        path: of the second file.
        format_: of both.
        picture: the stream of the first, whose header is written.
        tags: of the file.
    """

    def __init__(self, path: Path, format_: Format, picture: Any, tags: dict[str, str]) -> None:
        self._path = path
        self._container: Any = import_av().open(str(path), "w", format=format_.muxer)
        self._stream = self._container.add_stream_from_template(picture)
        if picture.codec_context.codec_tag == "hvc1":
            self._stream.codec_context.codec_tag = "hvc1"
        self._stream.metadata.update(picture.metadata)
        self._container.metadata.update(tags)
        self._container.start_encoding()

    def mux(self, packet: Packet[Any]) -> None:
        """Add a packet that is written to the first file already."""
        packet.stream = self._stream
        self._container.mux(packet)

    def replace(self, path: Path) -> None:
        """Complete the second file in the first one's place."""
        self._container.close()
        self._path.replace(path)

    def delete(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(Exception):
            self._container.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def may_be_needed(format_: Format) -> bool:
    """Whether a file of this kind is lost if its end cannot be written."""
    return format_.muxer in _INDEXED_AT_THE_END
