"""Read and write image files; images are tensors here, and arrays in ``arrays.py``.

PyTorch is loaded when an image is first read as tensors.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image

from fast_nst import atomic
from fast_nst.errors import ImageError
from fast_nst.image.arrays import (
    Array,
    ArrayImage,
    array_from_pil,
    array_to_pil,
    encode_array,
)
from fast_nst.image.extras import is_missing
from fast_nst.image.formats import READ_SUFFIXES, WRITE_FORMATS, image_format
from fast_nst.image.metadata import Metadata
from fast_nst.image.opening import open_image

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
    """List the images that ``path`` stands for, and that can be read: see :func:`list_files`."""
    return list_files(path, [suffix for suffix in READ_SUFFIXES if not is_missing(suffix)])


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


def _to_arrays(rgb: Tensor, alpha: Tensor | None) -> tuple[Array, Array | None]:
    # NumPy from here on: in a thread beside the network, PyTorch would start more threads.
    def convert(planes: Tensor) -> Array:
        array: Array = planes.detach().float().cpu().numpy()
        return array

    return convert(rgb), None if alpha is None else convert(alpha)
