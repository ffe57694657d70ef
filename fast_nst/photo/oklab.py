"""The color spaces that looks are fitted in: linear light, luminance, and Oklab's chroma.

Lightness is the cube root of luminance, which is Oklab's for grays. Unlike Oklab's own, it depends
on nothing but luminance, so that a curve of it turns no gradient of CIE L* around.

References:
    Ottosson 2020, "A perceptual color space for image processing", for Oklab's matrices.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear sRGB, ITU-R BT.709
_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_LMS_BACK, _LAB_BACK = np.linalg.inv(_LMS), np.linalg.inv(_LAB)
_DARK = 1e-9  # luminance that counts as black
_KNEE = 0.7  # share of the room around gray from where on colors are compressed into it


def to_linear(srgb: Floats) -> Floats:
    """Linear light of sRGB values, both in [0, 1], of any shape."""
    bent = ((np.maximum(srgb, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.where(srgb <= 0.04045, srgb / 12.92, bent)


def to_srgb(linear: Floats) -> Floats:
    """The inverse of :func:`to_linear`; values outside [0, 1] are clipped."""
    clipped = np.clip(linear, 0, 1)
    bent = 1.055 * np.maximum(clipped, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(clipped <= 0.0031308, clipped * 12.92, bent)


def gray_of(lightness: Floats) -> Floats:
    """The sRGB value of a gray of this lightness."""
    return to_srgb(np.asarray(lightness) ** 3)


def lightness_of(gray: Floats) -> Floats:
    """The inverse of :func:`gray_of`."""
    return np.cbrt(to_linear(np.clip(gray, 0, 1)))


def to_colors(srgb: Floats) -> Floats:
    """Lightness and Oklab's a and b of colors.

    Args:
        srgb: (..., 3) in [0, 1].

    Returns:
        The same shape: lightness in [0, 1], a and b of about -0.4 to 0.4.
    """
    linear = to_linear(np.asarray(srgb, np.float64))
    lab: Floats = np.cbrt(linear @ _LMS.T) @ _LAB.T
    lab[..., 0] = np.cbrt(linear @ np.array(LUMINANCE))
    return lab


def unit_light(colors: Floats) -> Floats:
    """The linear light of colors, scaled to luminance 1.

    Args:
        colors: (..., 3), as :func:`to_colors` gives them, of any range.

    Returns:
        The same shape, 0 or more: linear RGB of the same hue and, where sRGB has it, saturation.
        Gray for black.
    """
    lab = np.array(colors, np.float64)
    light = (lab @ _LAB_BACK.T) ** 3 @ _LMS_BACK.T
    luminance = light @ np.array(LUMINANCE)
    known = luminance > _DARK
    light = np.where(known[..., None], light / np.where(known, luminance, 1)[..., None], 1.0)
    # What is outside of sRGB at any brightness is mixed with gray of the same luminance.
    least = light.min(-1)
    share = np.where(least < 0, 1 / np.maximum(1 - least, 1), 1.0)
    return np.maximum(1 + (light - 1) * share[..., None], 0)


def outside_of_knee(most: Floats, luminance: Floats) -> npt.NDArray[np.bool_]:
    """Where :func:`into_gamut` changes colors: by their largest channel and luminance."""
    return np.asarray(most - luminance > (1 - luminance) * most.dtype.type(_KNEE))


def into_gamut(light: Floats, luminance: Floats) -> Floats:
    """Mix colors that are too bright in a channel with gray of their luminance.

    It begins below white, little by little: where colors were clipped, a smooth gradient would get
    an edge.

    Args:
        light: (N, 3), linear, 0 or more.
        luminance: (N,), theirs.

    Returns:
        (N, 3), at most 1 where ``luminance`` is; of the same luminance and hue.
    """
    distance = light.max(-1) - luminance
    # How far a color is from gray, of what there is room for.
    used = distance / np.maximum(1 - luminance, 1e-6)
    bent = _KNEE + (1 - _KNEE) * np.tanh((used - _KNEE) / (1 - _KNEE))
    share = np.where(used > _KNEE, bent / np.maximum(used, 1e-6), 1.0)[:, None]
    gray = luminance[:, None]
    return np.asarray(gray + (light - gray) * share)
