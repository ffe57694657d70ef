"""A network for real time on CPUs: all layers work at a quarter of the image's size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.image.pad import crop, reflect_pad
from fast_nst.networks.layers import (
    STRIDE,
    ConvNorm,
    ResidualBlock,
    ScaledNetwork,
    ScaleShares,
    pad_to_stride,
    reduce_image,
)
from fast_nst.networks.norm import InstanceNorm, widen

PATCH = 3 * STRIDE  # px, side of the square that one position reads, and of the one it paints


class MobileNetwork(ScaledNetwork):
    """Johnson's residual blocks between one convolution from pixels and one back to pixels.

    Every position at a quarter of the size reads a patch of 12x12 px and paints another; patches
    overlap. No other layer works at full size, where few channels and many pixels leave a CPU's
    matrix units idle. Half of the first features skip the blocks, to keep the content's edges.

    Args:
        width: a quarter of the channels of the residual blocks, as in ``JohnsonNetwork``; 8 gives
            32 channels, which a CPU's matrix unit processes at once.
        blocks: number of residual blocks.
        stroke_scale: see :class:`ScaledNetwork`.

    Differs from Johnson et al. 2016, sec. 3.1, as ``QuarterNetwork`` does, and has no layer at half
    size.
    """

    ignores_mean = True

    def __init__(self, width: int = 8, blocks: int = 4, stroke_scale: float = 1.0) -> None:
        super().__init__(width, blocks, stroke_scale)
        self.channels = 4 * width
        self.read = nn.Conv2d(3, 8 * width, PATCH, STRIDE, bias=False)
        self.norm = InstanceNorm(8 * width)
        self.blocks = nn.Sequential(*(ResidualBlock(4 * width) for _ in range(blocks)))
        self.join = ConvNorm(8 * width, 4 * width, kernel=1)
        self.paint = PaintPatches(4 * width)

    def forward(self, images: Tensor, scale_shares: ScaleShares | None = None) -> Tensor:
        """Stylize (B, 3, H, W), RGB in [0, 1], of any size from 1x1; the same shape and range.

        Args:
            images: the content.
            scale_shares: instead of those of the stroke scale.
        """
        height, width = images.shape[-2:]
        shares = self.scale_shares if scale_shares is None else scale_shares
        content = pad_to_stride(images) - 0.5
        first = self._read(content)

        def features(factor: int) -> Tensor:
            if factor == 1:
                return self.blocks(first[:, : self.channels])  # type: ignore[no-any-return]
            x = self.blocks(self._read(reduce_image(content, factor))[:, : self.channels])
            x = F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)
            return crop(x, *first.shape[-2:])

        painted = self.mix_scales(features, shares)
        x = torch.cat([painted, first[:, self.channels :]], dim=1)
        x = self.paint(torch.relu(self.join(x)))
        # The sigmoid comes before pixels are moved: the move then copies whole rows of patches.
        return _to_pixels(torch.sigmoid(widen(x)))[..., :height, :width]

    def _read(self, content: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, 8 * width, H / 4, W / 4)."""
        x = self.read(reflect_pad(content, (PATCH - STRIDE) // 2))
        return torch.relu(self.norm(x))


class PaintPatches(nn.Module):
    """Every position paints a patch of 12x12 px; patches overlap and are summed.

    This is one convolution with 4 x 4 x 3 outputs: a cell of 4x4 pixels, each the sum of the nine
    patches that cover it. It cannot draw a grid of cells by itself, whatever the weights: patches
    fade towards their borders, and constant features give one constant color.

    Args:
        channels: of the features.

    References:
        Aitken et al. 2017, "Checkerboard artifact free sub-pixel convolution", sec. 3.2, for the
        initial weights.
    """

    fade: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        # All pixels start with the same weights.
        colors = nn.init.kaiming_uniform_(torch.empty(3, channels, 1, 1), a=5**0.5)
        self.weight = nn.Parameter(colors.repeat(STRIDE**2, 1, 3, 3))
        self.bias = nn.Parameter(torch.zeros(3))
        line = torch.sin(torch.pi * (torch.arange(PATCH) + 0.5) / PATCH).square()
        fade = torch.outer(line, line)  # of a patch, (12, 12)
        # Pixel (y, x) of a cell is pixel (8 + y - 4 row, 8 + x - 4 column) of the patch at
        # position (row, column) of the 3x3 kernel.
        cells = fade.reshape(3, STRIDE, 3, STRIDE).flip(0, 2)
        cells = cells.permute(1, 3, 0, 2).flatten(0, 1)  # (16, 3, 3)
        self.register_buffer("fade", cells.repeat_interleave(3, dim=0)[:, None], persistent=False)

    def kernel(self, weight: Tensor | None = None) -> Tensor:
        """The convolution's weights, (48, C, 3, 3); of another ``weight``, if that is given."""
        kernel = (self.weight if weight is None else weight) * self.fade
        flat = kernel.sum((2, 3), keepdim=True).view(STRIDE**2, 3, -1, 1, 1)
        # Taken away: the differences between a cell's pixels where features are constant.
        excess = (flat - flat.mean(0)).flatten(0, 1)
        return kernel - self.fade * (excess / self.fade.sum((2, 3), keepdim=True))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, 48, H, W), ordered by a cell's rows, its columns, then colors."""
        bias = self.bias.repeat(STRIDE**2)
        return F.conv2d(reflect_pad(x, 1), self.kernel().to(x.dtype), bias.to(x.dtype))


def _to_pixels(cells: Tensor) -> Tensor:
    """(B, 4 x 4 x 3, H, W) to (B, 3, 4 H, 4 W), channels last in memory."""
    height, width = cells.shape[-2:]  # a batch size here makes coremltools 9 fail
    rows = cells.permute(0, 2, 3, 1).reshape(-1, height, width, STRIDE, STRIDE * 3)
    pixels = rows.permute(0, 1, 3, 2, 4).reshape(-1, STRIDE * height, STRIDE * width, 3)
    return pixels.permute(0, 3, 1, 2)
