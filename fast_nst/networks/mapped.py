"""A network whose style differs from place to place of an image."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.image.pad import reflect_pad
from fast_nst.networks.layers import STRIDE
from fast_nst.networks.mobile import PaintPatches
from fast_nst.networks.norm import (
    EPSILON,
    InstanceNorm,
    Statistics,
    inverse_std,
    near_mean,
    measure,
    widen,
)
from fast_nst.networks.shares import Shares, map_shares
from fast_nst.style_map import StyleMap

if TYPE_CHECKING:
    from fast_nst.networks.styled import StyleDecoder

REDUCTION = 3  # of the small copy that statistics are compared on
SMALL_SIDE = 128  # px, short side; a copy is no smaller
BLOCK = 1 << 22  # values of features for which scales and shifts are computed at a time


@dataclass
class Pass:
    """What is passing through a network now; its layers share it.

    Attributes:
        shares: of styles.
        compares: whether these are small copies, of which the norms take note: one painted all over
            as each style's region is on average, and then one with the map.
    """

    shares: Shares
    compares: bool = False


class MappedNetwork(nn.Module):
    """Paints an image in styles that vary over it, in one pass.

    Everything that differs by style is a sum over the styles, weighted by their shares at each
    place: scales, shifts and biases; the sums of rank-one matrices that convolutions get, which are
    applied as ``left(s * right(x))``; and the matrices of colors.

    A norm's statistics are of the whole image. Those of an image that has several styles fit none
    of them: a sky would get contrast that it does not have in a picture of one style. So a small
    copy of the image is painted once for each style, all over in the mixture that its region has on
    average, and once with the map; by how much the statistics of the first differ from those of the
    last, those of the image itself are corrected, for each style. Where shares are the same
    everywhere, they do not differ.

    Args:
        decoder: of the styles.
        codes: (S, code), with the knobs in them.
        style_map: where they are.
        stroke_size: above 1, the network's scale.

    Attributes:
        needs_whole_image: see :mod:`fast_nst.tiling.segments`.
    """

    needs_whole_image = True

    def __init__(
        self, decoder: StyleDecoder, codes: Tensor, style_map: StyleMap, stroke_size: float = 1.0
    ) -> None:
        super().__init__()
        network = deepcopy(decoder.network)
        network.set_stroke_scale(max(1.0, stroke_size))
        self.stride, self.multiple, self.min_side = (
            network.stride,
            network.multiple,
            network.min_side,
        )
        self.style_map = style_map
        self._pass = Pass(Shares(torch.empty(0)))
        self._shares: dict[tuple[object, ...], tuple[Shares, Shares]] = {}
        with torch.no_grad():
            _replace_layers(network, decoder, codes, self._pass)
        self.network = network.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) in [0, 1] to the same."""
        return torch.cat([self._paint(image) for image in torch.split(images, 1)])

    def _paint(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        key = (height, width, image.device, image.dtype)
        if key not in self._shares:
            self._shares.clear()  # frames of a video are of one size, and so large
            self._shares[key] = self._find_shares(image)
        self._pass.shares, compared = self._shares[key]
        whole = self._pass.shares
        small = F.interpolate(
            image, compared.pixels.shape[-2:], mode="bilinear", antialias=True, align_corners=False
        )
        self._pass.shares, self._pass.compares = compared, True
        self.network(small.expand(len(compared.pixels), -1, -1, -1))
        self._pass.shares, self._pass.compares = whole, False
        painted: Tensor = self.network(image)
        return painted

    def _find_shares(self, image: Tensor) -> tuple[Shares, Shares]:
        """Shares for images of this one's size, and for their small copies."""
        height, width = image.shape[-2:]
        pixels = map_shares(self.style_map, height, width)
        factor = max(1.0, min(REDUCTION, min(height, width) / SMALL_SIDE))
        size = (max(1, round(height / factor)), max(1, round(width / factor)))
        small = F.interpolate(
            pixels[None], size, mode="bilinear", antialias=True, align_corners=False
        )
        # For each style, what its region has of each: the mean of shares, weighted by its own.
        weights = small[0].flatten(1).double()
        total = weights.sum(1)
        means = torch.eye(len(weights))
        there = total > EPSILON
        means[there] = (weights[there] @ weights.T / total[there, None]).float()
        regions = means[:, :, None, None].expand(-1, -1, *size)
        return Shares(pixels[None].to(image)), Shares(torch.cat([regions, small]).to(image))


def _replace_layers(network: nn.Module, decoder: StyleDecoder, codes: Tensor, now: Pass) -> None:
    """Replace every layer that differs by style by one that mixes styles at each place."""
    changes = decoder.changes(codes)
    ranks = {
        name: (left, right, changes.sums[name])
        for name, left, right in zip(
            decoder.convolutions, decoder.left, decoder.right, strict=True
        )
    }
    last = decoder.convolutions[-1]
    for name, module in list(network.named_modules()):
        weight = f"{name}.weight"
        made: nn.Module
        if isinstance(module, InstanceNorm):
            affine = (changes.affine[weight], changes.affine[f"{name}.bias"])
            made = MappedNorm(module, *affine, now)
        elif isinstance(module, nn.Conv2d | PaintPatches):
            bias = changes.affine.get(f"{name}.bias")
            colors = changes.palettes if weight == last else None
            if isinstance(module, PaintPatches):
                assert bias is not None
                assert colors is not None
                made = MappedPaint(module, ranks[weight], bias, colors, now)
            else:
                made = MappedConv(module, ranks[weight], bias, colors, now)
        else:
            continue
        parent, _, own = name.rpartition(".")
        setattr(network.get_submodule(parent), own, made)


Ranks = tuple[Tensor, Tensor, Tensor]  # left, (C, rank); right, (rank, C_in k k); sums, (S, rank)


class MappedConv(nn.Module):
    """A convolution without padding, with other weights at each place.

    Args:
        conv: with the weights that styles share.
        ranks: what they add.
        bias: (S, C), or None.
        colors: (S, 3, 3), which mix its three outputs; or None.
        now: what is passing through.
    """

    weight: Tensor
    left: Tensor
    sums: Tensor
    bias: Tensor | None
    colors: Tensor | None

    def __init__(
        self,
        conv: nn.Conv2d,
        ranks: Ranks,
        bias: Tensor | None,
        colors: Tensor | None,
        now: Pass,
    ) -> None:
        super().__init__()
        left, right, sums = ranks
        self.stride, self._pass = conv.stride, now
        # The convolution of all styles, and that of rank-one matrices, as one.
        both = torch.cat([conv.weight, right.view(-1, *conv.weight.shape[1:])])
        self.register_buffer("weight", both)
        self.register_buffer("left", left[:, :, None, None].clone())
        self.register_buffer("sums", sums)
        self.register_buffer("bias", bias)
        self.register_buffer("colors", colors)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C, h, w)."""
        both = F.conv2d(x, self.weight, stride=self.stride)
        channels, rank = self.left.shape[:2]
        y, projected = both.split([channels, rank], dim=1)
        shares = self._pass.shares.at(y)
        y = y + F.conv2d(projected * mix_channels(shares, self.sums), self.left)
        if self.colors is not None:
            y = torch.einsum("bshw,sij,bjhw->bihw", shares, self.colors, y)
        if self.bias is not None:
            y = y + mix_channels(shares, self.bias)
        return y


class MappedPaint(nn.Module):
    """:class:`PaintPatches` with other weights at each pixel of the patches.

    Its kernel, which fades, has no low rank, so there is one for each style.

    Args:
        paint: with the weights that styles share.
        ranks: what they add.
        bias: (S, 3).
        colors: (S, 3, 3).
        now: what is passing through.
    """

    kernels: Tensor
    bias: Tensor
    colors: Tensor

    def __init__(
        self, paint: PaintPatches, ranks: Ranks, bias: Tensor, colors: Tensor, now: Pass
    ) -> None:
        super().__init__()
        left, right, sums = ranks
        self._pass = now
        weights = [paint.weight + ((left * each) @ right).view_as(paint.weight) for each in sums]
        self.register_buffer("kernels", torch.cat([paint.kernel(weight) for weight in weights]))
        self.register_buffer("bias", bias)
        self.register_buffer("colors", colors)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, 48, H, W), as :class:`PaintPatches` does."""
        shares = self._pass.shares.in_cells(x)
        each = F.conv2d(reflect_pad(x, 1), self.kernels)
        each = each.unflatten(1, (len(self.colors), STRIDE**2, 3))
        mixed = torch.einsum("bsphw,bspjhw->bpjhw", shares, each)
        colors = torch.einsum("bsphw,sij,bpjhw->bpihw", shares, self.colors, mixed)
        return (colors + torch.einsum("bsphw,si->bpihw", shares, self.bias)).flatten(1, 2)


