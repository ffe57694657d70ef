"""The photographs that filters are judged on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from fast_nst.data.photos import bundled_photos
from fast_nst.errors import DataError, ImageError
from fast_nst.image.io import list_images, read_image
from fast_nst.image.resize import MAX_ASPECT, is_strip

SCENES = 5  # of scikit-image's photographs, the first are scenes in color


@dataclass(frozen=True)
class Photo:
    """A photograph; its pixels are read when they are needed."""

    name: str
    source: Path | Tensor

    def read(self) -> Tensor:
        """The pixels, (1, 3, H, W) in [0, 1].

        Raises:
            ImageError: If its file cannot be read.
        """
        rgb = self.source if isinstance(self.source, Tensor) else read_image(self.source).rgb
        return rgb[None]


def find_photos(images: str | os.PathLike[str] | None) -> tuple[list[Photo], list[str]]:
    """The photographs of a folder or file; for None, scenes that scikit-image carries.

    Returns:
        The photographs, and a line for each file that cannot be read, or is a strip.

    Raises:
        DataError: If there are none.
        ImageError: If ``images`` does not exist.
    """
    if images is None:
        scenes = bundled_photos()[0][:SCENES]
        return [
            Photo(f"scikit-image {number}", torch.from_numpy(scene).permute(2, 0, 1) / 255)
            for number, scene in enumerate(scenes, start=1)
        ], []
    root = Path(images)
    photos, broken = [], []
    for file in list_images(root):
        photo = Photo(str(file.relative_to(root)) if file != root else file.name, file)
        try:
            height, width = photo.read().shape[-2:]  # fails now rather than after an hour
        except ImageError as error:
            broken.append(f"left out: {error}")
            continue
        if is_strip(height, width):
            broken.append(
                f"left out: {file} is {width}x{height} px; expected a long side of at most "
                f"{MAX_ASPECT} short ones. Cut it."
            )
        else:
            photos.append(photo)
    if not photos:
        raise DataError(
            f"{root} holds no images{' that can be used' if broken else ''}. "
            "Give a folder of photographs."
        )
    return photos, broken


def evenly_spaced(total: int, requested: int) -> list[int]:
    """At most ``requested`` of the numbers below ``total``, as far apart as they can be."""
    count = min(requested, total)
    return [index * total // count for index in range(count)]
