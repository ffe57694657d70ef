"""torchvision's ``vgg16`` and ``vgg19``, with weights downloaded once or read from a file."""

from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.encoders.base import Encoder, vgg_layer_names
from fast_nst.errors import WeightsError

CONVS_PER_BLOCK = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


class TorchvisionVGG(Encoder):
    """The convolutions of a torchvision VGG, named by layer.

    Args:
        name: ``vgg16`` or ``vgg19``.
        weights: file of a state dict, as torchvision provides it; None takes torchvision's
            ``IMAGENET1K_V1`` weights, downloaded once to torch's hub folder.

    Raises:
        WeightsError: If the weights cannot be downloaded or read, or are of another network.

    References:
        Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image
        Recognition", table 1, columns D and E.
    """

    def __init__(self, name: str, weights: Path | None = None) -> None:
        super().__init__()
        self.convs_per_block = CONVS_PER_BLOCK[name]
        state = read_state(name, weights) if weights else download_state(name)
        names = vgg_layer_names(self.convs_per_block)
        # torchvision numbers convolutions and pools in one sequence: 0, 2, (pool 4), 5, 7, ...
        indices = [
            key.split(".")[1]
            for key in state
            if key.startswith("features.") and key.endswith(".weight")
        ]
        if len(indices) != len(names):
            raise WeightsError(
                f"{weights or name}: holds {len(indices)} convolutions, {name} has {len(names)}. "
                "Give torchvision's state dict of that network."
            )
        self.convs = nn.ModuleDict()
        for layer, index in zip(names, indices, strict=True):
            weight, bias = state[f"features.{index}.weight"], state[f"features.{index}.bias"]
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], kernel_size=3, padding=1)
            conv.load_state_dict({"weight": weight, "bias": bias})
            self.convs[layer] = conv

    def _features(self, normalized: Tensor, requested: set[str]) -> dict[str, Tensor]:
        features: dict[str, Tensor] = {}
        hidden = normalized
        for name, conv in self.convs.items():
            if len(features) == len(requested):
                break
            if name.endswith("_1") and name != "relu1_1":
                hidden = F.max_pool2d(hidden, kernel_size=2)
            hidden = conv(hidden).relu_()  # in place: its gradient needs only the result
            if name in requested:
                features[name] = hidden
        return features


def read_state(name: str, file: Path) -> dict[str, Tensor]:
    """Read a state dict from ``file``, without running code in it.

    Raises:
        WeightsError: If the file does not exist or holds no state dict.
    """
    if not file.is_file():
        raise WeightsError(f"encoder.weights={file}: no such file. Give a {name} state dict.")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many types for damaged files
        raise WeightsError(
            f"encoder.weights={file}: not a PyTorch state dict. Give torchvision's {name} file."
        ) from error
    if not isinstance(state, dict):
        raise WeightsError(
            f"encoder.weights={file}: holds no state dict. Give torchvision's {name} file."
        )
    return state


def download_state(name: str) -> dict[str, Tensor]:
    """Return torchvision's ImageNet weights, from the local cache or downloaded.

    Raises:
        WeightsError: If they cannot be downloaded.
    """
    from torchvision.models import VGG16_Weights, VGG19_Weights

    weights = {"vgg16": VGG16_Weights, "vgg19": VGG19_Weights}[name].IMAGENET1K_V1
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=False)
    except (URLError, OSError) as error:
        raise WeightsError(
            f"the weights of {name} cannot be downloaded from {weights.url} ({error}). Use the "
            f"bundled encoder=vgg_lite, or give a file: encoder.weights=FILE."
        ) from error
    return state
