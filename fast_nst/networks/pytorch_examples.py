"""The network of PyTorch's fast_neural_style example, to run filters trained with it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.image.pad import crop
from fast_nst.networks.layers import (
    ConvNorm,
    PaddedConv,
    ResidualBlock,
    TransformationNetwork,
)
from fast_nst.networks.norm import widen

MIN_SIDE = 5  # px: 9x9 convolutions reflect 4 px; 3x3 ones reflect 1 px of a quarter of the size


class PyTorchExamplesNetwork(TransformationNetwork):
    """The network of fast_neural_style in github.com/pytorch/examples.

    Three differences: it takes and returns [0, 1] and converts to 0-255 inside; it cuts off the
    up to 3 px by which the example's results are larger than its inputs; and it accepts any size.

    Args:
        width: channels at full resolution; the example has 32.
        blocks: number of residual blocks; the example has 5.

    Attributes:
        multiple: px; sides are padded to a multiple of this.
        min_side: px; smaller sides are padded to this. The example fails for them.
    """

    multiple = 1
    min_side = MIN_SIDE
    ignores_mean = True

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__(width, blocks)
        self.down = nn.ModuleList(
            [
                ConvNorm(3, width, kernel=9, bias=True),
                ConvNorm(width, 2 * width, kernel=3, stride=2, bias=True),
                ConvNorm(2 * width, 4 * width, kernel=3, stride=2, bias=True),
            ]
        )
        self.blocks = nn.Sequential(*(ResidualBlock(4 * width, bias=True) for _ in range(blocks)))
        self.up = nn.ModuleList(
            [
                ConvNorm(4 * width, 2 * width, kernel=3, bias=True),
                ConvNorm(2 * width, width, kernel=3, bias=True),
            ]
        )
        self.head = PaddedConv(width, 3, kernel=9)

    def forward(self, images: Tensor) -> Tensor:
        """Stylize (B, 3, H, W), RGB in [0, 1], of any size from 1x1; the same shape and range."""
        height, width = images.shape[-2:]
        below, beside = max(MIN_SIDE - height, 0), max(MIN_SIDE - width, 0)
        x = F.pad(images, (0, beside, 0, below), mode="replicate") if below or beside else images
        x = 255 * x
        for layer in self.down:
            x = torch.relu(layer(x))
        x = self.blocks(x)
        for layer in self.up:
            x = torch.relu(layer(F.interpolate(x, scale_factor=2.0, mode="nearest")))
        return crop(widen(self.head(x)).clamp(0, 255), height, width) / 255
