"""The one way to write a file: it appears when it is complete, or not at all; no torch in here."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike[str], *, suffix: str = ".part", durable: bool = False
) -> Iterator[Path]:
    """Give a name beside ``path`` to write a file to, which gets its own when the ``with`` ends.

    If the body raises anything, an interrupt included, nothing is left of the new file, and what
    was at ``path`` stays as it was. The file's permissions are those of any new file.

    Args:
        path: where to; its folder is made, a file there is replaced.
        suffix: of the name; some libraries want a certain one.
        durable: wait until the file is on the disk before it replaces another, so that not even
            a power failure loses both; for what took long to make.

    Raises:
        OSError: If the place cannot be written to.
    """
    path = Path(path)
    # A short name of its own: the final one may be as long as the file system allows.
    temporary = path.parent / f".{uuid.uuid4().hex}{suffix}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):  # where a parent is a file, there is nothing to remove
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def open_replacing(path: str | os.PathLike[str], *, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a file for bytes that is at ``path`` when the ``with`` ends; see :func:`replacing`.

    Raises:
        OSError: If the place cannot be written to.
    """
    with replacing(path, durable=durable) as temporary, temporary.open("xb") as file:
        yield file


def write_bytes(path: str | os.PathLike[str], content: bytes, *, durable: bool = False) -> None:
    """Write a file, whole or not at all; see :func:`replacing`.

    Raises:
        OSError: If the place cannot be written to.
    """
    with open_replacing(path, durable=durable) as file:
        file.write(content)
