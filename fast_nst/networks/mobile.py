"""The quarter network for real time on CPUs: few channels, and nothing computed at full size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.image.pad import reflect_pad
from fast_nst.networks.quarter import QuarterNetwork

HEAD = 5  # px at half size, side of the last convolution


class MobileNetwork(QuarterNetwork):
    """:class:`QuarterNetwork` whose last convolution is at half size.

    There, the convolution among three colors at full size takes two fifths of the time once the
    blocks are narrow, as hardware computes 16 or 32 channels at once. Here a larger convolution
    at half size does its work: in exact arithmetic, one of 5x5 there can do all that one of 3x3, a
    sub-pixel step and one of 5x5 at full size can.

    Args:
        width: as in ``QuarterNetwork``; 8 gives 32 channels in the blocks, which is what matrix
            units of CPUs take at once.
        blocks: number of residual blocks.

    All four sub-pixels start with the same weights, so that there is no grid to be unlearned
    (Aitken et al. 2017, sec. 3.2).
    """

    def __init__(self, width: int = 8, blocks: int = 5) -> None:
        super().__init__(width, blocks)
        del self.smooth
        self.head = nn.Conv2d(2 * width, 12, kernel_size=HEAD)
        with torch.no_grad():
            colors = self.head.weight[:3]
            self.head.weight.copy_(colors.repeat_interleave(4, dim=0))
            nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def paint(self, x: Tensor) -> Tensor:
        """Features at half size to colors: (B, 2 width, H / 2, W / 2) to (B, 3, H, W), logits."""
        return F.pixel_shuffle(self.head(reflect_pad(x, HEAD // 2)), 2)
