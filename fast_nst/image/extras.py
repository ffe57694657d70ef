"""Formats that packages of the extra ``formats`` read: HEIF, JPEG XL, OpenEXR, camera raw.

Nothing is imported before a file of such a format is opened.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from fast_nst.errors import ImageError

NEEDED = "Install support for it: pip install 'fast-nst[formats]'"
_LOADERS = "fast_nst.image.loaders"


@dataclass(frozen=True)
class ExtraFormat:
    """A format that Pillow alone does not read.

    Attributes:
        name: in messages.
        suffixes: endings of such files, in lower case.
        package: what reads it, as it is imported.
        is_this: whether a file begins so, by its first 64 bytes.
        loader: name of the function in ``loaders.py`` that opens it.
    """

    name: str
    suffixes: tuple[str, ...]
    package: str
    is_this: Callable[[bytes], bool]
    loader: str

    @property
    def installed(self) -> bool:
        """Whether the package is there."""
        return find_spec(self.package) is not None

    def open(self, file: BinaryIO) -> Image.Image:
        """Open a file.

        Raises:
            ImageError: If the package is missing.
            Exception: Whatever the package raises for a damaged file.
        """
        if not self.installed:
            raise ImageError(f"it is {self.name}, which needs another package. {NEEDED}.")
        opener: Callable[[BinaryIO], Image.Image] = getattr(
            importlib.import_module(_LOADERS), self.loader
        )
        image = opener(file)
        limit = 2 * (Image.MAX_IMAGE_PIXELS or image.width * image.height)
        if image.width * image.height > limit:  # Pillow checks what it opens itself
            raise Image.DecompressionBombError
        return image


def _is_heif(head: bytes) -> bool:
    brands = {head[at : at + 4] for at in (8, *range(16, 64, 4))}
    return (
        head[4:8] == b"ftyp"
        and head[8:11] != b"avi"
        and bool(brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
    )


def _is_jxl(head: bytes) -> bool:
    return head[:2] == b"\xff\x0a" or head[4:12] == b"JXL \r\n\x87\n"


def _is_raw(head: bytes) -> bool:
    # Most are TIFF files by their beginning, and only their names tell them from images.
    return (
        head[8:10] == b"CR"
        or head[4:12] == b"ftypcrx "
        or head.startswith((b"FUJIFILMCCD-RAW", b"II\x55\x00", b"IIRO"))
    )


HEIF = ExtraFormat("HEIF", (".heic", ".heif", ".hif"), "pillow_heif", _is_heif, "open_heif")
JXL = ExtraFormat("JPEG XL", (".jxl",), "pillow_jxl", _is_jxl, "open_jxl")
EXR = ExtraFormat(
    "OpenEXR", (".exr",), "OpenEXR", lambda head: head.startswith(b"\x76\x2f\x31\x01"), "open_exr"
)
RAW = ExtraFormat(
    "a camera's raw file",
    (
        *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".rw2"),
        *(".orf", ".pef", ".srw", ".rwl", ".iiq", ".3fr", ".erf", ".kdc", ".dcr", ".mos", ".mrw"),
    ),
    "rawpy",
    _is_raw,
    "open_raw",
)
EXTRA_FORMATS = (HEIF, JXL, EXR, RAW)

BY_SUFFIX: Mapping[str, ExtraFormat] = {
    suffix: extra for extra in EXTRA_FORMATS for suffix in extra.suffixes
}
EXTRA_SUFFIXES = tuple(BY_SUFFIX)


def find_extra(head: bytes, name: str | os.PathLike[str]) -> ExtraFormat | None:
    """The format of a file that Pillow does not know, or takes for a TIFF.

    Args:
        head: its first 64 bytes.
        name: its name, by whose ending raw files are known.

    Returns:
        None if it is none of these.
    """
    if BY_SUFFIX.get(Path(name).suffix.lower()) is RAW:
        return RAW
    return next((extra for extra in EXTRA_FORMATS if extra.is_this(head)), None)


def is_missing(suffix: str) -> bool:
    """Whether files with this ending need a package that is not installed."""
    extra = BY_SUFFIX.get(suffix.lower())
    return extra is not None and not extra.installed
