"""The quarter network for real time on CPUs: few channels, and nothing computed at full size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.image.pad import reflect_pad
from fast_nst.networks.quarter import QuarterNetwork

REACH = 2  # px at half size, that the last convolution sees on every side
BLUR = (0.25, 0.5, 0.25)  # over pixels; nothing of a pattern of 2 px is left


class SmoothSubPixels(nn.Module):
    """A 3x3 convolution to sub-pixels, and a blur of the full-size picture, as one convolution.

    Sub-pixels are computed from different weights, so that they can make a pattern of 2 px, which
    style losses reward. The blur takes away just that; what is coarser, training can make up for.
    Both are linear: their product is a convolution of 5x5 at half size, and hardware, which
    computes 16 or 32 channels at once, is spared one of three channels at full size.

    Args:
        channels: of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(12, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(3))
        # All four sub-pixels start with the same weights (Aitken et al. 2017, sec. 3.2).
        colors = nn.init.kaiming_uniform_(torch.empty(3, channels, 3, 3), a=5**0.5)
        with torch.no_grad():
            self.weight.copy_(colors.repeat_interleave(4, dim=0))

    def kernel(self) -> Tensor:
        """The product of both: (12, C, 5, 5)."""
        # Sub-pixels that one cell reaches are its column of the weights, turned around.
        reached = F.pixel_shuffle(self.weight.flip(2, 3).transpose(0, 1), 2)  # (C, 3, 6, 6)
        line = reached.new_tensor(BLUR)
        blur = torch.outer(line, line).expand(3, 1, 3, 3)
        blurred = F.conv2d(F.pad(reached, (3, 3, 3, 3)), blur, groups=3)  # (C, 3, 10, 10)
        return F.pixel_unshuffle(blurred, 2).transpose(0, 1).flip(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 12, H - 4, W - 4): four sub-pixels of three colors."""
        return F.conv2d(x, self.kernel().to(x.dtype), self.bias.repeat_interleave(4).to(x.dtype))


class MobileNetwork(QuarterNetwork):
    """:class:`QuarterNetwork` without its convolution at full size.

    That takes two fifths of the time once the blocks are narrow.

    Args:
        width: as in ``QuarterNetwork``; 8 gives 32 channels in the blocks, which is what matrix
            units of CPUs take at once.
        blocks: number of residual blocks.
    """

    def __init__(self, width: int = 8, blocks: int = 5) -> None:
        super().__init__(width, blocks)
        del self.smooth
        self.head = SmoothSubPixels(2 * width)  # type: ignore[assignment]

    def paint(self, x: Tensor) -> Tensor:
        """Features at half size to colors: (B, 2 width, H / 2, W / 2) to (B, 3, H, W), logits."""
        return F.pixel_shuffle(self.head(reflect_pad(x, REACH)), 2)
