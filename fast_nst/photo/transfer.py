"""Give one image the look of others, as a function."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from fast_nst.image.arrays import array_from_pil, array_to_pil
from fast_nst.image.io import open_image
from fast_nst.photo.fitting import fit
from fast_nst.photo.options import EnhanceOptions

Array = npt.NDArray[np.float32]
Mask = tuple[Array, Array]
PhotoT = TypeVar("PhotoT", Image.Image, npt.NDArray[np.uint8], npt.NDArray[np.float32])
Picture = str | os.PathLike[str] | Image.Image | npt.NDArray[np.uint8] | Array


def enhance(
    photo: PhotoT,
    references: Picture | Sequence[Picture],
    *,
    masks: Sequence[Mask] = (),
    options: EnhanceOptions | None = None,
    **chosen: object,
) -> PhotoT:
    """Give a photograph the light and color of better ones; its structure stays.

    Args:
        photo: a Pillow image of any mode, or an array, (H, W, 3) RGB: uint8, or floating point in
            [0, 1]. It is not changed.
        references: one or several: likewise, or image files.
        masks: pairs of a region of the photo and one of the reference, as
            :func:`fast_nst.photo.fit` takes them.
        options: what is transferred.
        **chosen: instead of ``options``, attributes of :class:`EnhanceOptions`.

    Returns:
        The same kind and size. A Pillow image comes back as ``RGB``, or ``RGBA`` with its own
        transparency, and upright.

    Raises:
        ConfigError: If an option is out of range, a reference is a single color, or a mask
            chooses no pixels.
        ImageError: If a file cannot be read.
        TypeError: If ``photo`` or a reference is none of these.

    Example:
        >>> enhance(Image.open("me.jpg"), "golden_hour.jpg", strength=0.7).save("better.jpg")
    """
    wanted = options or EnhanceOptions(**chosen)  # type: ignore[arg-type]
    given: list[Any] = list(references) if isinstance(references, list | tuple) else [references]
    looks = [_read(each)[0] for each in given]
    rgb, alpha = _read(photo)
    visible = None if alpha is None else alpha[0]
    result = fit(rgb, looks, wanted, visible=visible, masks=masks).apply(rgb)
    if isinstance(photo, Image.Image):
        return array_to_pil(result, alpha)
    rows = np.ascontiguousarray(result.transpose(1, 2, 0))
    if photo.dtype == np.uint8:
        return np.rint(rows * 255).astype(np.uint8)
    return rows.astype(photo.dtype)


def _read(picture: Picture) -> tuple[Array, Array | None]:
    """(3, H, W) in [0, 1], and opacity, (1, H, W), if there is any."""
    if isinstance(picture, str | os.PathLike):
        with open_image(picture) as opened:
            image = array_from_pil(opened)
        return image.rgb, image.alpha
    if isinstance(picture, Image.Image):
        image = array_from_pil(picture)
        return image.rgb, image.alpha
    if not isinstance(picture, np.ndarray) or picture.ndim != 3 or picture.shape[2] != 3:
        raise TypeError(
            f"an image is a {type(picture).__name__}; expected a file, a PIL image, or an array "
            "(H, W, 3)."
        )
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1)).astype(np.float32)
    return (planes / np.float32(255) if picture.dtype == np.uint8 else planes.clip(0, 1)), None
