"""Gram matrices and feature distances of an image, as a whole or tile by tile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from fast_nst.encoders.base import Encoder
from fast_nst.hardware import fast_bf16
from fast_nst.losses.functional import gram_matrix
from fast_nst.optimize.tiles import Tile, split


def find_precision(image: Tensor, choice: str) -> torch.dtype | None:
    """The type that convolutions of this image compute in; None for that of the image.

    Args:
        image: (B, 3, H, W), on its device.
        choice: one of ``options.PRECISIONS``.
    """
    if choice == "float32" or image.dtype == torch.float64:
        return None
    bf16 = choice == "bfloat16" or fast_bf16(image.device)
    return torch.bfloat16 if bf16 else None


@dataclass(frozen=True)
class TiledEncoder:
    """An encoder with a precision, which sees large images tile by tile.

    Attributes:
        encoder: frozen.
        precision: of convolutions; None for that of the image.
        tile: px, see :func:`fast_nst.optimize.tiles.split`.
    """

    encoder: Encoder
    precision: torch.dtype | None = None
    tile: int = 1024

    def features(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """The encoder's features of one image, or of a part of one."""
        with torch.autocast(
            image.device.type, dtype=self.precision, enabled=self.precision is not None
        ):
            found: dict[str, Tensor] = self.encoder(
                image.contiguous(memory_format=torch.channels_last), layers
            )
        return found

    def tiles(self, image: Tensor, layers: Sequence[str]) -> list[Tile]:
        """The tiles to measure one by one."""
        height, width = image.shape[-2:]
        return split(height, width, self.tile, self.encoder, layers)

    @torch.no_grad()
    def content(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Features of the whole image, (1, C, h, w) each."""
        whole: dict[str, Tensor] = {}
        for tile in self.tiles(image, layers) if layers else ():
            features = self.features(image[..., *tile.outer], layers)
            for layer in layers:
                core = features[layer][..., *tile.within(layer)]
                if layer not in whole:
                    whole[layer] = core.new_empty(1, core.shape[1], *tile.whole(layer))
                whole[layer][..., *tile.of(layer)] = core
        return whole


@dataclass(frozen=True)
class Comparison:
    """What is measured of an image.

    Attributes:
        encoder: computes the features.
        style_layers: whose Gram matrices are wanted.
        guides: per style layer, (R, 1, h, w): the square root of each position's share in each
            of R regions. Empty for one region, the whole image.
        targets: features, (1, C, h, w) by layer, to which the squared distance is wanted.
    """

    encoder: TiledEncoder
    style_layers: Sequence[str]
    guides: Mapping[str, Tensor] = field(default_factory=dict)
    targets: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers that are read."""
        return tuple(dict.fromkeys((*self.style_layers, *self.targets)))

    def __call__(self, image: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Measure a (1, 3, H, W) image; gradients flow to it.

        An image of several tiles is measured twice for a gradient: first all tiles without one,
        as the Gram matrices are sums over all of them; then, when the gradient of the loss by
        these sums is known, each tile again, with its own graph only. The result is that of the
        whole image, but for rounding.

        Returns:
            Gram matrices, (R, C, C) by style layer; and the squared distances to ``targets``,
            scalars by layer. float32 or wider.
        """
        tiles = self.encoder.tiles(image, self.layers)
        if len(tiles) == 1:
            found = self.of_tile(image, tiles[0])
        else:
            found = _TileByTile.apply(image, self, tiles)
        grams = len(self.style_layers)
        return (
            dict(zip(self.style_layers, found[:grams], strict=True)),
            dict(zip(self.targets, found[grams:], strict=True)),
        )

    def of_tile(self, outer: Tensor, tile: Tile) -> tuple[Tensor, ...]:
        """What a tile, given with its margin, adds to the Gram matrices and to the distances."""
        features = self.encoder.features(outer, self.layers)
        found = []
        for layer in self.style_layers:
            core = features[layer][..., *tile.within(layer)]
            positions = core.shape[-2] * core.shape[-1]
            if self.guides:
                guide = self.guides[layer][..., *tile.of(layer)]
                found.append(gram_matrix(_wide(core) * guide) * positions)
            else:
                height, width = tile.whole(layer)
                found.append(gram_matrix(core) * (positions / (height * width)))
        for layer, target in self.targets.items():
            core = features[layer][..., *tile.within(layer)]
            found.append((_wide(core) - _wide(target[..., *tile.of(layer)])).square().sum())
        return tuple(found)


class _TileByTile(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, image: Tensor, comparison: Comparison, tiles: Sequence[Tile]
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(image)
        ctx.comparison, ctx.tiles = comparison, tiles
        sums: tuple[Tensor, ...] = ()
        for tile in tiles:
            found = comparison.of_tile(image[..., *tile.outer], tile)
            sums = tuple(map(torch.add, sums, found)) if sums else found
        return sums

    @staticmethod
    def backward(ctx: Any, *by_sums: Tensor) -> tuple[Tensor, None, None]:
        (image,) = ctx.saved_tensors
        gradient = torch.zeros_like(image)
        for tile in ctx.tiles:
            outer = image[..., *tile.outer].detach().requires_grad_(True)
            with torch.enable_grad():
                found = ctx.comparison.of_tile(outer, tile)
            (by_outer,) = torch.autograd.grad(found, outer, by_sums)
            gradient[..., *tile.outer] += by_outer
        return gradient, None, None


def _wide(features: Tensor) -> Tensor:
    return features if features.dtype == torch.float64 else features.float()