class MappedNorm(InstanceNorm):
    """An instance norm with another scale and shift, and other statistics, at each place.

    Args:
        norm: may be adaptive.
        scales: (S, C).
        shifts: (S, C).
        now: what is passing through.
    """

    scales: Tensor
    shifts: Tensor

    def __init__(self, norm: InstanceNorm, scales: Tensor, shifts: Tensor, now: Pass) -> None:
        super().__init__(scales.shape[1])
        self._pass = now
        self.adapted = deepcopy(norm)
        nn.init.ones_(self.adapted.weight)
        nn.init.zeros_(self.adapted.bias)
        self.register_buffer("scales", scales)
        self.register_buffer("shifts", shifts)
        # Of the small copies: of each style all over, (S, C), and of the map, (1, C).
        self._compared: tuple[Statistics, Statistics] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        if self._pass.compares:
            return self._compare(x)
        return self.normalize(x, self.choose(x) if self.choose is not None else measure(x))

    def _compare(self, x: Tensor) -> Tensor:
        found = measure(x)
        count = len(x) - 1
        own = Statistics(found.mean[:count], found.var[:count])
        self._compared = own, Statistics(found.mean[count:], found.var[count:])
        mean, var = (  # each copy's own; for the one with the map, each style's
            torch.cat([each[:, None].expand(-1, count, -1), each[None]])
            for each in (own.mean, own.var)
        )
        return self._normalize_each(x, Statistics(mean, var))

    def normalize(self, x: Tensor, statistics: Statistics) -> Tensor:
        """Normalize with given statistics of an image: (1, C, H, W) to the same shape."""
        assert self._compared is not None
        own, mapped = self._compared
        mean = statistics.mean.to(x.device).view(1, -1)
        var = statistics.var.to(x.device).view(1, -1)
        ratio = (own.var + EPSILON) / (mapped.var + EPSILON)
        # What was between two means there is in proportion to the deviations here.
        larger = ((var + EPSILON) / (mapped.var + EPSILON)).sqrt()
        mean = mean + (own.mean - mapped.mean) * larger
        return self._normalize_each(x, Statistics(mean[None], (var * ratio)[None]))

    def _normalize_each(self, x: Tensor, statistics: Statistics) -> Tensor:
        """Normalize with statistics of each style, (B, S, C)."""
        weight, bias = self.adapted.affine(statistics)
        scale = self.scales * weight * inverse_std(statistics.mean, statistics.var)
        near = near_mean(widen(x))
        shift = self.shifts * torch.ones_like(weight) + bias
        shift = shift - (statistics.mean - near[:, None]) * scale
        shares = self._pass.shares.at(x)
        result = torch.empty_like(x)
        rows = max(1, BLOCK // (x.shape[0] * x.shape[1] * x.shape[3]))
        for top in range(0, x.shape[2], rows):
            part = slice(top, top + rows)
            own = shares[:, :, part]
            y = widen(x[:, :, part]) - near[..., None, None]
            result[:, :, part] = torch.addcmul(
                mix_channels(own, shift), y, mix_channels(own, scale)
            )
        return result


def mix_channels(shares: Tensor, values: Tensor) -> Tensor:
    """Sum values of styles, weighted by their shares at each place.

    Args:
        shares: (B, S, h, w).
        values: (S, C), or (B, S, C).

    Returns:
        (B, C, h, w), channels last in memory, as features are.
    """
    if values.ndim == 2:
        values = values.expand(len(shares), -1, -1)
    return torch.einsum("bshw,bsc->bhwc", shares, values).permute(0, 3, 1, 2)
