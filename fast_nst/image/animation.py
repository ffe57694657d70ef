"""Files of several images: animations (GIF, APNG, WebP, AVIF) and pages (TIFF)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image

from fast_nst.errors import ImageError
from fast_nst.image.arrays import ArrayImage, array_from_pil
from fast_nst.image.deep_read import frame_depth
from fast_nst.image.formats import ANIMATED, PAGED
from fast_nst.image.io import open_image
from fast_nst.image.metadata import Metadata, read_metadata

_KIND_OF_PAGE = 254  # the tag NewSubfileType
_COPY_OR_MASK = 0b101


@dataclass(frozen=True)
class Animation:
    """An animated image file; its frames are decoded on demand.

    Attributes:
        source: the file, or its content.
        count: number of frames.
        size: height and width of every frame, px.
        plays: how many times it plays; 0 to loop forever.
        metadata: those of the file that a stylized animation keeps.
        name: the file's name in error messages; None for its path, or ``the input`` for bytes.
        depth: bits per channel in the file; its frames are read with 8.
    """

    source: str | os.PathLike[str] | bytes = field(repr=False)
    count: int
    size: tuple[int, int]
    plays: int
    metadata: Metadata | None = None
    name: str | None = None
    depth: int = 8

    def frames(self) -> Iterator[tuple[ArrayImage, float]]:
        """Decode the frames one by one, each with its duration in ms.

        Raises:
            ImageError: If the file is damaged.
        """
        with open_image(self.source, self.name) as opened:
            first = _first_frame(opened)
            for index in range(first, first + self.count):
                opened.seek(index)
                image = array_from_pil(opened)  # decodes, which sets the duration
                yield image, float(opened.info.get("duration", 0))


@dataclass(frozen=True)
class Pages:
    """An image file of several pages, which may differ in size; each is decoded on demand.

    Attributes:
        source: the file, or its content.
        numbers: of the pages, from 0; smaller copies of pages are left out.
        name: the file's name in error messages; None for its path, or ``the input`` for bytes.
    """

    source: str | os.PathLike[str] | bytes = field(repr=False)
    numbers: tuple[int, ...]
    name: str | None = None

    @property
    def count(self) -> int:
        """Number of pages."""
        return len(self.numbers)

    def pages(self) -> Iterator[ArrayImage]:
        """Decode the pages one by one.

        Raises:
            ImageError: If the file is damaged.
        """
        with open_image(self.source, self.name) as opened:
            for number in self.numbers:
                opened.seek(number)
                yield array_from_pil(opened)


def read_frames(
    source: str | os.PathLike[str] | bytes, name: str | None = None
) -> ArrayImage | Animation | Pages:
    """Read an image file, or open it if it is animated or has several pages.

    A camera's JPEG with several images is neither: its first image is read.

    Args:
        source: the file, or its content.
        name: its name in error messages; None for its path, or ``the input`` for bytes.

    Raises:
        ImageError: As :func:`read_image` does; or if all frames together are larger than a single
            image may be.
    """
    with open_image(source, name) as image:
        if len(numbers := page_numbers(image)) > 1:
            return Pages(source, numbers, name)
        if not _is_animated(image):
            return array_from_pil(image)
        plays, count = _plays(image), getattr(image, "n_frames", 1) - _first_frame(image)
        if count == 1:
            image.seek(_first_frame(image))
            return array_from_pil(image)
        pixels = count * image.width * image.height
        if pixels > (limit := 2 * (Image.MAX_IMAGE_PIXELS or pixels)):
            raise ImageError(
                f"its {count} frames have {pixels // 1_000_000} megapixels in total; at most "
                f"{limit // 1_000_000} can be read. Convert it to a video first."
            )
        size, depth = image.size[::-1], frame_depth(image)
        return Animation(source, count, size, plays, read_metadata(image), name, depth)


def is_animated(source: str | os.PathLike[str] | bytes) -> bool:
    """Whether an image file may hold an animation; nothing is decoded.

    Raises:
        ImageError: If it is not an image.
    """
    with open_image(source) as image:
        return _is_animated(image)


def page_numbers(image: Image.Image) -> tuple[int, ...]:
    """Numbers of the pages of an opened image, from 0; just 0 for a format without pages.

    Smaller copies of pages, and masks of them, are no pages.
    """
    count = getattr(image, "n_frames", 1) if image.format in PAGED else 1
    if count == 1:
        return (0,)
    found = []
    for number in range(count):
        image.seek(number)
        if not int(image.tag_v2.get(_KIND_OF_PAGE, 0)) & _COPY_OR_MASK:  # type: ignore[attr-defined]
            found.append(number)
    image.seek(found[0] if found else 0)
    return tuple(found) or (0,)


def _is_animated(image: Image.Image) -> bool:
    return image.format in ANIMATED and bool(getattr(image, "is_animated", False))


def _first_frame(image: Image.Image) -> int:
    """Index of the first frame: an APNG may begin with an image for viewers without animation."""
    return 1 if image.info.get("default_image") or getattr(image, "default_image", False) else 0


def _plays(image: Image.Image) -> int:
    loop = image.info.get("loop")
    if image.format == "GIF":  # it stores the number of repeats, and nothing if it plays once
        return 1 if loop is None else loop and loop + 1
    return loop or 0
