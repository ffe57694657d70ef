"""Read and write image files; images are tensors here, and arrays in ``arrays.py``.

PyTorch is loaded when an image is first read as tensors.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from fast_nst import atomic
from fast_nst.errors import ImageError, one_line
from fast_nst.image.arrays import (
    Array,
    ArrayImage,
    array_from_pil,
    array_to_pil,
    encode_array,
)
from fast_nst.image.extras import NEEDED, RAW, find_extra, is_missing
from fast_nst.image.formats import MAIN_READ_SUFFIXES, READ_SUFFIXES, WRITE_FORMATS, image_format
from fast_nst.image.metadata import Metadata

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "READ_SUFFIXES",
    "WRITE_FORMATS",
    "TensorImage",
    "encode_image",
    "image_format",
    "image_from_pil",
    "image_to_pil",
    "list_files",
    "list_images",
    "open_image",
    "read_image",
    "replace_file",
    "write_bytes",
    "write_image",
]


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


@dataclass(frozen=True)
class TensorImage:
    """An image, upright and in sRGB.

    Attributes:
        rgb: (3, H, W), float32 in [0, 1], not premultiplied. Where ``alpha`` is close to 0 it
            continues the visible colors around, so that hidden colors cannot show.
        alpha: (1, H, W), float32 in [0, 1]; None for an image that is opaque everywhere.
        metadata: those of its file that are also true of a stylized image.
        depth: bits per channel of its file: 8, 10, 12, 16, or 32 for floating point.
    """

    rgb: Tensor
    alpha: Tensor | None = None
    metadata: Metadata | None = None
    depth: int = 8

    @classmethod
    def of_arrays(cls, image: ArrayImage) -> TensorImage:
        """The same image as tensors, which share the arrays' memory."""
        import torch

        alpha = None if image.alpha is None else torch.from_numpy(image.alpha)
        return cls(torch.from_numpy(image.rgb), alpha, image.metadata, image.depth)

    def to_arrays(self) -> ArrayImage:
        """The same image as arrays, which share the tensors' memory where they can."""
        return ArrayImage(*_to_arrays(self.rgb, self.alpha), self.metadata, self.depth)


def read_image(source: str | os.PathLike[str] | bytes) -> TensorImage:
    """Read an image file as a viewer would show it.

    EXIF orientation is applied and an embedded ICC profile converted to sRGB; an image whose
    profile is damaged, or is for another color space, is assumed to be sRGB. Every mode that
    Pillow reads is supported: gray, palette, 1-bit, CMYK, 16-bit, with or without transparency. Of
    an animated file, the first frame is read.

    Args:
        source: the file, or its content; the content decides the format, not the file's name.

    Returns:
        The image, with height and width as a viewer shows them.

    Raises:
        ImageError: If the file is missing, not an image, damaged, or so large (about 179
            megapixels, Pillow's limit) that it may be a decompression bomb.
    """
    with open_image(source) as image:
        return image_from_pil(image)


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
    if image.format != "TIFF":
        return image
    # Most raw files of cameras are TIFF files of their thumbnails.
    head = _head(image.fp)
    is_dng = 50706 in image.tag_v2  # type: ignore[attr-defined]
    extra = RAW if is_dng else find_extra(head, name)
    if extra is None:
        return image
    image.close()
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


def image_from_pil(image: Image.Image) -> TensorImage:
    """Convert an opened Pillow image, as :func:`read_image` does; ``image`` is not changed.

    Raises:
        ImageError: If the range of its values is unknown (floating point outside [0, 1]).
        OSError: If the file behind a lazily opened image is damaged.
    """
    return TensorImage.of_arrays(array_from_pil(image))


def image_to_pil(rgb: Tensor, alpha: Tensor | None = None) -> Image.Image:
    """Convert an image to an 8-bit Pillow image: ``RGBA`` with ``alpha``, else ``RGB``.

    Args:
        rgb: (3, H, W), floating point; values outside [0, 1] are clipped.
        alpha: (1, H, W), likewise.

    Raises:
        ValueError: If a shape is not as above.
        ImageError: If a value is not finite.
    """
    return array_to_pil(*_to_arrays(rgb, alpha))


def list_images(path: str | os.PathLike[str]) -> list[Path]:
    """List the images that ``path`` stands for: see :func:`list_files`."""
    return list_files(path, READ_SUFFIXES)


