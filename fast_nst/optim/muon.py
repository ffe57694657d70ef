"""Muon: orthogonalized momentum for the inner convolutions, Adam for all other parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from fast_nst.hardware import fast_bf16

MIN_BF16_NUMEL = 100_000  # for fewer numbers, the conversion takes longer than the products save


class Muon(torch.optim.Optimizer):
    """Updates each inner convolution by the semi-orthogonal matrix nearest to its momentum.

    All directions of a weight matrix then learn at the same rate, which makes short trainings much
    better. Convolutions from or to images (3 channels), norms and biases are updated by Adam.
    Muon's updates are scaled to the usual size of Adam's, so that one ``lr`` fits both.

    Args:
        parameters: of the network.
        lr: learning rate.
        momentum: of the orthogonalized updates, Nesterov's.
        betas: decay rates of Adam's running means of gradients and of squared gradients.
        eps: Adam's, added to divisors.

    References:
        Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; Liu et al.
        2025, "Muon is Scalable for LLM Training", sec. 2.2, for the scale.
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
        """Update every parameter that has a gradient; return the loss of ``closure``, if given."""
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for group in self.param_groups:
            given = [parameter for parameter in group["params"] if parameter.grad is not None]
            inner = [each for each in given if each.ndim == 4 and min(each.shape[:2]) > 3]
            others = [each for each in given if each.ndim != 4 or min(each.shape[:2]) <= 3]
            if inner:
                self._muon_step(inner, group["lr"], group["momentum"])
            if others:
                # A tensor, as a CUDA graph would repeat a Python number as it was when recorded.
                steps = group.setdefault("steps", torch.zeros((), device=others[0].device))
                steps += 1
                self._adam_step(others, group["lr"], group["betas"], group["eps"], steps)
        return loss

    # One call for all parameters a line: a GPU would wait on one call for each parameter.

    def _muon_step(self, weights: list[Tensor], lr: float | Tensor, momentum: float) -> None:
        gradients, means = _gradients(weights), self._states(weights, "mean")
        torch._foreach_lerp_(means, gradients, 1 - momentum)
        # Nesterov momentum: the mean gradient, mixed with this step's gradient once more.
        ahead = torch._foreach_lerp(gradients, means, momentum)
        by_shape: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
        for weight, update in zip(weights, ahead, strict=True):
            matrix = update.flatten(1)
            by_shape.setdefault(matrix.shape, []).append((weight, matrix))
        for shape, pairs in by_shape.items():
            matrices = lr * orthogonalize(torch.stack([matrix for _, matrix in pairs]))
            updates = [
                matrix.view(weight.shape)
                for (weight, _), matrix in zip(pairs, matrices, strict=True)
            ]
            scale = -0.2 * max(shape) ** 0.5
            torch._foreach_add_([weight for weight, _ in pairs], updates, alpha=scale)

    def _adam_step(
        self,
        weights: list[Tensor],
        lr: float | Tensor,
        betas: tuple[float, float],
        eps: float,
        steps: Tensor,
    ) -> None:
        gradients = _gradients(weights)
        means, squares = self._states(weights, "mean"), self._states(weights, "square")
        torch._foreach_lerp_(means, gradients, 1 - betas[0])
        torch._foreach_mul_(squares, betas[1])
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - betas[1])
        divisors = torch._foreach_div(squares, 1 - betas[1] ** steps)
        torch._foreach_sqrt_(divisors)
        torch._foreach_add_(divisors, eps)
        updates = torch._foreach_div(means, divisors)
        torch._foreach_mul_(updates, lr / (1 - betas[0] ** steps))
        torch._foreach_add_(weights, updates, alpha=-1)

    def _states(self, weights: list[Tensor], name: str) -> list[Tensor]:
        """Return the running mean with this name for each weight; zeros at first."""
        for weight in weights:
            if name not in self.state[weight]:
                self.state[weight][name] = torch.zeros_like(weight)
        return [self.state[weight][name] for weight in weights]


def _gradients(weights: list[Tensor]) -> list[Tensor]:
    return [weight.grad for weight in weights if weight.grad is not None]


def orthogonalize(matrices: Tensor, steps: int = 5) -> Tensor:
    """Bring all singular values of each matrix near 1, by Newton-Schulz iterations.

    Args:
        matrices: (..., M, N), any range; zero matrices stay zero.
        steps: number of iterations. Five bring singular values from 0.01 to 1 times the largest to
            between 0.7 and 1.2.

    Returns:
        (..., M, N), float32. Large matrices are multiplied in bfloat16 where that is fast, which
        changes the result by 1 to 2 %; the iterations themselves leave errors of up to 30 %.

    References:
        Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks", for the
        quintic coefficients and bfloat16.
    """
    with torch.autocast(matrices.device.type, enabled=False):
        tall = matrices.shape[-2] > matrices.shape[-1]
        x: Tensor = (matrices.mT if tall else matrices).float()
        x = x.reshape(-1, *x.shape[-2:])
        x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
        if matrices.numel() >= MIN_BF16_NUMEL and fast_bf16(matrices.device):
            x = x.bfloat16()
        for _ in range(steps):
            square = x @ x.mT
            factor = torch.baddbmm(square, square, square, beta=-4.7750, alpha=2.0315)
            x = torch.baddbmm(x, factor, x, beta=3.4445)
        return (x.mT if tall else x).float().reshape(matrices.shape)
