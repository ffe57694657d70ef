"""Equivalent iterations: how long an image must be optimized to be as good as the filter's."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optim.pixels import optimize_image

# For the strict way, in the units of scale-free losses. The middle one is first: it most likely
# meets a filter early, which then limits the iterations of the others.
STYLE_WEIGHTS = (30.0, 100.0, 10.0, 300.0, 3.0)

Losses = dict[str, float]


@dataclass(frozen=True)
class Trajectory:
    """Losses and images of an optimization.

    Attributes:
        losses: item k has the weighted losses of the image after k iterations, 0 being the start.
        images: (1, 3, H, W) after k iterations, for the k that were to be kept.
    """

    losses: list[Losses] = field(default_factory=list)
    images: dict[int, Tensor] = field(default_factory=dict)

    def totals(self) -> list[float]:
        """The sum of the losses, for each k."""
        return [sum(losses.values()) for losses in self.losses]


class _EnoughError(Exception):
    """Ends an optimization from within its loss."""


def follow(
    start: Tensor,
    loss: Callable[[Tensor], Mapping[str, Tensor]],
    *,
    iterations: int,
    enough: Callable[[int, Losses], bool] = lambda k, losses: False,
    keep: Collection[int] = (),
    on_iteration: Callable[[int], None] | None = None,
) -> Trajectory:
    """Optimize an image by L-BFGS, and record it.

    Args:
        start: (1, 3, H, W) in [0, 1].
        loss: returns named, weighted scalars.
        iterations: maximum number.
        enough: called with k and the losses after k iterations; True ends the optimization.
        keep: iterations whose images to keep.
        on_iteration: called with k.

    Returns:
        The trajectory, up to k = ``iterations``, or until ``enough``; shorter where a loss stopped
        being finite.
    """
    trajectory = Trajectory()

    def observe(pixels: Tensor) -> Mapping[str, Tensor]:
        # Each iteration evaluates the loss once, before its step: the evaluation that comes after
        # k others sees the image that k iterations, each with its clipping, have made.
        k = len(trajectory.losses)
        terms = loss(pixels)
        values = {name: float(value.detach()) for name, value in terms.items()}
        if not all(map(math.isfinite, values.values())):
            raise _EnoughError
        trajectory.losses.append(values)
        if k in keep:
            trajectory.images[k] = pixels.detach().clone()
        if on_iteration is not None:
            on_iteration(k)
        if k >= iterations or enough(k, values):
            raise _EnoughError
        return terms

    with contextlib.suppress(_EnoughError):
        optimize_image(start, observe, iterations=iterations + 1)
    return trajectory


def paper_iterations(
    loss: PerceptualLoss,
    content: Tensor,
    stylized: Sequence[Tensor],
    *,
    iterations: int,
    keep: Collection[int] = (),
    bf16: bool = False,
    seed: int = 0,
    on_iteration: Callable[[int], None] | None = None,
) -> tuple[list[int | None], list[float], Trajectory]:
    """Count the iterations from white noise to the total loss of each of several filters.

    Args:
        loss: the one that the filters were trained with.
        content: (1, 3, H, W) in [0, 1].
        stylized: what each filter makes of it, of the same shape.
        iterations: maximum number.
        keep: iterations whose images to keep; the optimization goes on until the last of them.
        bf16: whether the encoder computes in bfloat16 (autocast), for both sides.
        seed: of the noise, which is uniform in [0, 1].
        on_iteration: called with k.

    Returns:
        For each filter the smallest k whose total loss is at most the filter's, None where
        ``iterations`` do not suffice; the filters' total losses; the trajectory.

    References:
        Johnson et al. 2016, sec. 4.1, as recalled, not read: white noise, L-BFGS, pixels clipped
        after each iteration. (The authors' released code starts from noise of one gray level
        around the mean color instead.)
    """
    measure = weighted_losses(loss, content, bf16=bf16)
    goals = [_total(measure, image) for image in stylized]
    found: list[int | None] = [None] * len(goals)
    last = max(keep, default=0)

    def enough(k: int, losses: Losses) -> bool:
        total = sum(losses.values())
        for index, goal in enumerate(goals):
            if found[index] is None and total <= goal:
                found[index] = k
        return k >= last and None not in found

    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(content.shape, generator=generator).to(content.device)
    trajectory = follow(
        noise,
        measure,
        iterations=iterations,
        enough=enough,
        keep=keep,
        on_iteration=on_iteration,
    )
    return found, goals, trajectory


def strict_iterations(
    loss: PerceptualLoss,
    content: Tensor,
    stylized: Sequence[Tensor],
    *,
    iterations: int,
    style_weights: Sequence[float] = STYLE_WEIGHTS,
    bf16: bool = False,
    on_iteration: Callable[[int], None] | None = None,
) -> list[int | None]:
    """Count the iterations to an image that is as good as each filter's in content and style.

    Args:
        loss: scale-free, with content and style weights of 1; its encoder judges both sides.
        content: (1, 3, H, W) in [0, 1]; the optimization starts from it.
        stylized: what each filter makes of it, of the same shape.
        iterations: maximum number for each style weight.
        style_weights: one optimization is run for each.
        bf16: whether the encoder computes in bfloat16 (autocast), for both sides.
        on_iteration: called with k, which starts again at 0 for each weight.

    Returns:
        For each filter the smallest k at which some optimization has neither more content loss nor
        more style loss than the filter's image; None where none has within ``iterations``.
    """
    measure = weighted_losses(loss, content, bf16=bf16)
    with torch.no_grad():
        goals = [
            {name: float(value) for name, value in measure(image).items()} for image in stylized
        ]
    found: list[int | None] = [None] * len(goals)
    for weight in style_weights:
        met: set[int] = set()

        def terms(pixels: Tensor, weight: float = weight) -> dict[str, Tensor]:
            plain = measure(pixels)
            return {"content": plain["content"], "style": weight * plain["style"]}

        def enough(k: int, losses: Losses, met: set[int] = met, weight: float = weight) -> bool:
            going = False
            for index, goal in enumerate(goals):
                best = found[index]
                if index in met or (best is not None and k >= best):
                    continue  # this optimization can do no better for this filter
                if (
                    losses["content"] <= goal["content"]
                    and losses["style"] <= weight * goal["style"]
                ):
                    found[index] = k
                    met.add(index)
                else:
                    going = True
            return not going

        follow(content, terms, iterations=iterations, enough=enough, on_iteration=on_iteration)
    return found


def weighted_losses(
    loss: PerceptualLoss, content: Tensor, *, bf16: bool = False
) -> Callable[[Tensor], dict[str, Tensor]]:
    """The loss as a function of the stylized image alone: its named, weighted terms."""

    def autocast() -> torch.autocast:
        return torch.autocast(content.device.type, torch.bfloat16, enabled=bf16)

    with autocast():
        targets = loss.content_targets(content)

    def measure(pixels: Tensor) -> dict[str, Tensor]:
        with autocast():
            return loss(pixels, targets)  # type: ignore[no-any-return]

    return measure


def median_iterations(counts: Sequence[int | None]) -> int | None:
    """The lower median, where None is more than any number; None if there are no counts.

    The lower one of two middle values, so that it is always one that was counted.
    """
    ordered = sorted(math.inf if count is None else count for count in counts)
    middle = ordered[(len(ordered) - 1) // 2] if ordered else math.inf
    return None if math.isinf(middle) else int(middle)


@torch.no_grad()
def _total(measure: Callable[[Tensor], Mapping[str, Tensor]], image: Tensor) -> float:
    return sum(float(value) for value in measure(image).values())
