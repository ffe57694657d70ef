"""Iterative style transfer: the pixels themselves are optimised (Gatys et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fast_nst.encoders.base import Encoder
from fast_nst.errors import TrainingError
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss

LossFunction = Callable[[Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Progress:
    """How far an optimisation is: ``iteration`` of ``iterations`` done, and its weighted losses."""

    iteration: int
    iterations: int
    losses: dict[str, float]


def optimize_picture(
    start: Tensor,
    loss: LossFunction,
    *,
    iterations: int = 100,
    on_progress: Callable[[Progress], None] | None = None,
) -> Tensor:
    """Lower a loss of pictures by L-BFGS, with pixels clipped to [0, 1] after each iteration.

    Args:
        start: (B, 3, H, W) in [0, 1]; not changed.
        loss: gives named, weighted scalars, which are summed.
        iterations: L-BFGS steps, of one evaluation each.
        on_progress: called after each iteration.

    Returns:
        (B, 3, H, W) in [0, 1], detached.

    Raises:
        TrainingError: If the loss stops being finite.

    Source: Gatys et al. 2016, sec. 2; clipping as in Johnson et al. 2016, sec. 4.1. Steps have
    length 1 in the quasi-Newton direction: a line search costs more evaluations than it saves.
    """
    pixels = start.detach().contiguous().clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        [pixels], lr=1.0, max_iter=1, history_size=100, tolerance_grad=0, tolerance_change=0
    )
    losses: dict[str, float] = {}

    def evaluate() -> Tensor:
        optimizer.zero_grad()
        terms = loss(pixels)
        losses.update({name: float(value.detach()) for name, value in terms.items()})
        total = torch.stack(list(terms.values())).sum()
        total.backward()  # type: ignore[no-untyped-call]
        # L-BFGS flattens the gradient with view(); some convolutions leave other strides.
        pixels.grad = pixels.grad.contiguous() if pixels.grad is not None else None
        return total.detach()

    for iteration in range(1, iterations + 1):
        optimizer.step(evaluate)  # type: ignore[no-untyped-call]
        bad = [name for name, value in losses.items() if not torch.tensor(value).isfinite()]
        if bad:
            raise TrainingError(
                f"the {bad[0]} loss is {losses[bad[0]]} at iteration {iteration}: lower its weight."
            )
        with torch.no_grad():
            pixels.clamp_(0, 1)
        if on_progress is not None:
            on_progress(Progress(iteration, iterations, dict(losses)))
    return pixels.detach()


def synthesize_texture(
    style: Tensor,
    encoders: Sequence[Encoder],
    *,
    sizes: Sequence[int] = (256, 512, 1024),
    iterations: Sequence[int] = (150, 80, 50),
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Tensor:
    """Make a new square picture whose Gram matrices are the style's, at several sizes at once.

    Args:
        style: (1, 3, H, W) in [0, 1].
        encoders: whose features are matched; the losses of several are averaged.
        sizes: ascending, px. The texture is optimised coarse to fine, and at each size it keeps
            matching the style's statistics at the smaller ones; the last is the texture's side.
        iterations: L-BFGS steps at each size.
        seed: of the noise it starts from.
        on_progress: called after each iteration of each size.

    Returns:
        (1, 3, S, S) in [0, 1], S the last of ``sizes``.

    Source: Gatys et al. 2015, "Texture Synthesis Using Convolutional Neural Networks"; the pyramid
    follows Gonthier et al. 2022.
    """
    generator = torch.Generator().manual_seed(seed)
    mean = style.mean((2, 3), keepdim=True)
    spread = style.std((2, 3), keepdim=True)
    noise = torch.randn(1, 3, sizes[0], sizes[0], generator=generator)
    texture = (mean + spread * noise).clamp(0, 1)
    per_size = [
        [
            PerceptualLoss(
                encoder, resize_short_side(style, size), content_layers=(), content_weight=0
            )
            for encoder in encoders
        ]
        for size in sizes
    ]
    for level, (size, steps) in enumerate(zip(sizes, iterations, strict=True)):
        texture = resize_short_side(texture, size)

        def loss(picture: Tensor, level: int = level) -> dict[str, Tensor]:
            terms = {}
            for smaller in range(level + 1):
                resized = (
                    picture if smaller == level else resize_short_side(picture, sizes[smaller])
                )
                for index, measure in enumerate(per_size[smaller]):
                    terms[f"style {sizes[smaller]} px ({index})"] = measure(resized, {})["style"]
            return terms

        texture = optimize_picture(texture, loss, iterations=steps, on_progress=on_progress)
    return texture
