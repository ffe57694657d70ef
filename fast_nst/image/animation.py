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
    """An animated image file; its frames are decoded as they are asked for.

    Attributes:
        source: the file, or its content.
        count: number of frames.
        size: height and width of every frame, px.
        plays: how often it is shown; 0 for forever.
        metadata: what the file says of the image.
        name: what errors call the file; None for its path, or ``the input``.
    """

    source: str | os.PathLike[str] | bytes = field(repr=False)
    count: int
    size: tuple[int, int]
    plays: int
    metadata: Metadata | None = None
    name: str | None = None

    def frames(self) -> Iterator[tuple[ArrayImage, float]]:
        """Decode every frame, with the time for which it is shown, ms.

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

    Pages of a TIFF and further images of a camera's JPEG are no animation: the first is taken.

    Args:
        source: the file, or its content.
        name: what errors call it; None for its path, or ``the input``.

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
                f"its {count} frames hold {pixels // 1_000_000} megapixels together, of at most "
                f"{limit // 1_000_000}. Make a video of it first."
            )
        return Animation(source, count, image.size[::-1], plays, read_metadata(image), name)


def is_animated(source: str | os.PathLike[str] | bytes) -> bool:
    """Whether an image file may hold an animation; nothing is decoded.

    Raises:
        ImageError: If it is no image.
    """
    with open_image(source) as image:
        return _is_animated(image)


def _is_animated(image: Image.Image) -> bool:
    return image.format in ANIMATED and bool(getattr(image, "is_animated", False))


def _first_frame(image: Image.Image) -> int:
    """An APNG may begin with an image for viewers that show no animation."""
    return 1 if image.info.get("default_image") or getattr(image, "default_image", False) else 0


def _plays(image: Image.Image) -> int:
    loop = image.info.get("loop")
    if image.format == "GIF":  # it says how often to repeat, and nothing where it is shown once
        return 1 if loop is None else loop and loop + 1
    return loop or 0