def list_files(
    path: str | os.PathLike[str],
    suffixes: Collection[str],
    on_other: Callable[[str], None] | None = None,
) -> list[Path]:
    """List the files that ``path`` stands for.

    Args:
        path: a file, which is taken whatever its name; or a folder, which is searched with its
            subfolders. Hidden files and folders, and folders that are links, are skipped.
        suffixes: what names in a folder must end in, in lower case.
        on_other: called with the name, below the folder, of each file that ends otherwise.

    Returns:
        The files, sorted; none for a folder without such files.

    Raises:
        ImageError: If ``path`` does not exist, or a folder cannot be listed.
    """
    path = Path(path)
    try:
        if path.is_file():
            return [path]
        if not path.exists():
            raise ImageError(f"{path} does not exist. Check the name.")
    except OSError as error:  # a name too long, or a folder that may not be entered
        raise ImageError(f"cannot read {path}: {error.strerror}. Check the name.") from error

    def refuse(error: OSError) -> None:
        raise ImageError(
            f"cannot list {error.filename}: {error.strerror}. Check the folder's permissions."
        ) from error

    found = []
    for folder, subfolders, names in os.walk(path, onerror=refuse):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            if name.startswith("."):
                continue
            if Path(name).suffix.lower() in suffixes:
                found.append(Path(folder, name))
            elif on_other is not None:
                on_other(str(Path(folder, name).relative_to(path)))
    return sorted(found)


def encode_image(
    kind: str,
    rgb: Tensor,
    alpha: Tensor | None = None,
    *,
    quality: int | None = None,
    metadata: Metadata | None = None,
) -> bytes:
    """Encode an image as a file of the format ``kind``, such as ``"PNG"``.

    The arguments are those of :func:`write_image`.

    Raises:
        ImageError: If the image is too large for the format, or a value is not finite.
        ValueError: If a shape is not as in :func:`write_image`.
        OSError: If the encoder fails.
    """
    arrays = ArrayImage(*_to_arrays(rgb, alpha), metadata)
    return encode_array(kind, arrays, quality=quality)


def write_image(
    path: str | os.PathLike[str],
    rgb: Tensor,
    alpha: Tensor | None = None,
    *,
    quality: int | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Write an image, in the format that its name ends in; folders are made as needed.

    The file appears when it is complete, or not at all. It is sRGB, 8 bits per channel, and
    carries no profile: that is how every viewer reads an untagged file. JPEG and BMP hold no
    transparency: for them, the image is composited over white.

    Args:
        path: the file to write, or to replace.
        rgb: (3, H, W), floating point; values outside [0, 1] are clipped.
        alpha: (1, H, W), likewise; None for an opaque image.
        quality: 1 to 100, for JPEG, WebP and AVIF; 95, 92 and 85 by default.
        metadata: written to the file; GIF and BMP have none.

    Raises:
        ImageError: If the ending is unknown, the image is too large for the format, a value is not
            finite, or the file cannot be written.
        ValueError: If a shape is not as above.
    """
    kind = image_format(path)
    try:
        content = encode_image(kind, rgb, alpha, quality=quality, metadata=metadata)
    except (ImageError, OSError) as error:
        raise ImageError(f"cannot write {path}: {error}") from error
    write_bytes(path, content)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file that appears when it is complete, or not at all; folders are made as needed.

    Raises:
        ImageError: If the file cannot be written.
    """
    with replace_file(path) as file:
        file.write(content)


@contextlib.contextmanager
def replace_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that appears when the ``with`` ends, or not at all; folders are made as needed.

    Raises:
        ImageError: If the file cannot be written; also for an ``OSError`` in the ``with`` body.
    """
    try:
        with atomic.open_replacing(path) as file:
            yield file
    except OSError as error:
        why = error.strerror or str(error)
        raise ImageError(
            f"cannot write {path}: {why}. Check the folder's permissions and the free space."
        ) from error


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


def _to_arrays(rgb: Tensor, alpha: Tensor | None) -> tuple[Array, Array | None]:
    # NumPy from here on: in a thread beside the network, PyTorch would start more threads.
    def convert(planes: Tensor) -> Array:
        array: Array = planes.detach().float().cpu().numpy()
        return array

    return convert(rgb), None if alpha is None else convert(alpha)
