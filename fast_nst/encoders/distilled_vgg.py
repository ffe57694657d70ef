"""``vgg19_distilled``: a VGG-19 with a quarter of the channels, read from the user's file.

It is not bundled. ``vgg_lite`` was distilled from this network, which can also evaluate filters
that were trained with another encoder.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from fast_nst.encoders.base import Encoder
from fast_nst.errors import WeightsError
from fast_nst.image.pad import reflect_pad


class DistilledVGG(Encoder):
    """The encoder of Wang et al. 2020, with ``relu1_1`` to ``relu5_1``.

    Args:
        weights: a safetensors file with tensors ``preprocess.weight`` and ``preprocess.bias``, and
            the same for ``conv1_1`` to ``conv5_1``.

    Raises:
        WeightsError: If no file is given, it cannot be read, or a tensor is missing.

    References:
        Wang et al. 2020, "Collaborative Distillation for Ultra-Resolution Universal Style
        Transfer".
    """

    convs_per_block = (2, 2, 4, 4, 1)

    def __init__(self, weights: Path | None) -> None:
        super().__init__()
        if weights is None:
            raise WeightsError("vgg19_distilled is not bundled. Give a file: encoder.weights=FILE.")
        try:
            state = load_file(weights)
        except (OSError, SafetensorError) as error:
            raise WeightsError(
                f"{weights}: not a safetensors file. Check encoder.weights."
            ) from error
        self.mean.zero_()
        self.std.fill_(1)  # the file's first layer, preprocess, normalizes
        for name in ("preprocess", *(f"conv{layer[4:]}" for layer in self.layers)):
            for part in ("weight", "bias"):
                if f"{name}.{part}" not in state:
                    raise WeightsError(
                        f"{weights} lacks {name}.{part}: it is not a file of vgg19_distilled. "
                        "Check encoder.weights."
                    )
                self.register_buffer(f"{name}_{part}", state[f"{name}.{part}"])

    def _conv(self, name: str, x: Tensor) -> Tensor:
        return F.conv2d(x, getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias"))

    def _features(self, normalized: Tensor, requested: set[str]) -> dict[str, Tensor]:
        features: dict[str, Tensor] = {}
        with torch.autocast(normalized.device.type, enabled=False):
            # Values reach 255 here: bfloat16 would round them to whole 8-bit levels.
            hidden = self._conv("preprocess", normalized.float())
            hidden = torch.relu(self._conv("conv1_1", reflect_pad(hidden, 1)))
        for name in self.layers:
            if name != "relu1_1":
                if name.endswith("_1"):
                    hidden = F.max_pool2d(hidden, kernel_size=2)
                padded = reflect_pad(hidden, 1)
                hidden = self._conv(f"conv{name[4:]}", padded).relu_()
            if name in requested:
                features[name] = hidden
            if len(features) == len(requested):
                break
        return features
