"""Layers whose weights differ from place to place of an image, by the shares of styles there."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.image.pad import reflect_pad
from fast_nst.networks.layers import STRIDE
from fast_nst.networks.mobile import PaintPatches
from fast_nst.networks.norm import EPSILON, InstanceNorm, Statistics, inverse_std, measure, widen
from fast_nst.networks.shares import Shares

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
        y, projected = torch.split(both, list(self.left.shape[:2]), dim=1)
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
        each = each.view(len(x), -1, STRIDE**2, 3, *each.shape[2:])
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
        # Of the small copies: of each style all over, (S, C), and of the map, (1, C). By the stride
        # of what was normalized: blocks see an image at two scales where strokes are large.
        self.compared: dict[int, tuple[Statistics, Statistics]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        if self._pass.compares:
            return self._compare(x)
        found = measure(x.detach()) if self.choose is None else self.choose(x)
        return self.normalize(x, found)

    def _compare(self, x: Tensor) -> Tensor:
        found = measure(x.detach())
        count = len(x) - 1
        own = Statistics(found.mean[:count], found.var[:count])
        last = Statistics(found.mean[count:], found.var[count:])
        self.compared[self._pass.shares.stride(x)] = own, last
        mean, var = (  # each copy's own; for the one with the map, each style's
            torch.cat([each[:, None].expand(-1, count, -1), each[None]])
            for each in (own.mean, own.var)
        )
        return self._normalize_each(x, Statistics(mean, var), found.mean)

    def normalize(self, x: Tensor, statistics: Statistics) -> Tensor:
        """Normalize with given statistics of an image: (1, C, H, W) to the same shape."""
        equal = Statistics(torch.zeros(1), torch.ones(1))  # where nothing was compared yet
        compared = self.compared.get(self._pass.shares.stride(x), (equal, equal))
        own, mapped = (
            Statistics(each.mean.to(x.device), each.var.to(x.device)) for each in compared
        )
        near = statistics.mean.to(x.device).view(1, -1)
        var = statistics.var.to(x.device).view(1, -1)
        ratio = (own.var + EPSILON) / (mapped.var + EPSILON)
        # What was between two means there is in proportion to the deviations here.
        larger = ((var + EPSILON) / (mapped.var + EPSILON)).sqrt()
        mean = near + (own.mean - mapped.mean) * larger
        return self._normalize_each(x, Statistics(mean[None], (var * ratio)[None]), near)

    def _normalize_each(self, x: Tensor, statistics: Statistics, near: Tensor) -> Tensor:
        """Normalize with statistics of each style, (B, S, C), that are near (B, C)."""
        weight, bias = self.adapted.affine(statistics)
        scale = self.scales * weight * inverse_std(statistics.mean, statistics.var)
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
