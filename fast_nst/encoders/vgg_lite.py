"""``vgg_lite``: the small bundled encoder, which needs no download."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from fast_nst.encoders.base import Encoder
from fast_nst.errors import WeightsError
from fast_nst.image.pad import reflect_pad
from fast_nst.paths import asset_path

CONVS_PER_BLOCK = (2, 2, 4, 1)
WIDTHS = (24, 64, 96, 160)
CHANNELS = (16, 32, 64, 128)


class VGGLite(Encoder):
    """A VGG-shaped trunk with a 1x1 convolution ("tap") per layer.

    Each tap maps a trunk activation to ``CHANNELS[block]`` features, after a ReLU: the losses see
    only these. Taps that are not requested are not computed. Trained by
    ``scripts/distill_encoder.py``.
    """

    convs_per_block = CONVS_PER_BLOCK

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleDict()
        self.taps = nn.ModuleDict()
        channels_in = 3
        for block, convs in enumerate(CONVS_PER_BLOCK):
            for conv in range(convs):
                name = f"relu{block + 1}_{conv + 1}"
                self.convs[name] = nn.Conv2d(channels_in, WIDTHS[block], kernel_size=3)
                self.taps[name] = nn.Conv2d(WIDTHS[block], CHANNELS[block], kernel_size=1)
                channels_in = WIDTHS[block]

    def _features(self, normalized: Tensor, requested: set[str]) -> dict[str, Tensor]:
        features: dict[str, Tensor] = {}
        hidden = normalized
        for name, conv in self.convs.items():
            if len(features) == len(requested):
                break
            if name.endswith("_1") and name != "relu1_1":
                hidden = F.max_pool2d(hidden, kernel_size=2)
            hidden = conv(reflect_pad(hidden, 1)).relu_()  # its gradient needs only the result
            if name in requested:
                features[name] = self.taps[name](hidden).relu_()
        return features


def load_vgg_lite(weights: Path | None = None) -> VGGLite:
    """Build the encoder with the bundled weights, or those of a safetensors file.

    Raises:
        WeightsError: If the file cannot be read or holds another network.
    """
    file = weights or asset_path("vgg_lite.safetensors")
    encoder = VGGLite()
    try:
        state = {name: value.float() for name, value in load_file(file).items()}
        encoder.load_state_dict(state)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(
            f"{file}: not the weights of vgg_lite. Leave encoder.weights unset for the bundled "
            "ones, or give a safetensors file that scripts/distill_encoder.py wrote."
        ) from error
    return encoder
