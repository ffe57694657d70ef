"""Terms of the loss for filters of light and color: which colors there are, and smooth curves."""

from __future__ import annotations

from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.errors import ConfigError
from fast_nst.losses.base import LossContext, LossTerm, Setup, required

UNSEEN_VARIANCE = 3e-3  # of colors, in [0, 1]


def color_quantiles(images: Tensor, side: int = 4, count: int = 64) -> Tensor:
    """How the colors of an image are distributed, along seven directions of RGB.

    Fine patterns are averaged out first. Along red, green, blue, gray and the three diagonals of
    the sides of the color cube, the values are sorted and averaged in groups of equal number. Two
    images with equal quantiles along all directions have the same colors; along seven, nearly so.

    Args:
        images: (B, 3, H, W), RGB in [0, 1], with at least ``side`` px a side.
        side: px, of the squares whose mean colors count.
        count: number of groups.

    Returns:
        (B, 7, count), rising along the last axis.

    References:
        Rabin et al. 2011, "Wasserstein Barycenter and Its Application to Texture Mixing", for the
        distance of distributions along directions, by sorting.
    """
    red, green, blue = F.avg_pool2d(images.float(), side).flatten(2).unbind(1)
    pairs = [(one - other) / 2**0.5 for one, other in ((red, green), (red, blue), (green, blue))]
    values = torch.stack([red, green, blue, (red + green + blue) / 3**0.5, *pairs], 1)
    ordered = values.sort(dim=2).values
    if ordered.shape[2] < count:
        return F.interpolate(ordered, size=count, mode="linear")
    return F.adaptive_avg_pool1d(ordered, count)


class ColorsTerm(LossTerm):
    """Distance of the :func:`color_quantiles` from the style's: which colors, and how much of each.

    Unlike the :class:`PaletteTerm`, this knows the mean color, and that a dark image may have a few
    bright lights. Squared errors are divided by the variance of the style's colors.

    Args:
        target: (1, 7, N).
    """

    target: Tensor

    def __init__(self, target: Tensor) -> None:
        super().__init__()
        self.register_buffer("target", target, persistent=False)

    @classmethod
    @torch.no_grad()
    def build(cls, setup: Setup) -> Self:
        """Build the term with the mean quantiles of the style images."""
        return cls(
            torch.cat([color_quantiles(each) for each in setup.styles]).mean(0, keepdim=True)
        )

    def forward(self, context: LossContext) -> Tensor:
        """Compute the value, a scalar."""
        error = (color_quantiles(context.stylized) - self.target).square().mean()
        return error / (self.target.var(2).mean() + UNSEEN_VARIANCE)


class SmoothTerm(LossTerm):
    """How unevenly a network of light and color treats places and tones: its ``roughness``.

    Such a network cannot move an edge, but it can light the parts of an image differently, which
    one sees as patches in a sky, and bend its tone curves sharply, which one sees as bands.
    """

    network_only = True

    def check_network(self, network: nn.Module) -> None:
        """See the base class."""
        if not hasattr(network, "roughness"):
            raise ConfigError(
                "loss.smooth_weight is for network=photo: other networks have no tone curves. Set "
                "it to 0, or use network=photo."
            )

    def forward(self, context: LossContext) -> Tensor:
        """Compute a scalar; the network must have a method ``roughness``."""
        network: Any = required(context.network, "network")
        roughness: Tensor = network.roughness(required(context.content, "content").images)
        return roughness
