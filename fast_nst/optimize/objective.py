"""The loss of an iterative style transfer at one size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fast_nst.losses.functional import pool_layers, target_energy
from fast_nst.losses.terms import StyleTerm
from fast_nst.optimize.options import TransferOptions
from fast_nst.optimize.regions import guide, shares
from fast_nst.optimize.statistics import Comparison, TiledEncoder
from fast_nst.optimize.tiles import features_size


class Objective:
    """Content and style terms of one image, weighted and named, as ``PerceptualLoss`` has them.

    Beyond that, it knows several styles, regions and tiles. The target of several styles is the
    mean of their Gram matrices, weighted by ``options.blend``: that of an image where each style
    covers its share. One term per style would pull to the same place, but at more cost, and the
    loss could not reach 0. A region's term is weighted by the region's share of the content, so
    that a pixel counts the same wherever it lies.

    Args:
        encoder: computes the features.
        content: (1, 3, H, W) in [0, 1].
        styles: (1, 3, H', W') each, as large as their strokes should be in the content.
        regions: of the content, then of each style, (R, h, w) of any size; empty for none.
        options: weights, blend and layers.

    References:
        Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks"; the terms are
        those of ``losses.terms``, scale-free.
    """

    def __init__(
        self,
        encoder: TiledEncoder,
        content: Tensor,
        styles: Sequence[Tensor],
        regions: Sequence[Tensor],
        options: TransferOptions,
    ) -> None:
        content_layers = options.content_layers if options.content_weight else ()
        self._style_layers = options.style_layers if options.style_weight else ()
        self._weights = (options.content_weight, options.style_weight)
        targets = encoder.content(content, content_layers)
        self._energies = {
            layer: target_energy(target).squeeze() * target.numel()
            for layer, target in targets.items()
        }
        self._compare = Comparison(
            encoder, self._style_layers, self._guides(content, regions[:1]), targets
        )
        self._shares = shares(regions[0]) if regions else content.new_ones(1)
        self._style = StyleTerm(self._blend(encoder, styles, regions[1:], options.blend))

    def _guides(self, image: Tensor, regions: Sequence[Tensor]) -> dict[str, Tensor]:
        """By layer, for an image with a stack of regions; empty without one."""
        guides = {}
        for layer in self._style_layers if regions else ():
            size = features_size(layer, *image.shape[-2:])
            guides[layer] = guide(regions[0], *size).to(image)
        return guides

    @torch.no_grad()
    def _blend(
        self,
        encoder: TiledEncoder,
        styles: Sequence[Tensor],
        regions: Sequence[Tensor],
        blend: Sequence[float],
    ) -> dict[str, Tensor]:
        parts = list(blend) or [1.0] * len(styles)
        targets: dict[str, Tensor] = {}
        if not self._style_layers:
            return targets
        for index, (style, part) in enumerate(zip(styles, parts, strict=True)):
            guides = self._guides(style, regions[index : index + 1])
            grams, _ = Comparison(encoder, self._style_layers, guides)(style)
            for layer, gram in grams.items():
                share = gram * (part / sum(parts))
                targets[layer] = targets[layer] + share if layer in targets else share
        return targets

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """The weighted terms, to be summed once; a term of weight 0 is left out.

        Args:
            image: (1, 3, H, W) in [0, 1], as large as the content.
        """
        grams, distances = self._compare(image)
        content_weight, style_weight = self._weights
        terms: dict[str, Tensor] = {}
        if distances:
            each = [distance / self._energies[layer] for layer, distance in distances.items()]
            terms["content"] = content_weight * pool_layers(each, "relative")
        if grams:
            terms["style"] = style_weight * self._style.compare(grams, self._shares)
        return terms
