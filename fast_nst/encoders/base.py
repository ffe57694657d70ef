"""The interface that every perceptual encoder offers: named layers in, named features out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fast_nst.errors import LayerError, suggest
from fast_nst.image.imagenet import IMAGENET_MEAN, IMAGENET_STD


def vgg_layer_names(convs_per_block: Sequence[int]) -> tuple[str, ...]:
    """Name the activations of a VGG, shallow to deep: ``relu1_1, relu1_2, relu2_1, ...``."""
    return tuple(
        f"relu{block}_{conv}"
        for block, convs in enumerate(convs_per_block, start=1)
        for conv in range(1, convs + 1)
    )


class Encoder(nn.Module):
    """A frozen VGG-shaped network that turns pictures into named feature maps.

    Weights take no gradient, and stay in evaluation mode; the gradient with respect to the
    pictures flows. Subclasses set ``convs_per_block`` and implement ``_stages``.
    """

    convs_per_block: tuple[int, ...]
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    @property
    def layers(self) -> tuple[str, ...]:
        """All layer names, shallow to deep."""
        return vgg_layer_names(self.convs_per_block)

    def check_layers(self, names: Sequence[str]) -> None:
        """Raise ``LayerError`` for the first name that this encoder does not have."""
        for name in names:
            if name not in self.layers:
                raise LayerError(
                    f"{type(self).__name__} has no layer {name!r}{suggest(name, self.layers)}. "
                    f"Layers: {', '.join(self.layers)}."
                )

    def minimum_size(self, names: Sequence[str]) -> int:
        """Smallest height and width, in px, at which every layer in ``names`` can be computed.

        Reflection padding by one needs two pixels, and each earlier block halves the size.
        """
        return 1 << max(int(name[4]) for name in names)

    def forward(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Compute the named features and nothing past the deepest of them.

        Args:
            images: (B, 3, H, W), RGB, sRGB in [0, 1].
            layers: names from :attr:`layers`, any order.

        Returns:
            One entry per name, (B, C, H / 2^(block-1), W / 2^(block-1)), non-negative.

        Raises:
            LayerError: If a name is unknown, or the pictures are too small for the deepest layer.
        """
        self.check_layers(layers)
        height, width = images.shape[-2:]
        if layers and min(height, width) < (least := self.minimum_size(layers)):
            deepest = max(layers, key=self.layers.index)
            raise LayerError(
                f"the picture is {height}x{width} px; {deepest} needs at least "
                f"{least}x{least}. Use a larger picture or a shallower layer."
            )
        return self._features((images - self.mean) / self.std, set(layers))

    def _features(self, normalized: Tensor, requested: set[str]) -> dict[str, Tensor]:
        raise NotImplementedError

    def freeze(self) -> Encoder:
        """Fix the weights: no gradient, evaluation mode. Returns itself."""
        return self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Encoder:
        """Stay in evaluation mode, whatever the module that holds this encoder is set to."""
        return super().train(False)
