"""Optimization of pixels under a loss, for Gatys et al. 2016 and for evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.errors import TrainingError

MAX_HISTORY_BYTES = 2 << 30  # of L-BFGS: images of 2048 px must fit in 8 GB with everything else
FIRST_STEP = 0.03  # root mean square over pixels, of the first step, as the curvature is unknown
LossFunction = Callable[[Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Progress:
    """Progress of an optimization.

    Attributes:
        iteration: number of the iteration, 1 to ``iterations``.
        iterations: number of iterations in total.
        losses: weighted losses of ``image``, by name.
        image: (B, C, H, W), the pixels at the start of this iteration; never changed later.
    """

    iteration: int
    iterations: int
    losses: dict[str, float]
    image: Tensor = field(repr=False, compare=False)


class PixelOptimizer(Protocol):
    """Computes steps from gradients; its state can be resized with the image."""

    def step(self, pixels: Tensor, gradient: Tensor, loss: float) -> Tensor:
        """Return the next pixels, clipped to [0, 1]; no argument is changed.

        Args:
            pixels: (B, C, H, W).
            gradient: gradient of the loss at ``pixels``, same shape.
            loss: loss at ``pixels``.
        """

    def resize(self, size: tuple[int, int]) -> None:
        """Resize the state to images of this height and width, px."""


@dataclass(frozen=True)
class _Visit:
    """A point that L-BFGS evaluated, and the step that it took from there."""

    pixels: Tensor
    gradient: Tensor
    loss: float
    direction: Tensor


class LBFGS:
    """L-BFGS, with pixels clipped after each step.

    Steps have length 1 in the quasi-Newton direction: a line search costs more evaluations than it
    saves. A step that raises the loss by more than a tenth is undone, and a quarter of it is tried
    next. The history holds steps after clipping. ``torch.optim.LBFGS`` would hold them before
    clipping, which does not fit the differences of gradients and ruins the image in long runs.

    Args:
        history: number of steps in the history, each with two tensors of the image's size; fewer,
            but at least 3, if these would take more than 2 GiB.
        first_step: root mean square over pixels of the first step; smaller for a start that is
            good already, which a long step would spoil.

    References:
        Nocedal and Wright 2006, "Numerical Optimization", algorithm 7.4.
    """

    def __init__(self, history: int = 20, first_step: float = FIRST_STEP) -> None:
        self.history = history
        self.first_step = first_step
        # (step, difference of gradients, 1 / their inner product)
        self._pairs: list[tuple[Tensor, Tensor, Tensor]] = []
        self._last: _Visit | None = None
        self._length = 1.0  # of the next step, times the quasi-Newton step

    def step(self, pixels: Tensor, gradient: Tensor, loss: float) -> Tensor:
        """The next pixels; see :class:`PixelOptimizer`."""
        last = self._last
        if last is not None and loss > last.loss + 0.1 * abs(last.loss):
            self._last = replace(last, direction=last.direction / 4)
        else:
            if last is not None:
                self._remember(pixels - last.pixels, gradient - last.gradient)
            direction = self._direction(gradient) * self._length
            self._last = _Visit(pixels, gradient, loss, direction)
            self._length = 1.0
        return (self._last.pixels + self._last.direction).clamp(0, 1)

    def _remember(self, step: Tensor, change: Tensor) -> None:
        # Without positive curvature along the step, the quadratic model has no minimum.
        curvature = _dot(step, change)
        if curvature > 1e-8 * step.norm() * change.norm():
            allowed = MAX_HISTORY_BYTES // (2 * step.numel() * step.element_size())
            kept = min(self.history, max(3, allowed))
            self._pairs = [*self._pairs, (step, change, 1 / curvature)][-kept:]

    def _direction(self, gradient: Tensor) -> Tensor:
        """Minus the gradient, times the inverse Hessian as estimated from the history."""
        if not self._pairs:
            return -gradient * (self.first_step / gradient.square().mean().sqrt().clamp_min(1e-20))
        direction = -gradient
        shares: list[Tensor] = []
        for step, change, scale in reversed(self._pairs):
            shares.append(scale * _dot(step, direction))
            direction -= shares[-1] * change
        _, change, scale = self._pairs[-1]
        direction /= scale * _dot(change, change)
        for step, change, scale in self._pairs:
            direction += (shares.pop() - scale * _dot(change, direction)) * step
        return direction

    def resize(self, size: tuple[int, int]) -> None:
        """Resize the history; see :class:`PixelOptimizer`.

        The loss is a mean over pixels, so the gradient of each pixel is divided by the same factor
        as the number of pixels is multiplied by.
        """
        pairs, self._pairs = self._pairs, []
        for step, change, _ in pairs:
            self._remember(_resize(step, size), _resize(change, size) * _shrinkage(change, size))
        self._last = None  # the next gradient belongs to another loss
        self._length = 0.25  # the enlarged history knows no fine detail, so its steps are too long


class Adam:
    """Adam, with pixels clipped after each step.

    Args:
        lr: learning rate: about the largest change of a pixel in one step.
        betas: decay rates of the running means of gradients and of squared gradients.

    References:
        Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization".
    """

    def __init__(self, lr: float = 0.06, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        self.lr = lr
        self.betas = betas
        self._steps = 0
        self._mean: Tensor | None = None
        self._square: Tensor | None = None

    def step(self, pixels: Tensor, gradient: Tensor, loss: float) -> Tensor:
        """The next pixels; see :class:`PixelOptimizer`."""
        zeros = torch.zeros_like(gradient)
        keep_mean, keep_square = self.betas
        self._mean = torch.lerp(gradient, zeros if self._mean is None else self._mean, keep_mean)
        square = zeros if self._square is None else self._square
        self._square = torch.lerp(gradient.square(), square, keep_square)
        self._steps += 1
        mean = self._mean / (1 - keep_mean**self._steps)
        root = (self._square / (1 - keep_square**self._steps)).sqrt()
        # In a large image, the gradients of single pixels are far below Adam's usual eps, 1e-8.
        return (pixels - self.lr * mean / root.clamp_min(1e-20)).clamp(0, 1)

    def resize(self, size: tuple[int, int]) -> None:
        """Resize both moments and scale them, as :meth:`LBFGS.resize` does."""
        if self._mean is not None and self._square is not None:
            share = _shrinkage(self._mean, size)
            self._mean = _resize(self._mean, size) * share
            self._square = _resize(self._square, size) * share**2


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.dot(a.flatten(), b.flatten())


def _resize(values: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(values, size=size, mode="bilinear", align_corners=False)


def _shrinkage(values: Tensor, size: tuple[int, int]) -> float:
    return values.shape[-2] * values.shape[-1] / (size[0] * size[1])


def optimize_image(
    start: Tensor,
    loss: LossFunction,
    *,
    iterations: int = 100,
    optimizer: PixelOptimizer | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Tensor:
    """Minimize a loss of images, with pixels clipped to [0, 1] after each iteration.

    Args:
        start: (B, C, H, W) in [0, 1]; not changed.
        loss: maps images to named, weighted scalars, which are summed.
        iterations: number of steps; each evaluates the loss once.
        optimizer: a new :class:`LBFGS` by default; it keeps its state for the next call.
        on_progress: called after each iteration, with the losses at its start.

    Returns:
        (B, C, H, W) in [0, 1], detached.

    Raises:
        TrainingError: If a loss is not finite.

    References:
        Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks", sec. 2;
        Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
        sec. 4.1, for the clipping.

    Example:
        >>> stylized = optimize_image(content, lambda x: loss(x, targets), iterations=200)
    """
    optimizer = LBFGS() if optimizer is None else optimizer
    pixels = start.detach().contiguous()
    for iteration in range(1, iterations + 1):
        leaf = pixels.detach().requires_grad_(True)
        terms = loss(leaf)
        (gradient,) = torch.autograd.grad(torch.stack(list(terms.values())).sum(), leaf)
        losses = {name: float(value.detach()) for name, value in terms.items()}
        bad = [name for name, value in losses.items() if not torch.tensor(value).isfinite()]
        if bad:
            raise TrainingError(
                f"the {bad[0]} loss is {losses[bad[0]]} at iteration {iteration}. Lower its weight."
            )
        with torch.no_grad():
            following = optimizer.step(pixels, gradient.contiguous(), sum(losses.values()))
        if on_progress is not None:
            on_progress(Progress(iteration, iterations, losses, pixels))
        pixels = following
    return pixels.clone() if pixels is start else pixels
