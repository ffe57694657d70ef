"""Keep an image's colors, or transfer them from another image."""

from __future__ import annotations

import torch
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, the Y of YIQ
_FLAT = 2 / 255  # a range of values that rounding to 8 bits can cause
_MIN_VARIANCE = 1e-5  # of colors along an axis; less is rounding to 8 bits


def luminance(rgb: Tensor) -> Tensor:
    """The luma of (B, 3, H, W) images: (B, 1, H, W), in [0, 1] if they are."""
    weights = rgb.new_tensor(_LUMA).view(1, 3, 1, 1)
    return (rgb * weights).sum(1, keepdim=True)


def is_flat(rgb: Tensor) -> bool:
    """Whether (B, C, H, W), in [0, 1], has one color everywhere, except for rounding."""
    return bool((rgb.amax((2, 3)) - rgb.amin((2, 3))).max() < _FLAT)


def replace_luminance(rgb: Tensor, lightness: Tensor) -> Tensor:
    """Replace the luma of each pixel; keep its hue, and its saturation where RGB allows it.

    Args:
        rgb: (B, 3, H, W) in [0, 1].
        lightness: (B, 1, H, W) in [0, 1].

    Returns:
        (B, 3, H, W) in [0, 1], with exactly that lightness. A color that RGB cannot show at that
        lightness (a light blue as saturated as a dark one) is desaturated; its hue stays.

    References:
        Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer" (luminance-only
        transfer in YIQ), except for the desaturation: clipping would shift the hue.
    """
    color = rgb - luminance(rgb)
    tiny = torch.finfo(rgb.dtype).tiny
    room = torch.where(color > 0, 1 - lightness, lightness) / color.abs().clamp_min(tiny)
    strength = room.amin(1, keepdim=True).clamp(0, 1)
    return (lightness + strength * color).clamp(0, 1)


def match_luminance(lightness: Tensor, reference: Tensor) -> Tensor:
    """Shift and scale lightness to the mean and standard deviation of ``reference``.

    Args:
        lightness: (1, 1, H, W) in [0, 1].
        reference: (1, 1, H', W') in [0, 1].

    Returns:
        (1, 1, H, W), clipped to [0, 1].

    References:
        Gatys et al. 2016, as above, the luminance-only transfer.
    """
    spread = lightness.std().clamp_min(_MIN_VARIANCE**0.5)
    centered = (lightness - lightness.mean()) * (reference.std() / spread)
    return (centered + reference.mean()).clamp(0, 1)


def match_colors(rgb: Tensor, reference: Tensor) -> Tensor:
    """Change colors linearly so that their mean and covariance become those of ``reference``.

    Args:
        rgb: (1, 3, H, W) in [0, 1].
        reference: (1, 3, H', W') in [0, 1].

    Returns:
        (1, 3, H, W), clipped to [0, 1]. Where an image's colors do not vary along an axis of color
        space, as in a gray image, the result does not vary along it either.

    References:
        Gatys et al. 2016, as above: the color matching with symmetric square roots, which is that
        of Hertzmann et al. 2001, "Image Analogies".
    """
    mean, covariance = _color_statistics(rgb)
    target_mean, target = _color_statistics(reference)
    transform = _power(target, 0.5) @ _power(covariance, -0.5)
    matched: Tensor = transform @ (_pixels(rgb) - mean) + target_mean
    return matched.view(rgb.shape).to(rgb.device, rgb.dtype).clamp(0, 1)


def _pixels(rgb: Tensor) -> Tensor:
    """The pixels as (3, H * W) in float64, on the CPU, as not every device has float64."""
    return rgb.to("cpu", torch.float64).flatten(2)[0]


def _color_statistics(rgb: Tensor) -> tuple[Tensor, Tensor]:
    pixels = _pixels(rgb)
    mean = pixels.mean(1, keepdim=True)
    centered = pixels - mean
    return mean, centered @ centered.T / pixels.shape[1]


def _power(covariance: Tensor, exponent: float) -> Tensor:
    """Raise a covariance to a power; axes with a variance as small as rounding become 0."""
    variances, axes = torch.linalg.eigh(covariance)
    varies = variances > _MIN_VARIANCE
    powers = variances.clamp_min(_MIN_VARIANCE).pow(exponent) * varies
    power: Tensor = (axes * powers) @ axes.T
    return power
