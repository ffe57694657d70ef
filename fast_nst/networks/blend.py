"""Two networks as one: their results, blended."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from fast_nst.errors import ConfigError


class Blend(nn.Module):
    """The weighted mean of what two networks paint.

    The weights of two separately trained networks cannot be averaged: their channels mean different
    things. So both networks run, which takes the time of both. A share of 0 or 1 runs only one.

    Args:
        first: a network from (B, 3, H, W) in [0, 1] to the same.
        second: another such network.
        share: weight of the second network, 0 to 1; the first has the rest.

    Raises:
        ConfigError: If ``share`` is outside its range.
    """

    def __init__(self, first: nn.Module, second: nn.Module, share: float) -> None:
        super().__init__()
        if not 0 <= share <= 1:
            raise ConfigError(f"mix is {share:g}; expected 0 (the first filter) to 1 (the second).")
        self.first, self.second, self.share = first, second, float(share)
        networks = (first, second)
        self.stride = max(int(getattr(each, "stride", 1)) for each in networks)
        self.multiple = math.lcm(*(int(getattr(each, "multiple", 1)) for each in networks))
        self.min_side = max(int(getattr(each, "min_side", 1)) for each in networks)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) in [0, 1] to the same."""
        if self.share in (0, 1):
            one: Tensor = (self.second if self.share else self.first)(images)
            return one
        return torch.lerp(self.first(images), self.second(images), self.share)
