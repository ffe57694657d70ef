"""Building blocks and base class of the image transformation networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import Knob, check_knobs
from fast_nst.image.pad import pad_by_index, reflect_pad
from fast_nst.networks.norm import AdaptiveInstanceNorm, InstanceNorm

STRIDE = 4  # the residual blocks work at a quarter of the image's size
SCALES = (1, 2, 4)  # at which residual blocks may see an image, divisors of its size
MIN_SIDE = 16  # px; with less, the deepest layers have too few pixels to reflect for their padding

ScaleShares = Mapping[int, float] | Mapping[int, Tensor]  # by factors of SCALES


class PaddedConv(nn.Module):
    """Reflection padding, then a convolution; divides the size by ``stride``, rounding up."""

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
    """Reflection padding, a convolution and an instance norm.

    The norm subtracts every channel's mean, so a bias has no effect. It is an option because
    filters of other programs contain it.
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
    """Two 3x3 convolutions and a shortcut connection, without a ReLU after the sum.

    References:
        Gross and Wilber 2016, "Training and investigating residual nets".
    """

    def __init__(self, channels: int, bias: bool = False, adaptive: bool = False) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, kernel=3, bias=bias, adaptive=adaptive)
        self.second = ConvNorm(channels, channels, kernel=3, bias=bias, adaptive=adaptive)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        residual: Tensor = self.second(torch.relu(self.first(x)))
        return x + residual


