"""A network that predicts the weights of a filter from the statistics of a style."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from fast_nst.networks import TransformationNetwork
from fast_nst.prediction.statistics import LAYERS, StyleStatistics

CHANNELS = {"relu1_1": 16, "relu2_1": 32, "relu3_1": 64, "relu4_1": 128}  # of vgg_lite
MAX_CORRELATED = 32  # channels; those of deeper layers are projected to so many first
SMALLEST = 0.01  # added to means and standard deviations before the logarithm


class StylePredictor(nn.Module):
    """Predicts what changes in a network's weights for a style.

    The style's means, standard deviations and correlations of features go through a small
    perceptron to a code. Linear layers turn the code into changes: scales of norms are multiplied
    by ``1 + change``, shifts and biases get a change added, and each convolution gets a weighted
    sum of rank-one matrices, which all styles share, added to its weights. Colors of the last one's
    output are mixed by a 3x3 matrix. At first, all this changes nothing.

    Args:
        network: whose weights are changed; trained together with the predictor.
        hidden: width of the two hidden layers.
        code: length of the code.
        rank: number of rank-one matrices for each convolution, at most its number of channels.

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
        self, network: TransformationNetwork, hidden: int = 320, code: int = 128, rank: int = 24
    ) -> None:
        super().__init__()
        self.about: dict[str, Any] = {}
        self.network = network
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
        weights = dict(network.named_parameters())
        self.convolutions = [name for name, value in weights.items() if value.ndim == 4]
        self.scales = [name for name in weights if name.endswith("norm.weight")]
        self.shifts = [
            name
            for name, value in weights.items()
            if value.ndim == 1 and name.rsplit(".", 1)[-1] == "bias"
        ]
        self.left, self.right = nn.ParameterList(), nn.ParameterList()
        for name in self.convolutions:
            channels, size = weights[name].shape[0], weights[name][0].numel()
            own = min(rank, channels)
            self.left.append(nn.Parameter(torch.randn(channels, own) / own**0.5))
            self.right.append(nn.Parameter(torch.randn(own, size) / size**0.5))
        self.affine = nn.Linear(code, sum(weights[n].numel() for n in self.scales + self.shifts))
        self.mixture = nn.Linear(code, sum(left.shape[1] for left in self.left))
        self.palette = nn.Linear(code, 9)
        for last in (self.affine, self.mixture, self.palette):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

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

    def forward(self, styles: StyleStatistics) -> list[dict[str, Tensor]]:
        """For each style, the weights of ``network`` that differ from style to style, by name."""
        code = self.code(styles)
        weights = dict(self.network.named_parameters())
        names = self.scales + self.shifts
        changes = self.affine(code).split([weights[name].numel() for name in names], dim=1)
        strengths = self.mixture(code).split([left.shape[1] for left in self.left], dim=1)
        palettes = torch.eye(3, device=code.device) + self.palette(code).view(-1, 3, 3)
        result = []
        for style in range(len(code)):
            own = {
                name: weights[name] * (1 + change[style])
                if name in self.scales
                else weights[name] + change[style]
                for name, change in zip(names, changes, strict=True)
            }
            for name, left, right, each in zip(
                self.convolutions, self.left, self.right, strengths, strict=True
            ):
                change = (left * each[style]) @ right
                own[name] = weights[name] + change.view_as(weights[name])
            # Its outputs are images' pixels, with the color as the innermost index.
            colors = own[self.convolutions[-1]].unflatten(0, (-1, 3))
            mixed = torch.einsum("ij,pj...->pi...", palettes[style], colors)
            own[self.convolutions[-1]] = mixed.flatten(0, 1)
            result.append(own)
        return result


def _deviation(covariance: Tensor) -> Tensor:
    """Standard deviations, (S, C), from covariances, (S, C, C)."""
    return covariance.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()


def filter_weights(predictor: StylePredictor, styles: StyleStatistics) -> dict[str, Tensor]:
    """All weights of a filter for one style, by name."""
    with torch.no_grad():
        (changed,) = predictor(styles)
    return {**predictor.network.state_dict(), **changed}
