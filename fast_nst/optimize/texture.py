"""Texture synthesis: an image optimized to have a style's statistics (Gatys et al. 2015)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fast_nst.encoders.base import Encoder
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optim.pixels import Progress, optimize_image

STYLE_WEIGHT = 30.0  # only the style is matched: this decides how far the optimizer's steps reach


def noise_like(style: Tensor, size: tuple[int, int], seed: int) -> Tensor:
    """White noise with the mean and standard deviation of an image's channels.

    Args:
        style: (1, C, H, W) in [0, 1].
        size: height and width of the noise, px.
        seed: equal seeds give equal noise on every device.

    Returns:
        (1, C, *size), clipped to [0, 1].
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, style.shape[1], *size, generator=generator).to(style)
    mean, spread = style.mean((2, 3), keepdim=True), style.std((2, 3), keepdim=True)
    return (mean + spread * noise).clamp(0, 1)


def synthesize_texture(
    style: Tensor,
    encoders: Sequence[Encoder],
    *,
    sizes: Sequence[int] = (256, 512, 1024),
    iterations: Sequence[int] = (150, 80, 50),
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Tensor:
    """Make a new square image whose Gram matrices are the style's, at several sizes at once.

    Args:
        style: (1, 3, H, W) in [0, 1].
        encoders: whose features are matched; the losses of several are averaged.
        sizes: ascending, px. The texture is optimized coarse to fine, and at each size it keeps
            matching the style's statistics at the smaller ones; the last is the texture's side.
        iterations: L-BFGS steps at each size.
        seed: of the noise it starts from.
        on_progress: called after each iteration of each size.

    Returns:
        (1, 3, S, S) in [0, 1], S the last of ``sizes``.

    References:
        Gatys et al. 2015, "Texture Synthesis Using Convolutional Neural Networks"; the pyramid
        follows Gonthier et al. 2022.
    """
    texture = noise_like(style, (sizes[0], sizes[0]), seed)
    per_size = [
        [
            PerceptualLoss(encoder, resize_short_side(style, size), style_weight=STYLE_WEIGHT)
            for encoder in encoders
        ]
        for size in sizes
    ]
    for level, (size, steps) in enumerate(zip(sizes, iterations, strict=True)):
        texture = resize_short_side(texture, size)

        def loss(image: Tensor, level: int = level) -> dict[str, Tensor]:
            terms = {}
            for smaller in range(level + 1):
                resized = image if smaller == level else resize_short_side(image, sizes[smaller])
                for index, measure in enumerate(per_size[smaller]):
                    terms[f"style {sizes[smaller]} px ({index})"] = measure(resized)["style"]
            return terms

        texture = optimize_image(texture, loss, iterations=steps, on_progress=on_progress)
    return texture
