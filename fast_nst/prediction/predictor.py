"""A network that predicts the weights of a filter from the statistics of a style."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from fast_nst.networks.layers import ScaledNetwork
from fast_nst.networks.styled import StyleDecoder
from fast_nst.prediction.statistics import LAYERS, StyleStatistics

CHANNELS = {"relu1_1": 16, "relu2_1": 32, "relu3_1": 64, "relu4_1": 128}  # of vgg_lite
MAX_CORRELATED = 32  # channels; those of deeper layers are projected to so many first
SMALLEST = 0.01  # added to means and standard deviations before the logarithm


class StylePredictor(nn.Module):
    """Predicts the code of a style, for a decoder that gives a network's weights.

    The style's means, standard deviations and correlations of features go through a small
    perceptron.

    Args:
        network: that the decoder changes; trained together with the predictor.
        hidden: width of the two hidden layers.
        code: as for :class:`~fast_nst.networks.styled.StyleDecoder`, like ``rank``.
        rank: of the decoder's changes.

    Attributes:
        about: what its file says of it, if it comes from one.

    References:
        Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary neural artistic
        stylization network", which predicts norms from an image; Shen et al. 2018, "Neural style
        transfer via meta networks", which predicts convolutions from means and variances.
    """

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(
        self, network: ScaledNetwork, hidden: int = 320, code: int = 128, rank: int = 24
    ) -> None:
        super().__init__()
        self.about: dict[str, Any] = {}
        self.decoder = StyleDecoder(network, code, rank)
        count = 0
        for layer, channels in CHANNELS.items():
            kept = min(channels, MAX_CORRELATED)
            count += 2 * channels + kept * (kept - 1) // 2
            if kept < channels:
                self.register_buffer(f"projection_{layer}", torch.eye(channels)[:kept])
                count += kept
        self.register_buffer("feature_mean", torch.zeros(count))
        self.register_buffer("feature_std", torch.ones(count))
        self.perceptron = nn.Sequential(
            nn.Linear(count, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, code),
        )

    def describe(self, styles: StyleStatistics) -> Tensor:
        """What the perceptron reads of S styles, before it is normalized: (S, F)."""
        features: list[Tensor] = []
        for layer in LAYERS:
            mean = styles.means[layer]
            covariance = styles.grams[layer] - mean[:, :, None] * mean[:, None]
            deviation = _deviation(covariance)
            features += [torch.log(mean + SMALLEST), torch.log(deviation + SMALLEST)]
            projection = getattr(self, f"projection_{layer}", None)
            if projection is not None:
                covariance = projection @ covariance @ projection.T
                deviation = _deviation(covariance)
                features.append(torch.log(deviation + SMALLEST))
            divisor = deviation + 0.1 * SMALLEST
            correlation = covariance / (divisor[:, :, None] * divisor[:, None])
            channels = correlation.shape[1]
            row, column = torch.triu_indices(channels, channels, offset=1)
            features.append(correlation[:, row, column])
        return torch.cat(features, dim=1)

    @torch.no_grad()
    def normalize_by(self, styles: StyleStatistics) -> None:
        """Choose projections and normalization by many styles, before the first training step."""
        for layer in LAYERS:
            name = f"projection_{layer}"
            if not hasattr(self, name):
                continue
            mean = styles.means[layer]
            covariance = styles.grams[layer].mean(0) - mean.T @ mean / len(mean)
            scale = covariance.diagonal().clamp_min(1e-8).rsqrt()
            axes = torch.linalg.eigh(scale[:, None] * covariance * scale).eigenvectors
            kept = getattr(self, name).shape[0]
            setattr(self, name, (axes[:, -kept:] * scale[:, None]).T.contiguous())
        features = self.describe(styles)
        self.feature_mean.copy_(features.mean(0))
        self.feature_std.copy_(features.std(0).clamp_min(1e-3))

    def code(self, styles: StyleStatistics) -> Tensor:
        """The codes of S styles, (S, code)."""
        features = (self.describe(styles) - self.feature_mean) / self.feature_std
        code: Tensor = self.perceptron(features.clamp(-4, 4))
        return code

    def forward(
        self,
        styles: StyleStatistics,
        strengths: Tensor | None = None,
        stroke_sizes: Tensor | None = None,
    ) -> list[dict[str, Tensor]]:
        """For each style, the weights of ``network`` that differ from style to style, by name.

        Args:
            styles: S of them.
            strengths: (S,); 1 by default.
            stroke_sizes: (S,), relative; 1 by default.
        """
        code = self.code(styles)
        ones = torch.ones_like(code[:, 0])
        if strengths is not None or stroke_sizes is not None:
            code = self.decoder.turned(
                code,
                ones if strengths is None else strengths,
                ones if stroke_sizes is None else stroke_sizes,
            )
        weights: list[dict[str, Tensor]] = self.decoder(code)
        return weights


def _deviation(covariance: Tensor) -> Tensor:
    """Standard deviations, (S, C), from covariances, (S, C, C)."""
    return covariance.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()
