"""How far a predicted filter gets on a few photographs, and whether they stay readable."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fast_nst.encoders import Encoder
from fast_nst.hardware import fast_bf16
from fast_nst.losses.functional import gram_matrix
from fast_nst.losses.strength import (
    AGREEMENT_LAYER,
    content_agreement,
    style_left,
)
from fast_nst.prediction.statistics import LAYERS, StyleStatistics


@dataclass(frozen=True)
class Reach:
    """Medians over photographs; see :mod:`fast_nst.losses.strength` for both measures.

    Attributes:
        style_left: of stylized photographs, in [0, 1].
        photo_left: of the photographs themselves.
        content_kept: of stylized photographs, in [-1, 1].
    """

    style_left: float
    photo_left: float
    content_kept: float


@torch.inference_mode()
def measure_reach(
    network: nn.Module, encoder: Encoder, style: StyleStatistics, photos: Tensor
) -> Reach:
    """Stylize photographs and compare.

    Args:
        network: a filter's.
        encoder: the one that ``style`` was measured by.
        style: one style.
        photos: (B, 3, H, W) in [0, 1].
    """
    found = []
    for photo in torch.split(photos, 1):
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_bf16(photo.device)):
            before, after = (encoder(image, LAYERS) for image in (photo, network(photo)))
        left = [
            style_left({layer: gram_matrix(features[layer]) for layer in LAYERS}, style.grams)
            for features in (after, before)
        ]
        kept = content_agreement(after[AGREEMENT_LAYER], before[AGREEMENT_LAYER])
        found.append((float(left[0]), float(left[1]), float(kept)))
    return Reach(*(statistics.median(values) for values in zip(*found, strict=True)))
