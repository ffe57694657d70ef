"""Images as NumPy arrays: files' pixels and alpha become our one convention.

No torch in here, so that a filter in ONNX Runtime starts without it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from fast_nst.errors import ImageError
from fast_nst.image.depths import choose_depth
from fast_nst.image.formats import HOLDS_ALPHA, check_size, encode
from fast_nst.image.metadata import Metadata, read_metadata
from fast_nst.image.notes import read_with_notes
from fast_nst.image.transparency import cover_hidden_colors

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ArrayImage:
    """An image, upright and in sRGB.

    Attributes:
        rgb: (3, H, W), float32 in [0, 1], not premultiplied. Where ``alpha`` is close to 0 it
            continues the visible colors around, so that hidden colors cannot show.
        alpha: (1, H, W), float32 in [0, 1]; None for an image that is opaque everywhere.
        metadata: those of its file that are also true of a stylized image.
        depth: bits per channel of its file: 8, 10, 12, 16, or 32 for floating point.
        notes: what was left out of what its file holds, as parts of sentences.
    """

    rgb: Array
    alpha: Array | None = None
    metadata: Metadata | None = None
    depth: int = 8
    notes: tuple[str, ...] = ()


def array_from_pil(image: Image.Image) -> ArrayImage:
    """Convert an opened Pillow image, as ``read_image`` does; ``image`` is not changed.

    Raises:
        ImageError: If the range of its values is unknown (floating point outside [0, 1]).
        OSError: If the file behind a lazily opened image is damaged.
    """
    pixels, notes = read_with_notes(image)
    rgb, metadata = pixels.rgb(), read_metadata(image)
    opacity = None
    if pixels.alpha is not None:
        opacity = pixels.opacity()
        rgb = cover_hidden_colors(rgb, opacity)
    return ArrayImage(rgb, opacity, metadata, pixels.depth, notes)


def array_to_pil(rgb: Array, alpha: Array | None = None) -> Image.Image:
    """Convert an image to an 8-bit Pillow image: ``RGBA`` with ``alpha``, else ``RGB``.

    Args:
        rgb: (3, H, W); values outside [0, 1] are clipped.
        alpha: (1, H, W), likewise.

    Raises:
        ValueError: If a shape is not as above.
        ImageError: If a value is not finite.
    """
    # In place and plane by plane, as this runs on the same cores as the network: it takes a sixth
    # of the time of copies and a transposition.
    scaled = _checked_planes(rgb, alpha) * np.float32(255)
    np.rint(scaled, out=scaled)
    pixels = scaled.clip(0, 255, out=scaled).astype(np.uint8)
    mode = "RGB" if alpha is None else "RGBA"
    return Image.merge(mode, [Image.fromarray(plane) for plane in pixels])


def array_to_deep(rgb: Array, alpha: Array | None = None) -> npt.NDArray[np.float32]:
    """Arrange an image as formats of more than 8 bits take it: (H, W, 3 or 4), in [0, 1].

    The arguments and errors are those of :func:`array_to_pil`.
    """
    return _checked_planes(rgb, alpha).transpose(1, 2, 0).clip(0, 1)


def encode_array(
    kind: str, image: ArrayImage, *, quality: int | None = None, depth: int | None = None
) -> bytes:
    """Encode an image, with its metadata, as a file of the format ``kind``, such as ``"PNG"``.

    For a format without transparency, the image is composited over white.

    Args:
        kind: a value of ``WRITE_FORMATS``.
        image: the image.
        quality: 1 to 100, for JPEG, WebP and AVIF; 95, 92 and 85 by default.
        depth: bits per channel, 8, 10 or 16; None for as many as ``image.depth``, where the format
            holds them. 10 are stored in 16 bits in PNG and TIFF.

    Raises:
        ImageError: If the image is too large for the format, a value is not finite, or the format
            does not hold so many bits.
        ValueError: If a shape is not as in :func:`array_to_pil`.
        OSError: If the encoder fails.
    """
    chosen = choose_depth(kind, image.depth, depth)
    rgb, alpha = over_white(kind, image)
    if chosen == 8:
        return encode([array_to_pil(rgb, alpha)], kind, quality=quality, metadata=image.metadata)
    from fast_nst.image.deep_write import save_deep

    values, file = array_to_deep(rgb, alpha), io.BytesIO()
    check_size(kind, (values.shape[1], values.shape[0]))
    save_deep(values, kind, chosen, file, quality=quality, metadata=image.metadata)
    return file.getvalue()


def over_white(kind: str, image: ArrayImage) -> tuple[Array, Array | None]:
    """Colors and opacity as a format holds them: over white where it has no opacity."""
    if image.alpha is not None and kind not in HOLDS_ALPHA:
        return image.rgb * image.alpha + (1 - image.alpha), None
    return image.rgb, image.alpha


def _checked_planes(rgb: Array, alpha: Array | None) -> Array:
    if rgb.ndim != 3 or rgb.shape[0] != 3 or 0 in rgb.shape:
        raise ValueError(f"rgb is {rgb.shape}; expected (3, H, W).")
    if alpha is not None and alpha.shape != (1, *rgb.shape[1:]):
        raise ValueError(f"alpha is {alpha.shape}; expected {(1, *rgb.shape[1:])}.")
    values = rgb if alpha is None else np.concatenate([rgb, alpha])
    if not np.isfinite(values).all():
        raise ImageError(
            "the image holds values that are not finite numbers; "
            "the filter may be damaged. Train it again, or use another."
        )
    return values
