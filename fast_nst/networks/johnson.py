"""The image transformation network of Johnson et al. 2016."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.image.pad import reflect_pad
from fast_nst.networks.layers import (
    ConvNorm,
    ResidualBlock,
    TransformationNetwork,
    pad_to_stride,
)
from fast_nst.networks.norm import widen


class JohnsonNetwork(TransformationNetwork):
    """Downsampling by four, residual blocks, upsampling by four.

    Args:
        width: channels at full resolution; twice as many at half, four times at a quarter.
            The paper's network is ``width=32``.
        blocks: number of residual blocks; the paper's has 5.

    Differences from the paper: instance norms instead of batch norms (Ulyanov et al. 2016);
    bilinear upsampling and a convolution instead of a transposed convolution, which avoids
    checkerboard patterns (Odena et al. 2016); reflection padding in every layer; and a sigmoid, so
    that the output is in [0, 1].

    References:
        Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
        sec. 3.1; Ulyanov et al. 2016, "Instance Normalization: The Missing Ingredient for Fast
        Stylization"; Odena et al. 2016, "Deconvolution and Checkerboard Artifacts".
    """

    ignores_mean = True

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__(width, blocks)
        self.down = nn.ModuleList(
            [
                ConvNorm(3, width, kernel=9),
                ConvNorm(width, 2 * width, kernel=3, stride=2),
                ConvNorm(2 * width, 4 * width, kernel=3, stride=2),
            ]
        )
        self.blocks = nn.Sequential(*(ResidualBlock(4 * width) for _ in range(blocks)))
        self.up = nn.ModuleList(
            [ConvNorm(4 * width, 2 * width, kernel=3), ConvNorm(2 * width, width, kernel=3)]
        )
        self.head = nn.Conv2d(width, 3, kernel_size=9)

    def forward(self, images: Tensor) -> Tensor:
        """Stylize (B, 3, H, W), RGB in [0, 1], of any size from 1x1; the same shape and range."""
        height, width = images.shape[-2:]
        x = pad_to_stride(images) - 0.5
        for layer in self.down:
            x = torch.relu(layer(x))
        x = self.blocks(x)
        for layer in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = torch.relu(layer(x))
        x = self.head(reflect_pad(x, 4))
        return torch.sigmoid(widen(x))[..., :height, :width]
