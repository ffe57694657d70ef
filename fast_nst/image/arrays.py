"""Images as NumPy arrays: uint8, EXIF, ICC profiles and alpha become our one convention.

No torch in here, so that a filter in ONNX Runtime starts without it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from fast_nst.errors import ImageError
from fast_nst.image.formats import HOLDS_ALPHA, encode
from fast_nst.image.metadata import Metadata, read_metadata
from fast_nst.image.transparency import cover_hidden_colors

Array = npt.NDArray[np.float32]

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False)
class ArrayImage:
    """An image, upright and in sRGB.

    Attributes:
        rgb: (3, H, W), float32 in [0, 1], not premultiplied. Where ``alpha`` is close to 0 it
            continues the visible colors around, so that hidden colors cannot show.
        alpha: (1, H, W), float32 in [0, 1]; None for an image that is opaque everywhere.
        metadata: those of its file that are also true of a stylized image.
    """

    rgb: Array
    alpha: Array | None = None
    metadata: Metadata | None = None


def array_from_pil(image: Image.Image) -> ArrayImage:
    """Convert an opened Pillow image, as ``read_image`` does; ``image`` is not changed.

    Raises:
        ImageError: If the range of its values is unknown (floating point outside [0, 1]).
        OSError: If the file behind a lazily opened image is damaged.
    """
    color, alpha = to_upright_srgb(image)
    rgb = _to_array(color)
    metadata = read_metadata(image)
    if alpha is None:
        return ArrayImage(rgb, metadata=metadata)
    opacity = _to_array(alpha)
    return ArrayImage(cover_hidden_colors(rgb, opacity), opacity, metadata)


def to_upright_srgb(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Turn an opened Pillow image upright and into sRGB; it stays 8-bit and keeps hidden colors.

    Returns:
        The colors, ``RGB``, and the opacity, ``L``, or None if the image is opaque. Where nothing
        had to be converted, the colors are ``image`` itself, not a copy.

    Raises:
        ImageError, OSError: As :func:`array_from_pil` does.
    """
    image.load()
    profile = image.info.get("icc_profile")
    color, alpha = _split_alpha(_upright(image))
    color = _to_srgb(_to_8_bit(color), profile)
    opaque = alpha is None or alpha.getextrema() == (255, 255)
    return color, None if opaque else alpha


def array_to_pil(rgb: Array, alpha: Array | None = None) -> Image.Image:
    """Convert an image to an 8-bit Pillow image: ``RGBA`` with ``alpha``, else ``RGB``.

    Args:
        rgb: (3, H, W); values outside [0, 1] are clipped.
        alpha: (1, H, W), likewise.

    Raises:
        ValueError: If a shape is not as above.
        ImageError: If a value is not finite.
    """
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
    # In place and plane by plane, as this runs on the same cores as the network: it takes a sixth
    # of the time of copies and a transposition.
    scaled = values * np.float32(255)
    np.rint(scaled, out=scaled)
    pixels = scaled.clip(0, 255, out=scaled).astype(np.uint8)
    mode = "RGB" if alpha is None else "RGBA"
    return Image.merge(mode, [Image.fromarray(plane) for plane in pixels])


def encode_array(kind: str, image: ArrayImage, *, quality: int | None = None) -> bytes:
    """Encode an image, with its metadata, as a file of the format ``kind``, such as ``"PNG"``.

    For a format without transparency, the image is composited over white.

    Raises:
        ImageError: If the image is too large for the format, or a value is not finite.
        ValueError: If a shape is not as in :func:`array_to_pil`.
        OSError: If the encoder fails.
    """
    rgb, alpha = image.rgb, image.alpha
    if alpha is not None and kind not in HOLDS_ALPHA:
        rgb, alpha = rgb * alpha + (1 - alpha), None
    return encode([array_to_pil(rgb, alpha)], kind, quality=quality, metadata=image.metadata)


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # damaged metadata is no reason to refuse the image
        return image
    transpose = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if transpose is None else image.transpose(transpose)


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the colors (an opaque mode) and the opacity (``L``) where there is one."""
    if image.mode.startswith("I") or not image.has_transparency_data:
        return image, None
    rgba = image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
    alpha = rgba.getchannel("A")
    if image.mode in ("L", "LA", "La"):  # stay gray: a gray ICC profile applies to gray only
        return rgba.getchannel("R"), alpha
    return rgba.convert("RGB"), alpha


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Scale values of more than 8 bits to ``L``; Pillow's own conversion would clip them."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image).astype(np.float64)
    if image.mode == "F":
        if not (values.min() >= 0 and values.max() <= 1):
            raise ImageError(
                "its floating-point values are not within [0, 1], so their range is unknown. "
                "Save it with 8 or 16 bits per channel."
            )
        top = 1.0
    else:
        # Some 16-bit formats are opened as 32-bit integers: the values show which it is.
        top = 65535.0 if image.mode != "I" or values.max() <= 65535 else 2.0**31 - 1
    return Image.fromarray((values.clip(0, top) / top * 255).round().astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert opaque ``image`` to ``RGB`` through its ICC profile, where there is a usable one."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = source.profile.xcolor_space.strip()
            fitting = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(space)
            if fitting == "RGB" and image.mode not in ("CMYK", "LAB"):
                image = image.convert("RGB")
            elif fitting == "L" and image.mode == "1":
                image = image.convert("L")
            if image.mode == fitting:
                converted = ImageCms.profileToProfile(
                    image,
                    source,
                    ImageCms.createProfile("sRGB"),
                    renderingIntent=ImageCms.Intent.PERCEPTUAL,
                    outputMode="RGB",
                    flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
                )
                if converted is not None:
                    return converted
        except (OSError, ImageCms.PyCMSError):
            pass  # a damaged or unsuitable profile: assume sRGB, as viewers do
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_array(image: Image.Image) -> Array:
    """Turn an ``L`` or ``RGB`` image into (1 or 3, H, W) in [0, 1]."""
    pixels = np.asarray(image, dtype=np.uint8)
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(planes).astype(np.float32) / np.float32(255)
