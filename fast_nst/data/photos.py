"""The photographs in scikit-image's wheel; nothing is downloaded."""

from __future__ import annotations

from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fast_nst.errors import DataError

# How often each is picked: scenes often, odd motifs and gray textures seldom.
_SHARES = {
    "astronaut.png": 1.0,
    "chelsea.png": 1.0,
    "coffee.png": 1.0,
    "rocket.jpg": 1.0,
    "motorcycle_left.png": 1.0,
    "camera.png": 0.4,
    "grass.png": 0.3,
    "gravel.png": 0.3,
    "brick.png": 0.3,
    "coins.png": 0.2,
    "ihc.png": 0.2,
    "retina.jpg": 0.1,
    "moon.png": 0.1,
    "hubble_deep_field.jpg": 0.1,
}
_MAX_SIDE = 768


def scenes(count: int, side: int) -> list[NDArray[np.uint8]]:
    """The first of scikit-image's photographs, all of them scenes, among them a face.

    Args:
        count: how many, up to 5.
        side: px; each is cut square and scaled to this.

    Returns:
        (side, side, 3) each, RGB, 0-255.

    Raises:
        DataError: If scikit-image, or its images, are missing.
    """
    folder = _folder()
    photos = []
    for name in list(_SHARES)[:count]:
        try:
            with (folder / name).open("rb") as stream, Image.open(stream) as image:
                short = min(image.size)
                left, top = (image.width - short) // 2, (image.height - short) // 2
                box = (left, top, left + short, top + short)
                scaled = image.convert("RGB").resize(
                    (side, side), Image.Resampling.BICUBIC, box=box
                )
        except OSError as error:
            raise DataError(
                f"scikit-image lacks its photograph {name}. Install it from PyPI."
            ) from error
        photos.append(np.asarray(scaled))
    return photos


def _folder() -> Any:
    try:
        return resources.files("skimage") / "data"
    except ModuleNotFoundError as error:
        raise DataError(
            "photographs are taken from scikit-image, which is not installed. Install it: "
            "pip install scikit-image, or set data.photo_share=0."
        ) from error


def bundled_photos() -> tuple[list[NDArray[np.uint8]], NDArray[np.float64]]:
    """Read scikit-image's photographs.

    Returns:
        The images, each (H, W, 3), RGB, 0-255, at most 768 px long; and how often each is to be
        picked, summing to 1. Scenes in color come first.

    Raises:
        DataError: If scikit-image, or its images, are missing.
    """
    folder = _folder()
    photos, shares = [], []
    for name, share in _SHARES.items():
        file = folder / name
        if not file.is_file():  # a distribution may have left some out
            continue
        with file.open("rb") as stream, Image.open(stream) as image:
            image.thumbnail((_MAX_SIDE, _MAX_SIDE), Image.Resampling.LANCZOS)
            photos.append(np.array(image.convert("RGB"), np.uint8))
        shares.append(share)
    if not photos:
        raise DataError(
            f"scikit-image holds none of its photographs in {folder}. "
            "Install it from PyPI, or set data.photo_share=0."
        )
    return photos, np.array(shares) / np.sum(shares)
