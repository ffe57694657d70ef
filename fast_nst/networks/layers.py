"""What the image transformation networks are built of."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import Knob, check_knobs
from fast_nst.image.pad import reflect_pad
from fast_nst.networks.norm import AdaptiveInstanceNorm, InstanceNorm

STRIDE = 4  # the residual blocks see a quarter of the picture's size
MIN_SIDE = 16  # px; below it, reflection padding of the deepest layers has nothing to reflect


class PaddedConv(nn.Module):
    """Reflection padding and a convolution; divides the size by ``stride``, rounding up."""

    def __init__(
        self, channels_in: int, channels: int, kernel: int, stride: int = 1, bias: bool = True
    ) -> None:
        super().__init__()
        self.margin = kernel // 2
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C, H / stride, W / stride)."""
        result: Tensor = self.conv(reflect_pad(x, self.margin))
        return result


class ConvNorm(PaddedConv):
    """The same, and an instance norm.

    The norm subtracts every channel's mean, so a bias has no effect; other programs' filters have
    one all the same.
    """

    def __init__(
        self,
        channels_in: int,
        channels: int,
        kernel: int,
        stride: int = 1,
        bias: bool = False,
        adaptive: bool = False,
    ) -> None:
        super().__init__(channels_in, channels, kernel, stride, bias)
        self.norm = (AdaptiveInstanceNorm if adaptive else InstanceNorm)(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C, H / stride, W / stride)."""
        normalized: Tensor = self.norm(super().forward(x))
        return normalized


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, with no ReLU after the sum (Gross and Wilber 2016)."""

    def __init__(self, channels: int, bias: bool = False, adaptive: bool = False) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, kernel=3, bias=bias, adaptive=adaptive)
        self.second = ConvNorm(channels, channels, kernel=3, bias=bias, adaptive=adaptive)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        residual: Tensor = self.second(torch.relu(self.first(x)))
        return x + residual


class TransformationNetwork(nn.Module):
    """What the networks have in common: pictures in, pictures out, blocks at a quarter of the size.

    A network may have several styles, and numbers that it takes besides pictures. Whoever runs it
    does not know: it is bound to one style and to values when a filter is opened, once, and what
    runs is a module from pictures to pictures (:meth:`bind`).

    Args:
        width: channels, 1 or more; each network says where.
        blocks: number of residual blocks, 0 or more.

    Attributes:
        stride: px, of the deepest layers: patterns with this period are the network's own.
        multiple: px; sides that are multiples of it are not padded.
        min_side: px; sides of at least this are not padded for being too small.
        styles: how many styles it has.
        knobs: the numbers that it takes besides pictures, by name.

    Raises:
        ConfigError: If an argument is out of range.
    """

    stride = STRIDE
    multiple = STRIDE
    min_side = MIN_SIDE
    styles: int = 1
    knobs: ClassVar[Mapping[str, Knob]] = MappingProxyType({})

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        if width < 1 or blocks < 0:
            raise ConfigError(
                f"network.width={width}, network.blocks={blocks}: width must be 1 or more and "
                "blocks 0 or more."
            )

    def bind(self, style: int = 0, **values: float) -> nn.Module:
        """A module that takes nothing but pictures.

        Args:
            style: the style's number, from 0 on.
            **values: of knobs; those that are missing have their defaults.

        Returns:
            A module from (B, 3, H, W) in [0, 1] to the same, with this network's ``stride``,
            ``multiple`` and ``min_side``; this network itself, if it has one style and no knobs. It
            may share this network's weights, and changes nothing about it.

        Raises:
            ConfigError: If there is no such style or knob, or a value is out of range.
        """
        if not 0 <= style < self.styles:
            raise ConfigError(f"style number {style}; wanted 0 to {self.styles - 1}.")
        return self._bind(style, check_knobs(self.knobs, values))

    def _bind(self, style: int, values: Mapping[str, float]) -> nn.Module:
        """What :meth:`bind` returns, for values that are checked; one for each knob."""
        if self.styles > 1 or self.knobs:
            raise NotImplementedError(f"{type(self).__name__} has knobs or styles, but no _bind()")
        return self


def pad_to_stride(images: Tensor) -> Tensor:
    """Repeat the right and bottom edges until both sides are multiples of 4, and at least 16 px."""
    height, width = images.shape[-2:]
    below = max(-height % STRIDE, MIN_SIDE - height)
    beside = max(-width % STRIDE, MIN_SIDE - width)
    return F.pad(images, (0, beside, 0, below), mode="replicate") if below or beside else images
