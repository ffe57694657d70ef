"""Instance normalisation, for every network, with its statistics within reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

EPSILON = 1e-5  # added to variances


@dataclass(frozen=True)
class Statistics:
    """What a norm subtracts and divides by.

    Attributes:
        mean: (C,) or (B, C), float32.
        var: likewise, biased (divided by the number of positions), without epsilon.
    """

    mean: Tensor
    var: Tensor


def measure(x: Tensor) -> Statistics:
    """The statistics of each channel of each picture: (B, C, H, W) to (B, C), in float32."""
    var, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0)
    return Statistics(mean, var)


class InstanceNorm(nn.Module):
    """Normalise each channel of each picture, then scale and shift (Ulyanov et al. 2016).

    The same values as ``nn.InstanceNorm2d``, but statistics in float32 for lower-precision inputs,
    no copy where channels are last, and single pixels allowed.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        # Where statistics come from if not from the input alone: see choose_statistics.
        self.choose: Callable[[Tensor], Statistics] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        if self.choose is not None:
            return self.normalize(x, self.choose(x))
        if x.device.type == "cpu" and torch.is_grad_enabled():
            # A group norm's backward pass is slow there where channels are last (torch 2.15), so
            # each picture is a batch of its own.
            return torch.cat(
                [
                    torch.batch_norm(
                        picture, self.weight, self.bias, None, None, True, 0.0, EPSILON, False
                    )
                    for picture in torch.split(x, 1)
                ]
            )
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        return torch.group_norm(x, x.shape[1], weight, bias, eps=EPSILON)

    def normalize(self, x: Tensor, statistics: Statistics) -> Tensor:
        """Normalise with given statistics: (B, C, H, W) to the same."""
        mean, var = statistics.mean.to(x.device), statistics.var.to(x.device)
        scale = self.weight * torch.rsqrt(var + EPSILON)
        shift = self.bias - mean * scale
        return torch.addcmul(shift[..., None, None], x.float(), scale[..., None, None]).to(x.dtype)


@contextmanager
def choose_statistics(
    network: nn.Module, choose: Callable[[str, Tensor], Statistics]
) -> Iterator[None]:
    """Let ``choose`` decide, inside the ``with``, what every instance norm of a network uses.

    It is called in each forward pass with the norm's name (as in ``network.named_modules()``) and
    input, (B, C, H, W). What the network does outside, and what is saved of it, does not change.
    """
    norms = {name: each for name, each in network.named_modules() if isinstance(each, InstanceNorm)}
    before = {name: norm.choose for name, norm in norms.items()}
    try:
        for name, norm in norms.items():
            norm.choose = lambda x, name=name: choose(name, x)
        yield
    finally:
        for name, norm in norms.items():
            norm.choose = before[name]


@contextmanager
def record_statistics(network: nn.Module) -> Iterator[dict[str, Statistics]]:
    """Record what the instance norms see; what comes out of the network stays the same.

    Yields:
        By the norms' names, filled by each forward pass: statistics of shape (B, C).
    """
    found: dict[str, Statistics] = {}

    def record(name: str, x: Tensor) -> Statistics:
        found[name] = measure(x)
        return found[name]

    with choose_statistics(network, record):
        yield found


@contextmanager
def use_statistics(network: nn.Module, statistics: Mapping[str, Statistics]) -> Iterator[None]:
    """Normalise with given statistics, whatever the input; by name, as they were recorded.

    With these fixed, a pixel of the result depends on its surroundings only: parts of a picture
    can be computed alone, and frames of a video keep their colors.
    """
    with choose_statistics(network, lambda name, _: statistics[name]):
        yield
