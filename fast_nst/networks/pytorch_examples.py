"""The network of the PyTorch examples' fast_neural_style, so that its old filters can be used."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.errors import ConfigError
from fast_nst.image.pad import crop, reflect_pad
from fast_nst.networks.norm import InstanceNorm

LEAST = 5  # px; a 9x9 convolution reflects 4 px, and a quarter of this, rounded up, reflects 1


class PaddedConv(nn.Module):
    """Nearest upsampling by ``upsample``, reflection padding, and a convolution with a bias."""

    def __init__(
        self, channels_in: int, channels: int, kernel: int, stride: int = 1, upsample: int = 1
    ) -> None:
        super().__init__()
        self.margin = kernel // 2
        self.upsample = upsample
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C, H', W'), with H' = ceil(H * upsample / stride)."""
        if self.upsample > 1:
            x = F.interpolate(x, scale_factor=float(self.upsample), mode="nearest")
        result: Tensor = self.conv(reflect_pad(x, self.margin))
        return result


class NormalizedConv(PaddedConv):
    """The same, and an instance norm."""

    def __init__(
        self, channels_in: int, channels: int, kernel: int, stride: int = 1, upsample: int = 1
    ) -> None:
        super().__init__(channels_in, channels, kernel, stride, upsample)
        self.norm = InstanceNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C, H', W')."""
        normalized: Tensor = self.norm(super().forward(x))
        return normalized


class PlainResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = NormalizedConv(channels, channels, kernel=3)
        self.second = NormalizedConv(channels, channels, kernel=3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        residual: Tensor = self.second(torch.relu(self.first(x)))
        return x + residual


class PyTorchExamplesNetwork(nn.Module):
    """As in fast_neural_style of github.com/pytorch/examples, but for its range of values.

    It computes with 0-255 inside. That code returns a picture of up to 3 px more than it got; here
    the surplus is cut off, and nothing else differs.

    Args:
        width: channels at full resolution; 32 there.
        blocks: number of residual blocks; 5 there.

    Attributes:
        multiple: px; sides that are multiples of it are not padded.
        least: px; smaller sides are padded to this, where that code fails.
    """

    stride = 4
    multiple = 1
    least = LEAST

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        if width < 1 or blocks < 0:
            raise ConfigError(
                f"network.width={width}, network.blocks={blocks}: width must be 1 or more and "
                "blocks 0 or more."
            )
        self.down = nn.ModuleList(
            [
                NormalizedConv(3, width, kernel=9),
                NormalizedConv(width, 2 * width, kernel=3, stride=2),
                NormalizedConv(2 * width, 4 * width, kernel=3, stride=2),
            ]
        )
        self.blocks = nn.Sequential(*(PlainResidualBlock(4 * width) for _ in range(blocks)))
        self.up = nn.ModuleList(
            [
                NormalizedConv(4 * width, 2 * width, kernel=3, upsample=2),
                NormalizedConv(2 * width, width, kernel=3, upsample=2),
            ]
        )
        self.head = PaddedConv(width, 3, kernel=9)

    def forward(self, images: Tensor) -> Tensor:
        """Stylize.

        Args:
            images: (B, 3, H, W), RGB in [0, 1]; any size from 1x1.

        Returns:
            The same shape, in [0, 1].
        """
        height, width = images.shape[-2:]
        below, beside = max(LEAST - height, 0), max(LEAST - width, 0)
        x = F.pad(images, (0, beside, 0, below), mode="replicate") if below or beside else images
        x = 255 * x
        for layer in self.down:
            x = torch.relu(layer(x))
        x = self.blocks(x)
        for layer in self.up:
            x = torch.relu(layer(x))
        return crop(self.head(x).float().clamp(0, 255), height, width) / 255
