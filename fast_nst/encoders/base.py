"""The interface of all perceptual encoders: layer names in, features by name out."""

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
    """A frozen VGG-shaped network from images to named feature maps.

    It stays in evaluation mode, and its weights get no gradient; gradients flow to the images.
    Subclasses set ``convs_per_block`` and implement ``_features``.

    Example:
        >>> features = create_encoder("vgg_lite")(images, ["relu2_1", "relu4_1"])
        >>> features["relu2_1"].shape
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
        """Smallest side of an image, in px, for which every layer in ``names`` can be computed.

        Reflection padding by 1 px needs sides of 2 px, and each block after the first halves them.
        """
        return 1 << max(int(name[4]) for name in names)

    def forward(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Compute the named features, and no layer deeper than needed.

        Args:
            images: (B, 3, H, W), RGB, sRGB in [0, 1].
            layers: names from :attr:`layers`, in any order.

        Returns:
            One entry per name, (B, C, H / 2^(block-1), W / 2^(block-1)), non-negative.

        Raises:
            LayerError: If a name is unknown, or the images are too small for the deepest layer.
        """
        self.check_layers(layers)
        height, width = images.shape[-2:]
        if layers and min(height, width) < (side := self.minimum_size(layers)):
            deepest = max(layers, key=self.layers.index)
            raise LayerError(
                f"the image is {width}x{height} px; {deepest} needs at least "
                f"{side}x{side}. Use a larger image or a shallower layer."
            )
        return self._features((images - self.mean) / self.std, set(layers))

    def _features(self, normalized: Tensor, requested: set[str]) -> dict[str, Tensor]:
        """Compute the requested layers of images that are normalized by ``mean`` and ``std``."""
        raise NotImplementedError

    def freeze(self) -> Encoder:
        """Turn off gradients of the weights, set evaluation mode, and return this encoder."""
        return self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Encoder:
        """Stay in evaluation mode, also when a parent module is set to training mode."""
        return super().train(False)
