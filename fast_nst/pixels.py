"""Pixels optimised under a loss: what Gatys et al. 2016 and the yardstick share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from fast_nst.errors import TrainingError

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
