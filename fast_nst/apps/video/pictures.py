"""Animated images that FFmpeg does not read, or not as a viewer shows them, as videos.

FFmpeg knows no animated WebP, and of an animated AVIF it takes the cover for the picture, without
transparency.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fast_nst.apps.video.clip import ClipInfo, Decoded
from fast_nst.apps.video.color import RGB, SDR, Alpha
from fast_nst.errors import ImageError, VideoError

if TYPE_CHECKING:
    from fast_nst.image.animation import Animation
    from fast_nst.image.arrays import Array

_UNSTATED_MS = 100  # what browsers make of frames without a duration
_TAGS = {"Artist": "artist", "Copyright": "copyright", "ImageDescription": "comment"}


def is_animated_image(source: str | os.PathLike[str]) -> bool:
    """Whether a file is a WebP, or an AVIF with several frames, by its first bytes."""
    path = Path(source)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(64)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return True
    return head[4:8] == b"ftyp" and b"avis" in head[8 : int.from_bytes(head[:4], "big")]


class PictureReader:
    """Gives the frames of an animated image as a ``ClipReader`` does those of a video.

    Args:
        source: a file.

    Raises:
        VideoError: If it cannot be read, or is a single image.
    """

    skip_frames = False
    others: tuple[Any, ...] = ()
    attachments: tuple[Any, ...] = ()
    chapters: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()
    lost = 0

    def __init__(self, source: str | os.PathLike[str]) -> None:
        from fast_nst.image.animation import Animation, read_frames

        try:
            animation = read_frames(source)
            if not isinstance(animation, Animation):
                raise VideoError(
                    f"cannot read {source}: it is an image, not a video. Give OUT the name of an "
                    "image, such as out.png."
                )
            self._animation: Animation = animation
            self._durations, alpha = [], False
            for image, duration in animation.frames():
                self._durations.append(round(duration) or _UNSTATED_MS)
                alpha |= image.alpha is not None
        except ImageError as error:
            raise VideoError(str(error)) from error
        height, width = animation.size
        seconds = Fraction(sum(self._durations), 1000)
        self.info = ClipInfo(
            height,
            width,
            Fraction(1),
            SDR,
            Fraction(1, 1000),
            (len(self._durations) / seconds).limit_denominator(1001),
            len(self._durations),
            alpha=alpha,
        )

    @property
    def tags(self) -> dict[str, str]:
        """Author, copyright and description, by FFmpeg's names."""
        from PIL import ExifTags, Image

        metadata = self._animation.metadata
        exif = Image.Exif()
        if metadata is not None and metadata.exif:
            exif.load(metadata.exif)
        found = {ExifTags.TAGS.get(number, ""): str(value) for number, value in exif.items()}
        return {_TAGS[name]: text for name, text in found.items() if name in _TAGS}

    picture_tags: dict[str, str] = {}  # noqa: RUF012  (never changed)

    def first_packets(self) -> dict[int, Any]:
        """None: there is no sound."""
        return {}

    def __iter__(self) -> Iterator[Decoded]:
        """Yield every frame.

        Raises:
            VideoError: If the file is damaged.
        """
        time = 0
        try:
            for (image, _), duration in zip(
                self._animation.frames(), self._durations, strict=False
            ):
                alpha = None
                if self.info.alpha:
                    alpha = _opacity(image.alpha, self._animation.size)
                yield Decoded(_pixels(image.rgb), time, duration, (), alpha)
                time += duration
        except ImageError as error:
            raise VideoError(str(error)) from error

    def close(self) -> None:
        """Nothing is left open."""


def _pixels(rgb: Array) -> RGB:
    pixels: RGB = np.rint(rgb * 255).clip(0, 255).astype(np.uint8)
    return pixels.transpose(1, 2, 0)


def _opacity(alpha: Array | None, size: tuple[int, int]) -> Alpha:
    if alpha is None:
        return np.full(size, 255, np.uint8)
    return np.asarray(np.rint(alpha[0] * 255).clip(0, 255).astype(np.uint8))
