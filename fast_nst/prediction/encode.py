"""The way from a picture to the code of its style as one module, which becomes one ONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from fast_nst.encoders import create_encoder
from fast_nst.onnx.live import CODE, to_part
from fast_nst.prediction.load import load_predictor
from fast_nst.prediction.make import ENCODER
from fast_nst.prediction.predictor import StylePredictor
from fast_nst.prediction.statistics import LAYERS, StyleStatistics

if TYPE_CHECKING:
    import onnx

PICTURE = "picture"  # name of the graph's input


class Encode(nn.Module):
    """Encoder, statistics and perceptron of a style predictor."""

    def __init__(self, predictor: StylePredictor) -> None:
        super().__init__()
        self.encoder = create_encoder(ENCODER)
        self.predictor = predictor

    def forward(self, picture: Tensor) -> Tensor:
        """(1, 3, H, W) in [0, 1], of the size that strokes are measured at, to (code,)."""
        features = self.encoder(picture, LAYERS)
        means, grams = {}, {}
        for layer in LAYERS:
            mean = features[layer].mean((2, 3))
            # Covariances, and Gram matrices from them: runtimes that sum one value after the other,
            # such as WebAssembly's, lose digits that the predictor needs where means are large.
            rest = (features[layer] - mean[:, :, None, None]).flatten(2)
            covariance = rest @ rest.mT / rest.shape[2]
            means[layer], grams[layer] = mean, covariance + mean[:, :, None] * mean[:, None]
        return self.predictor.code(StyleStatistics(means, grams))[0]


def to_encode_onnx(network: str) -> onnx.ModelProto:
    """``picture``, (1, 3, H, W) of any height and width, to ``code``; weights in 16 bits.

    Args:
        network: one of ``predictor_names()``.

    Raises:
        ConfigError, WeightsError: As :func:`~fast_nst.prediction.load.load_predictor` does.
        ExportError: If the onnx packages are not installed.
    """
    example = (torch.rand(1, 3, 90, 126),)
    free = dict.fromkeys((2, 3), torch.export.Dim.DYNAMIC)
    return to_part(Encode(load_predictor(network)), example, (free,), (PICTURE,), CODE)
