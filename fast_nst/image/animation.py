"""Animated images: GIF, APNG, WebP and AVIF with several frames."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image

from fast_nst.errors import ImageError
from fast_nst.image.arrays import ArrayImage, array_from_pil
from fast_nst.image.formats import ANIMATED
from fast_nst.image.io import open_image
from fast_nst.image.metadata import Metadata, read_metadata


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
    """

    source: str | os.PathLike[str] | bytes = field(repr=False)
    count: int
    size: tuple[int, int]
    plays: int
    metadata: Metadata | None = None
    name: str | None = None

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


def read_frames(
    source: str | os.PathLike[str] | bytes, name: str | None = None
) -> ArrayImage | Animation:
    """Read an image file, or open it if it is animated.

    A TIFF with several pages, or a camera's JPEG with several images, is not an animation: its
    first image is read.

    Args:
        source: the file, or its content.
        name: its name in error messages; None for its path, or ``the input`` for bytes.

    Raises:
        ImageError: As :func:`read_image` does; or if all frames together are larger than a single
            image may be.
    """
    with open_image(source, name) as image:
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
        return Animation(source, count, image.size[::-1], plays, read_metadata(image), name)


def is_animated(source: str | os.PathLike[str] | bytes) -> bool:
    """Whether an image file may hold an animation; nothing is decoded.

    Raises:
        ImageError: If it is not an image.
    """
    with open_image(source) as image:
        return _is_animated(image)


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