class TransformationNetwork(nn.Module):
    """Base class: images in, images out, with residual blocks at a quarter of the size.

    A network may have several styles, and take numbers besides images ("knobs"). When a filter is
    opened, :meth:`bind` fixes the style and these numbers. The module that it returns takes only
    images, so the code that runs it need not know about styles and knobs.

    Args:
        width: number of channels, 1 or more; each network's docstring says of which layer.
        blocks: number of residual blocks, 0 or more.

    Attributes:
        stride: px, of the deepest layers: the network itself can cause patterns with this period.
        multiple: px; sides are padded to a multiple of this.
        min_side: px; smaller sides are padded to this.
        ignores_mean: whether adding a constant to each color of an image leaves the result as it
            is, because a norm follows each convolution that reads the image.
        styles: number of styles.
        knobs: the numbers that it takes besides images, by name.

    Raises:
        ConfigError: If an argument is out of range.
    """

    stride = STRIDE
    multiple = STRIDE
    min_side = MIN_SIDE
    ignores_mean: bool = False
    styles: int = 1
    knobs: ClassVar[Mapping[str, Knob]] = MappingProxyType({})

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        if width < 1 or blocks < 0:
            raise ConfigError(
                f"network.width={width}, network.blocks={blocks}: width must be 1 or more and "
                "blocks 0 or more."
            )

    def bind(self, style: int | Sequence[float] = 0, **values: float) -> nn.Module:
        """Return a module that takes only images, for one style and fixed values of the knobs.

        Args:
            style: number of the style, from 0; or a share of each, for a mixture.
            **values: of knobs, by name; missing ones get their defaults.

        Returns:
            A module from (B, 3, H, W) in [0, 1] to the same, with this network's ``stride``,
            ``multiple`` and ``min_side``: the network itself if it has one style and no knobs. It
            may share this network's weights; the network is not changed.

        Raises:
            ConfigError: If there is no such style or knob, a value is out of range, or this network
                cannot mix styles.
        """
        known = check_knobs(self.knobs, values)
        if not isinstance(style, int):
            return self._bind_mixture(style, known)
        if not 0 <= style < self.styles:
            raise ConfigError(f"style number is {style}; expected 0 to {self.styles - 1}.")
        return self._bind(style, known)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Its parameters for an optimizer; ``rate`` multiplies the learning rate of a group."""
        return [{"params": list(self.parameters()), "rate": 1.0}]

    def _bind(self, style: int, values: Mapping[str, float]) -> nn.Module:
        """Do what :meth:`bind` does, with a checked value for each knob."""
        if self.styles > 1 or self.knobs:
            raise NotImplementedError(f"{type(self).__name__} has knobs or styles, but no _bind()")
        return self

    def _bind_mixture(self, shares: Sequence[float], values: Mapping[str, float]) -> nn.Module:
        """The same for a mixture of styles, where the network can paint one."""
        raise ConfigError(f"{type(self).__name__} cannot mix styles. Choose one of them.")


class ScaledNetwork(TransformationNetwork):
    """Base class of networks whose strokes can be larger than those that they were trained for.

    For strokes twice as large, the residual blocks see the image at half the size. What they make
    of it is enlarged, and meets the content at full size in the layers behind them, so that
    contours stay sharp. For sizes between powers of two, features of two scales are mixed.

    Args:
        width: as for the base class, like ``blocks``.
        stroke_scale: size of the strokes, 1 to 4, relative to those of the training.

    Attributes:
        scale_shares: see :func:`scale_shares`.
        min_strip: px; parts of an image with fewer rows would be padded.

    Raises:
        ConfigError: If an argument is out of range.

    References:
        Jing et al. 2018, "Stroke controllable fast style transfer with adaptive receptive fields",
        where branches of different depth are trained for sizes of strokes.
    """

    def __init__(self, width: int, blocks: int, stroke_scale: float = 1.0) -> None:
        super().__init__(width, blocks)
        self.set_stroke_scale(stroke_scale)

    def set_stroke_scale(self, scale: float) -> None:
        """Choose the size of the strokes, 1 to 4; see the class.

        Raises:
            ConfigError: If it is out of range.
        """
        self.scale_shares = scale_shares(scale)
        self.min_strip = MIN_SIDE * max(self.scale_shares)

    def mix_scales(self, features: Callable[[int], Tensor], shares: ScaleShares) -> Tensor:
        """Mix what ``features`` gives at each scale by its share."""
        if len(shares) == 1:
            return features(next(iter(shares)))
        mixed: Any = sum(features(factor) * share for factor, share in shares.items())
        return cast(Tensor, mixed)


def scale_shares(stroke_scale: float) -> dict[int, float]:
    """By which shares the features at which scales are mixed, for strokes of a size.

    Raises:
        ConfigError: If it is not 1 to 4.
    """
    if not 1 <= stroke_scale <= SCALES[-1]:  # true for NaN as well
        raise ConfigError(
            f"network.stroke_scale is {stroke_scale:g}; expected 1 to {SCALES[-1]}. For finer "
            "strokes, use a smaller image of the style."
        )
    place = math.log2(stroke_scale)
    shares = {factor: 1 - abs(place - math.log2(factor)) for factor in SCALES}
    return {factor: share for factor, share in shares.items() if share > 1e-6}


def traced_scale_shares(stroke_scale: Tensor) -> dict[int, Tensor]:
    """The same of a scalar that is known only when a graph runs, clamped to 1 to 4."""
    place = stroke_scale.clamp(1, SCALES[-1]).log2()
    return {factor: (1 - (place - math.log2(factor)).abs()).clamp(min=0) for factor in SCALES}


def reduce_image(images: Tensor, factor: int) -> Tensor:
    """Average squares of ``factor`` px, of images that are padded as the reduced ones would be."""
    if factor == 1:
        return images
    return F.avg_pool2d(pad_to_stride(images, factor), factor)


def pad_to_stride(images: Tensor, factor: int = 1) -> Tensor:
    """Repeat the right and bottom edges until both sides are multiples of 4, and at least 16 px.

    With a ``factor``, of so many times as many pixels.
    """
    multiple, min_side = STRIDE * factor, MIN_SIDE * factor
    height, width = images.shape[-2:]
    if factor > 1 and torch.compiler.is_exporting():  # for every size at once
        return pad_by_index(images, multiple, min_side)
    below = max(-height % multiple, min_side - height)
    beside = max(-width % multiple, min_side - width)
    return F.pad(images, (0, beside, 0, below), mode="replicate") if below or beside else images
