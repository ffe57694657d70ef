"""The descent at one size, which keeps the best image."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fast_nst.optim.pixels import LossFunction, PixelOptimizer, Progress, optimize_image

# Root mean square over pixels of L-BFGS's first step from what a filter painted. From the usual
# one, the first three steps would be spent on the way back.
NEAR_STEP = 0.001


def descend(
    start: Tensor,
    loss: LossFunction,
    iterations: int,
    optimizer: PixelOptimizer,
    on_progress: Callable[[Progress, Tensor], None],
) -> Tensor:
    """Optimize pixels at one size.

    Args:
        start: (1, C, H, W) in [0, 1].
        loss: of such an image, as ``optimize_image`` takes it.
        iterations: steps.
        optimizer: computes them.
        on_progress: called after each iteration, with the best image so far.

    Returns:
        The image with the lowest loss, of the same shape; ``start`` itself if none is lower.

    Raises:
        TrainingError: If the loss stops being finite.
    """
    best, least = start, float("inf")

    def compare(candidate: Tensor, total: float) -> None:
        nonlocal best, least
        if total < least:
            best, least = candidate, total

    def watch(progress: Progress) -> None:
        compare(progress.image, sum(progress.losses.values()))
        on_progress(progress, best)

    last = optimize_image(
        start, loss, iterations=iterations, optimizer=optimizer, on_progress=watch
    )
    with torch.no_grad():
        terms = loss(last)
    compare(last, sum(float(value) for value in terms.values()))
    return best
