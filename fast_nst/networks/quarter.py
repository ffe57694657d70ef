"""A network with almost all layers at a quarter of the image's size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.image.pad import crop, reflect_pad
from fast_nst.networks.layers import (
    ConvNorm,
    ResidualBlock,
    ScaledNetwork,
    ScaleShares,
    pad_to_stride,
    reduce_image,
)
from fast_nst.networks.norm import AdaptiveInstanceNorm, widen

SMOOTH = 5  # px, side of the last convolution's kernel


class QuarterNetwork(ScaledNetwork):
    """Johnson's residual blocks between a space-to-depth step and a depth-to-space step.

    In :class:`JohnsonNetwork` the layers at full size take most of the time and few of the
    weights. Here 4x4 pixels become 48 channels at once, and the last features are at half size.
    The content is concatenated to them, so that its edges need not pass through the blocks.

    Args:
        width: a quarter of the channels of the residual blocks, as in ``JohnsonNetwork``; the layer
            at half size has ``2 * width`` channels.
        blocks: number of residual blocks.
        adaptive: use :class:`AdaptiveInstanceNorm` as norms.
        stroke_scale: see :class:`ScaledNetwork`.

    Further differences from Johnson et al. 2016, sec. 3.1, besides those of ``JohnsonNetwork``:
    space-to-depth instead of strided convolutions; a sub-pixel convolution from half to full size;
    and a last convolution of the three colors, which can smooth seams between sub-pixels.

    References:
        Shi et al. 2016, "Real-Time Single Image and Video Super-Resolution Using an Efficient
        Sub-Pixel Convolutional Neural Network".
    """

    def __init__(
        self,
        width: int = 24,
        blocks: int = 5,
        adaptive: bool = False,
        stroke_scale: float = 1.0,
    ) -> None:
        super().__init__(width, blocks, stroke_scale)
        self.ignores_mean = not adaptive  # adaptive norms read it
        self.down = ConvNorm(48, 4 * width, kernel=3, adaptive=adaptive)
        self.blocks = nn.Sequential(
            *(ResidualBlock(4 * width, adaptive=adaptive) for _ in range(blocks))
        )
        self.up = ConvNorm(4 * width + 12, 2 * width, kernel=3, adaptive=adaptive)
        self.head = nn.Conv2d(2 * width, 12, kernel_size=3)
        self.smooth = nn.Conv2d(3, 3, kernel_size=SMOOTH)
        with torch.no_grad():  # initially the identity
            nn.init.zeros_(self.smooth.weight)
            nn.init.zeros_(self.smooth.bias)  # type: ignore[arg-type]
            self.smooth.weight[:, :, SMOOTH // 2, SMOOTH // 2] = torch.eye(3)

    def forward(self, images: Tensor, scale_shares: ScaleShares | None = None) -> Tensor:
        """Stylize (B, 3, H, W), RGB in [0, 1], of any size from 1x1; the same shape and range.

        Args:
            images: the content.
            scale_shares: instead of those of the stroke scale.
        """
        height, width = images.shape[-2:]
        shares = self.scale_shares if scale_shares is None else scale_shares
        content = pad_to_stride(images) - 0.5

        def features(factor: int) -> Tensor:
            small = reduce_image(content, factor)
            x = self.blocks(torch.relu(self.down(_space_to_depth(small, 4))))
            x = F.interpolate(x, scale_factor=2.0 * factor, mode="bilinear", align_corners=False)
            half = [side // 2 for side in content.shape[-2:]]
            return x if factor == 1 else crop(x, *half)

        x = self.mix_scales(features, shares)
        x = torch.cat([x, _space_to_depth(content, 2).to(x.dtype)], dim=1)
        x = torch.relu(self.up(x))
        x = F.pixel_shuffle(self.head(reflect_pad(x, 1)), 2)
        x = self.smooth(reflect_pad(x.contiguous(memory_format=torch.channels_last), SMOOTH // 2))
        return torch.sigmoid(widen(x))[..., :height, :width]

    @torch.no_grad()
    def grow_from(self, small: QuarterNetwork) -> None:
        """Copy the weights of a smaller network, so that both give the same images.

        At first no layer reads the new channels, and the new blocks add nothing; training then
        makes use of them. (Duplicated channels, as in Chen et al. 2016, "Net2Net", would get equal
        gradients and stay equal.) This network's norms may be adaptive where those of ``small``
        are not.

        Raises:
            ValueError: If ``small`` is wider or deeper than this network, or is adaptive and this
                network is not.
        """
        old, old_half = small.down.conv.out_channels, small.up.conv.out_channels
        new = self.down.conv.out_channels
        loses = isinstance(small.down.norm, AdaptiveInstanceNorm) > isinstance(
            self.down.norm, AdaptiveInstanceNorm
        )
        if old > new or len(small.blocks) > len(self.blocks) or loses:
            raise ValueError(
                f"cannot grow from width={old // 4}, blocks={len(small.blocks)}; expected at most "
                f"width={new // 4}, blocks={len(self.blocks)}, and adaptive norms only if this "
                "network has them"
            )
        _take_over(self.down, small.down, slice(None))
        for index, block in enumerate(self.blocks):
            assert isinstance(block, ResidualBlock)
            block.second.norm.weight.zero_()
            if index < len(small.blocks):
                before = small.blocks[index]
                assert isinstance(before, ResidualBlock)
                _take_over(block.first, before.first, slice(0, old))
                _take_over(block.second, before.second, slice(0, old))
        # The channels of the blocks, then the content's 12.
        reads = torch.cat([torch.arange(old), torch.arange(new, new + 12)])
        _take_over(self.up, small.up, reads)
        assert self.head.bias is not None
        assert small.head.bias is not None
        self.head.weight.zero_()
        self.head.weight[:, :old_half] = small.head.weight
        self.head.bias.copy_(small.head.bias)
        self.smooth.load_state_dict(small.smooth.state_dict())


def _take_over(layer: ConvNorm, small: ConvNorm, reads: slice | Tensor) -> None:
    """Copy ``small`` to the first channels of ``layer``; ``reads`` are the inputs both have."""
    channels = small.conv.out_channels
    weight = torch.zeros_like(layer.conv.weight[:channels])
    weight[:, reads] = small.conv.weight
    layer.conv.weight[:channels] = weight
    layer.norm.weight[:channels] = small.norm.weight
    layer.norm.bias[:channels] = small.norm.bias
    if isinstance(layer.norm, AdaptiveInstanceNorm) and isinstance(
        small.norm, AdaptiveInstanceNorm
    ):
        layer.norm.grow_from(small.norm)


def _space_to_depth(images: Tensor, factor: int) -> Tensor:
    """Map (B, 3, H, W) to (B, 3 factor^2, H / factor, W / factor), channels last in memory."""
    return F.pixel_unshuffle(images, factor).contiguous(memory_format=torch.channels_last)
