"""How much a small perturbation of the content changes what a network paints: pure functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_NOISE = 4 / 255  # largest standard deviation: that of sensors in dim light and of low bit rates
MAX_BRIGHTNESS = 0.06  # largest change of contrast, and of brightness
MAX_SHIFT = 6.0  # px, largest
MAX_ZOOM = 0.03  # largest zoom, in or out
MARGIN = 8  # px at the border that are not compared, as networks see less of the scene there


def perturb(content: Tensor) -> tuple[Tensor, Tensor]:
    """Change images as a camera may see the same scene a moment later.

    A third of the images do not move, a third move by whole pixels, and a third move by parts of
    pixels and zoom a little. All get fine and coarse noise, another contrast and another
    brightness. Random numbers come from torch's global generator.

    Args:
        content: (B, 3, H, W) in [0, 1].

    Returns:
        The perturbed images, same shape and range; and their motion, (B, 3), for :func:`move`.
    """
    motion = draw_motion(len(content), content.device)
    moved, _ = move(content, motion)
    gain, offset = (
        MAX_BRIGHTNESS * (2 * torch.rand(len(content), 1, 1, 1, device=content.device) - 1)
        for _ in range(2)
    )
    fine = torch.randn_like(moved)
    height, width = moved.shape[-2:]
    coarse = torch.randn(
        len(moved), 3, -(-height // 4), -(-width // 4), dtype=moved.dtype, device=moved.device
    )
    coarse = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    levels = MAX_NOISE * torch.rand(2, len(content), 1, 1, 1, device=content.device)
    noise = levels[0] * fine + 0.5 * levels[1] * coarse
    return ((1 + gain) * moved + offset / 2 + noise).clamp(0, 1), motion


def draw_motion(count: int, device: torch.device) -> Tensor:
    """Draw random motions, (count, 3): px to the right, px down, and the zoom, a factor."""
    chosen = torch.rand(count, 4, device=device)
    shift = MAX_SHIFT * (2 * chosen[:, :2] - 1)
    zoom = MAX_ZOOM * (2 * chosen[:, 2] - 1)
    still, whole = chosen[:, 3] < 1 / 3, chosen[:, 3] < 2 / 3
    shift = torch.where(whole[:, None], shift.round(), shift)
    shift = torch.where(still[:, None], 0.0, shift)
    return torch.cat([shift, torch.where(whole, 1.0, 1 + zoom)[:, None]], 1)


def move(images: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
    """Zoom about the center, then shift; bicubic, exact for shifts by whole pixels.

    Args:
        images: (B, C, H, W).
        motion: (B, 3): px to the right, px down, and the zoom, a factor.

    Returns:
        The moved images, same shape; pixels from outside repeat the border. And (B, 1, H, W), True
        where pixels come from inside.
    """
    height, width = images.shape[-2:]
    size = motion.new_tensor([width, height])
    y, x = torch.meshgrid(
        torch.arange(height, dtype=motion.dtype, device=motion.device),
        torch.arange(width, dtype=motion.dtype, device=motion.device),
        indexing="ij",
    )
    middle = (size - 1) / 2
    offset, zoom = (motion[:, :2] + middle)[:, None, None], motion[:, 2, None, None, None]
    source = (torch.stack([x, y], -1) - offset) / zoom + middle
    inside = ((source >= 0) & (source <= size - 1)).all(-1)[:, None]
    grid = ((2 * source + 1) / size - 1).to(images.dtype)
    moved = F.grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False)
    return moved, inside


def stability_error(stylized: Tensor, perturbed: Tensor, motion: Tensor) -> Tensor:
    """Distance of the stylized perturbed images from the stylized images, moved alike.

    Args:
        stylized: (B, C, H, W): a network's results for some images.
        perturbed: its results for the same images after :func:`perturb`, same shape.
        motion: (B, 3), as :func:`perturb` returned it.

    Returns:
        Scalar >= 0, float32 or wider: the mean squared difference where both images show the scene,
        divided by the stylized image's variance over pixels, so that paler images count as much.
        0 if equal, about 2 for unrelated images, 0 if no part of the scene is in both. No gradient
        flows through the divisor.

    References:
        The temporal loss of Ruder et al. 2016, "Artistic Style Transfer for Videos", sec. 4.2, and
        of Huang et al. 2017, "Real-Time Neural Style Transfer for Videos", eq. 5, here with random
        instead of estimated motion, and relative instead of absolute; the noise of Rainy and
        de Berker 2018, "Stabilizing Neural Style-Transfer for Video".
    """
    wide = torch.promote_types(stylized.dtype, torch.float32)
    stylized, perturbed = stylized.to(wide), perturbed.to(wide)
    moved, inside = move(stylized, motion.to(wide))
    height, width = stylized.shape[-2:]
    margin = min(MARGIN, (min(height, width) - 1) // 2)
    seen = torch.zeros_like(inside)
    core = (..., slice(margin, height - margin), slice(margin, width - margin))
    seen[core] = inside[core]
    squares = (perturbed - moved).square().mean(1, keepdim=True) * seen
    error = squares.sum((1, 2, 3)) / seen.sum((1, 2, 3)).clamp_min(1)
    scale = stylized.detach().var((2, 3)).mean(1).clamp_min(1e-6)
    return (error / scale).mean()
