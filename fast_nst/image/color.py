"""Colors kept or carried over from one image to another."""

from __future__ import annotations

import torch
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, the Y of YIQ
_FLAT = 2 / 255  # a range of values that is rounding
_MIN_VARIANCE = 1e-5  # of colors along an axis; less is rounding to 8 bits


def luminance(rgb: Tensor) -> Tensor:
    """The lightness of (B, 3, H, W) images: (B, 1, H, W), in [0, 1] where they are."""
    weights = rgb.new_tensor(_LUMA).view(1, 3, 1, 1)
    return (rgb * weights).sum(1, keepdim=True)


def is_flat(rgb: Tensor) -> bool:
    """Whether (B, C, H, W), in [0, 1], is one color all over, but for rounding."""
    return bool((rgb.amax((2, 3)) - rgb.amin((2, 3))).max() < _FLAT)


def replace_luminance(rgb: Tensor, lightness: Tensor) -> Tensor:
    """Give each pixel another lightness, and keep its color as far as that can be shown.

    Args:
        rgb: (B, 3, H, W) in [0, 1].
        lightness: (B, 1, H, W) in [0, 1].

    Returns:
        (B, 3, H, W) in [0, 1], with exactly that lightness. Where the color is too strong for it
        (a light blue as vivid as a dark one), it is paler; its hue stays.

    References:
        Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer" (luminance-only
        transfer in YIQ), but for the paler colors, which clipping would shift in hue.
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
        (1, 3, H, W), clipped to [0, 1]. An image without variation along an axis of color, such
        as a gray one, gets none there.

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
    """(3, H * W), float64, which not every device has."""
    return rgb.to("cpu", torch.float64).flatten(2)[0]


def _color_statistics(rgb: Tensor) -> tuple[Tensor, Tensor]:
    pixels = _pixels(rgb)
    mean = pixels.mean(1, keepdim=True)
    centered = pixels - mean
    return mean, centered @ centered.T / pixels.shape[1]


def _power(covariance: Tensor, exponent: float) -> Tensor:
    """Raise a symmetric matrix to a power, along the axes in which it varies at all."""
    variances, axes = torch.linalg.eigh(covariance)
    varies = variances > _MIN_VARIANCE
    powers = variances.clamp_min(_MIN_VARIANCE).pow(exponent) * varies
    power: Tensor = (axes * powers) @ axes.T
    return power
