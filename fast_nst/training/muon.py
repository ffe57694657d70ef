"""Muon: momentum, orthogonalised, for the inner convolutions; Adam for all else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from fast_nst.hardware import fast_bf16

WORTH_BF16 = 100_000  # numbers; fewer take longer to convert than the products save


class Muon(torch.optim.Optimizer):
    """Moves each inner convolution by the semi-orthogonal matrix nearest to its momentum.

    All directions of a weight matrix then learn at the same rate, which shortens training a great
    deal where steps are few. Convolutions from or to pictures (3 channels), norms and biases take
    Adam's step. Updates are scaled to Adam's typical size, so that one ``lr`` serves both.

    Args:
        parameters: of the network.
        lr: learning rate.
        momentum: of the orthogonalised updates, with Nesterov's look-ahead.
        betas, eps: Adam's.

    Source: Jordan et al. 2024, "Muon"; the scale is that of Liu et al. 2025, "Muon is scalable for
    LLM training", sec. 2.2.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 1e-3,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.99),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient."""
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for group in self.param_groups:
            updates: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if parameter.ndim == 4 and min(parameter.shape[:2]) > 3:
                    update = _look_ahead(parameter, state, group["momentum"]).flatten(1)
                    updates.setdefault(update.shape, []).append((parameter, update))
                else:
                    _adam_step(parameter, state, group["lr"], group["betas"], group["eps"])
            for shape, pairs in updates.items():  # all weights of one shape in one product
                scaled = -group["lr"] * 0.2 * max(shape) ** 0.5
                matrices = orthogonalize(torch.stack([update for _, update in pairs]))
                for (parameter, _), matrix in zip(pairs, matrices, strict=True):
                    parameter.add_(matrix.view(parameter.shape), alpha=scaled)
        return loss


def _look_ahead(weight: Tensor, state: dict[str, Any], momentum: float) -> Tensor:
    """Nesterov's momentum: the mean gradient, with this step's counted once more."""
    gradient = weight.grad
    assert gradient is not None
    if "mean" not in state:
        state["mean"] = torch.zeros_like(weight)
    state["mean"].lerp_(gradient, 1 - momentum)
    return gradient.lerp(state["mean"], momentum)


def _adam_step(
    weight: Tensor, state: dict[str, Any], lr: float, betas: tuple[float, float], eps: float
) -> None:
    gradient = weight.grad
    assert gradient is not None
    if "step" not in state:
        state["step"] = 0
        state["mean"] = torch.zeros_like(weight)
        state["square"] = torch.zeros_like(weight)
    state["step"] += 1
    state["mean"].lerp_(gradient, 1 - betas[0])
    state["square"].lerp_(gradient.square(), 1 - betas[1])
    mean = state["mean"] / (1 - betas[0] ** state["step"])
    square = state["square"] / (1 - betas[1] ** state["step"])
    weight.add_(mean / (square.sqrt() + eps), alpha=-lr)


def orthogonalize(matrices: Tensor, steps: int = 5) -> Tensor:
    """Bring all singular values of each matrix near 1, by Newton-Schulz iterations.

    Args:
        matrices: (..., M, N), any scale but zero, which stays zero.
        steps: five bring singular values from 0.01 of the largest up to 0.7-1.2.

    Returns:
        (..., M, N), float32.

    Source: Jordan et al. 2024, "Muon", whose quintic coefficients these are. As there, large ones
    are multiplied in bfloat16 where that is fast: it moves the result by one or two parts in a
    hundred, the iterations by themselves leave thirty.
    """
    with torch.autocast(matrices.device.type, enabled=False):
        tall = matrices.shape[-2] > matrices.shape[-1]
        x: Tensor = (matrices.mT if tall else matrices).float()
        x = x.reshape(-1, *x.shape[-2:])
        x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
        if matrices.numel() >= WORTH_BF16 and fast_bf16(matrices.device):
            x = x.bfloat16()
        for _ in range(steps):
            square = x @ x.mT
            factor = torch.baddbmm(square, square, square, beta=-4.7750, alpha=2.0315)
            x = torch.baddbmm(x, factor, x, beta=3.4445)
        return (x.mT if tall else x).float().reshape(matrices.shape)
