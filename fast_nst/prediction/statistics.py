"""What a style predictor sees of a style: means and Gram matrices of an encoder's features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from fast_nst.encoders import Encoder
from fast_nst.losses.functional import gram_matrix

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")  # those of the default style loss


@dataclass(frozen=True)
class StyleStatistics:
    """Means and Gram matrices of S styles, by layer.

    Both are averages over positions. So are those of several images of one hand, or of a mixture
    of styles: :meth:`pooled` and :meth:`mixed` average them.

    Attributes:
        means: (S, C) by layer, float32.
        grams: (S, C, C) by layer, float32; :func:`fast_nst.losses.functional.gram_matrix`.
    """

    means: Mapping[str, Tensor]
    grams: Mapping[str, Tensor]

    @classmethod
    @torch.no_grad()
    def measure(cls, encoder: Encoder, images: Tensor) -> StyleStatistics:
        """Measure (S, 3, H, W) images, RGB in [0, 1], each a style of its own."""
        features = encoder(images, LAYERS)
        return cls(
            {layer: features[layer].float().mean((2, 3)) for layer in LAYERS},
            {layer: gram_matrix(features[layer]) for layer in LAYERS},
        )

    @classmethod
    def concatenated(cls, parts: Iterable[StyleStatistics]) -> StyleStatistics:
        """The styles of all parts, in order."""
        each = list(parts)
        return cls(
            {layer: torch.cat([part.means[layer] for part in each]) for layer in LAYERS},
            {layer: torch.cat([part.grams[layer] for part in each]) for layer in LAYERS},
        )

    def pooled(self) -> StyleStatistics:
        """One style: the average of all."""
        return StyleStatistics(
            {layer: value.mean(0, keepdim=True) for layer, value in self.means.items()},
            {layer: value.mean(0, keepdim=True) for layer, value in self.grams.items()},
        )

    def mixed(self, other: StyleStatistics, shares: Tensor) -> StyleStatistics:
        """Mix each style with the one at the same place in ``other``; ``shares``: (S,), of it."""

        def mix(mine: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {
                layer: torch.lerp(
                    mine[layer], theirs[layer], shares.view(-1, *[1] * (mine[layer].ndim - 1))
                )
                for layer in LAYERS
            }

        return StyleStatistics(mix(self.means, other.means), mix(self.grams, other.grams))

    def __getitem__(self, index: Tensor) -> StyleStatistics:
        """The styles with these numbers."""
        return StyleStatistics(
            {layer: value[index] for layer, value in self.means.items()},
            {layer: value[index] for layer, value in self.grams.items()},
        )

    def __len__(self) -> int:
        """Number of styles."""
        return len(self.means[LAYERS[0]])
