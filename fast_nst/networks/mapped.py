"""A network whose style differs from place to place of an image."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from fast_nst.networks.layers import MIN_SIDE, reduce_image
from fast_nst.networks.mapped_layers import MappedConv, MappedNorm, MappedPaint, Pass
from fast_nst.networks.mobile import PaintPatches
from fast_nst.networks.norm import EPSILON, InstanceNorm
from fast_nst.networks.shares import Shares, map_shares
from fast_nst.style_map import StyleMap

if TYPE_CHECKING:
    from fast_nst.networks.styled import StyleDecoder

# The small copies that statistics are compared on are smaller than the image by this factor,
REDUCTION = 4
SMALL_SIDE = 96  # but no smaller than this, px on the short side,
ENOUGH_SIDE = 192  # and not much larger than this;
SMALL_PIXELS = 1 << 20  # and in all, px, no larger than this
SHARES_COPIES = 8  # of shares that are in memory while they are computed
SHARPNESS = 32  # power of shares that say where a style's region is
PART_PIXELS = 1 << 22  # px, that are reduced at a time


class MappedNetwork(nn.Module):
    """Paints an image in styles that vary over it, in one pass.

    Everything that differs by style is a sum over the styles, weighted by their shares at each
    place: scales, shifts and biases; the sums of rank-one matrices that convolutions get, which are
    applied as ``left(s * right(x))``; and the matrices of colors.

    A norm's statistics are of the whole image. Those of an image that has several styles fit none
    of them: a sky would get contrast that it does not have in a picture of one style. So a small
    copy of the image is painted once for each style, all over in the mixture that there is where it
    is strongest, and once with the map; by how much the statistics of the first differ from those
    of the last, those of the image itself are corrected, for each style. Where shares are the same
    everywhere, they do not differ.

    Args:
        decoder: of the styles.
        codes: (S, code), with the knobs in them.
        style_map: where they are.
        stroke_size: above 1, the network's scale.
    """

    def __init__(
        self, decoder: StyleDecoder, codes: Tensor, style_map: StyleMap, stroke_size: float = 1.0
    ) -> None:
        super().__init__()
        network = deepcopy(decoder.network)
        network.set_stroke_scale(max(1.0, stroke_size))
        self.stride, self.multiple = network.stride, network.multiple
        self.min_side = network.min_side
        self.style_map = style_map
        self._pass = Pass(Shares(torch.empty(0)))
        # Of the last size of image, and of its small copies: frames of a video are all of one.
        self._whole: tuple[tuple[int, ...], Shares] | None = None
        self._small: tuple[tuple[int, int], Shares] | None = None
        self._rows: tuple[int, int] | None = None
        with torch.no_grad():
            _replace_layers(network, decoder, codes, self._pass)
        self.network = network.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) in [0, 1] to the same."""
        if self._rows is not None:
            return self._paint_rows(images, *self._rows)
        return torch.cat([self._paint(image) for image in torch.split(images, 1)])

    def _paint(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        self.compare(reduce_image(image, small_factor(height, width)), (height, width))
        return self._paint_rows(image, 0, height)

    def _paint_rows(self, images: Tensor, top: int, height: int) -> Tensor:
        rows, width = images.shape[-2:]
        key = (top, rows, height, width)
        if self._whole is None or self._whole[0] != key:
            self._whole = None
            self._pass.shares = Shares(torch.empty(0))  # so that the last ones make room
            # Where only shapes are computed, there may be more rows than the image has.
            size = (max(height, top + rows), width)
            shares = map_shares(self.style_map, size, (top, top + rows))
            self._whole = key, Shares(shares[None])
        self._pass.shares = self._whole[1]
        painted: Tensor = self.network(images)
        return painted

    @property
    def shares_bytes(self) -> int:
        """Bytes of memory that shares take for each px, while they are computed."""
        return SHARES_COPIES * 4 * len(self.style_map.styles)

    def compare(self, small: Tensor, size: tuple[int, int]) -> None:
        """Take note of what styles do to the statistics of an image, before it is painted.

        Args:
            small: the image, reduced by :func:`small_factor`: (1, 3, h, w).
            size: height and width of the image, px.
        """
        shares = self._small_shares(size)
        self._pass.shares, self._pass.compares = shares, True
        try:
            self.network(small.expand(len(shares.pixels), -1, -1, -1))
        finally:
            self._pass.compares = False

    def take_rows(self, top: int, height: int, compared: MappedNetwork | None = None) -> None:
        """From now on, take rows of an image of this height, beginning with the row ``top``.

        Args:
            top: px.
            height: px.
            compared: a network that has compared this image.
        """
        self._rows = (top, height)
        if compared is not None:
            for own, other in zip(_norms(self), _norms(compared), strict=True):
                own.compared = dict(other.compared)

    def _small_shares(self, size: tuple[int, int]) -> Shares:
        """Shares for the small copies of an image of a size."""
        if self._small is not None and self._small[0] == size:
            return self._small[1]
        small = reduce_rows(lambda *rows: map_shares(self.style_map, size, rows)[None], size)
        # For each style, what there is of each where it is strongest: the mean of shares, weighted
        # by its own, sharpened, so that ends of gradients look as the styles do alone.
        every = small[0].flatten(1).double()
        most = every.amax(1)
        means = torch.eye(len(every))
        there = most > EPSILON
        weights = (every[there] / most[there, None]) ** SHARPNESS
        means[there] = (weights @ every.T / weights.sum(1, keepdim=True)).float()
        regions = means[:, :, None, None].expand(-1, -1, *small.shape[-2:])
        shares = Shares(torch.cat([regions, small]))
        self._small = size, shares
        return shares


def small_factor(height: int, width: int) -> int:
    """How many times smaller the copies are that statistics of an image are compared on."""
    side = min(height, width)
    factor = max(1, min(REDUCTION, side // SMALL_SIDE), side // ENOUGH_SIDE)
    return max(factor, math.ceil(math.sqrt(height * width / SMALL_PIXELS)))


def reduce_rows(read: Callable[[int, int], Tensor], size: tuple[int, int]) -> Tensor:
    """Reduce an image, or a map, by :func:`small_factor`, as a whole that is never in memory.

    Args:
        read: gives the rows from the first number to the second, not included: (1, C, h, W).
        size: height and width, px.
    """
    height, factor = size[0], small_factor(*size)
    least = factor * MIN_SIDE  # rows; a part with fewer would be padded
    step = least * max(1, PART_PIXELS // (least * size[1]))
    parts, top = [], 0
    while top < height:
        bottom = top + step if height - top >= step + least else height
        parts.append(reduce_image(read(top, bottom), factor))
        top = bottom
    return torch.cat(parts, dim=2)


def _norms(network: nn.Module) -> list[MappedNorm]:
    return [each for each in network.modules() if isinstance(each, MappedNorm)]


def _replace_layers(network: nn.Module, decoder: StyleDecoder, codes: Tensor, now: Pass) -> None:
    """Replace every layer that differs by style by one that mixes styles at each place."""
    changes = decoder.changes(codes)
    ranks = {
        name: (left, right, changes.sums[name])
        for name, left, right in zip(decoder.convolutions, decoder.left, decoder.right, strict=True)
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
