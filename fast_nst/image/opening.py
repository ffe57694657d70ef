"""Open image files, whatever reads them, with one error for all that can go wrong."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from fast_nst.errors import ImageError, one_line
from fast_nst.image.extras import JXL, NEEDED, RAW, find_extra, is_missing
from fast_nst.image.formats import MAIN_READ_SUFFIXES

_DNG_VERSION = 50706  # a tag that only raw files have


class _Silence:
    """Suppresses warnings while any thread is inside.

    Pillow warns about slightly damaged metadata and sizes above half its limit: such images can
    be read, and nobody can act on the warning. `warnings.catch_warnings` alone would let threads
    restore each other's filters in the wrong order.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._before.__exit__(None, None, None)


_silence = _Silence()


@contextlib.contextmanager
def open_image(
    source: str | os.PathLike[str] | bytes, name: str | None = None
) -> Iterator[Image.Image]:
    """Open an image file, or its content; every failure meanwhile becomes an ``ImageError``.

    Args:
        source: the file, or its content.
        name: its name in error messages; None for its path, or ``the input`` for bytes.

    Raises:
        ImageError: As :func:`read_image` does, also for what the body of the ``with`` raises.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else Path(source)
    if name is None:
        name = "the input" if isinstance(source, bytes) else os.fspath(source)
    try:
        with _silence, contextlib.ExitStack() as opened:
            yield opened.enter_context(_open(file, name, opened))
    except ImageError as error:
        raise ImageError(f"cannot read {name}: {error}") from error
    except Exception as error:  # decoders raise errors of many types
        raise ImageError(f"cannot read {name}: {_why_unreadable(source, error)}") from error


def _open(source: io.BytesIO | Path, name: str, files: contextlib.ExitStack) -> Image.Image:
    """Open with Pillow, or with what knows the formats that Pillow does not."""
    try:
        image = Image.open(source)
    except UnidentifiedImageError:
        return _open_otherwise(source, name, files)
    if image.format == "JXL":  # its plugin, once it is loaded, reads 8 bits for the whole process
        files.callback(image.close)
        return JXL.open(_reopen(source, files))
    if image.format != "TIFF":
        return image
    # Most raw files of cameras are TIFF files of their thumbnails.
    head = _head(image.fp)
    is_dng = _DNG_VERSION in image.tag_v2  # type: ignore[attr-defined]
    extra = RAW if is_dng else find_extra(head, name)
    if extra is None:
        return image
    files.callback(image.close)
    return extra.open(_reopen(source, files))


def _open_otherwise(
    source: io.BytesIO | Path, name: str, files: contextlib.ExitStack
) -> Image.Image:
    file = _reopen(source, files)
    head = _head(file)
    if extra := find_extra(head, name):
        return extra.open(file)
    if head[:4] in (b"II*\0", b"MM\0*", b"II\x2b\0", b"MM\0\x2b"):
        from fast_nst.image.deep_tiff import open_tiff

        if image := open_tiff(file):
            return image
    if is_missing(Path(name).suffix):
        raise ImageError(f"its format is not known to Pillow. {NEEDED}.")
    raise UnidentifiedImageError


def _reopen(source: io.BytesIO | Path, files: contextlib.ExitStack) -> BinaryIO:
    if isinstance(source, Path):
        return files.enter_context(source.open("rb"))
    source.seek(0)
    return source


def _head(file: Any) -> bytes:
    """The first bytes of an open file, which stays where it is."""
    at = file.tell()
    file.seek(0)
    head: bytes = file.read(64)
    file.seek(at)
    return head


def _why_unreadable(source: str | os.PathLike[str] | bytes, error: Exception) -> str:
    """Two sentences for an error message: what is wrong with the file, and what to do about it."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file. Check the name."
    if isinstance(error, IsADirectoryError):
        return "it is a folder. Name a file in it."
    if isinstance(error, PermissionError):
        return "permission denied. Make it readable to you first."
    if isinstance(error, Image.DecompressionBombError):
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        return (
            f"it declares more than {limit} megapixels, which may be an attack on your memory. "
            "Save a smaller copy first."
        )
    if isinstance(error, MemoryError):
        return "it does not fit in memory. Save a smaller copy first."
    if isinstance(error, UnidentifiedImageError):
        # Pillow opened the file, so it exists.
        if not (source if isinstance(source, bytes) else os.stat(source).st_size):
            return "the file is empty. Download or export it again."
        return (
            "it is not an image in a known format. "
            f"Use one of {', '.join(MAIN_READ_SUFFIXES)}, or convert it first."
        )
    reason = one_line(error).rstrip(".") or type(error).__name__
    return f"the file is damaged or incomplete ({reason}). Download or export it again."
