"""The terms of a training's loss: one class for each, and the table that names them.

A new term is a class here, with a line in ``TERMS``, and its weight in ``conf/loss/relative.yaml``.
Its options are the keyword arguments of its ``build``: ``loss.style_layers`` is ``layers`` of the
term ``style``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from fast_nst.errors import ConfigError
from fast_nst.losses.base import LossContext, LossTerm, Setup, required
from fast_nst.losses.functional import (
    Scale,
    frame_shift,
    gram_matrix,
    grid_energy,
    paper_content_loss,
    paper_style_loss,
    periodicity,
    pool_layers,
    relative_squared_error,
    total_variation,
)
from fast_nst.losses.stability import perturb, stability_error

FRAME_MOMENTUM = 0.05  # weight of a batch in the mean over batches


class ContentTerm(LossTerm):
    """How far the features are from the content's.

    References:
        Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
        sec. 3.2, eq. 2; relative errors are this project's own.
    """

    def __init__(self, layers: Sequence[str], scale: Scale = "relative") -> None:
        super().__init__()
        self.layers = self.content_layers = tuple(layers)
        self.scale = scale

    @classmethod
    def build(cls, setup: Setup, layers: Sequence[str] = ("relu3_1",)) -> Self:
        """Compare these layers."""
        return cls(layers, setup.scale)

    def forward(self, context: LossContext) -> Tensor:
        """Scalar, from the features of the stylized pictures and of the content."""
        targets = required(context.content, "content").features
        error = paper_content_loss if self.scale == "paper" else relative_squared_error
        return pool_layers(
            [error(context.features[layer], targets[layer]) for layer in self.layers], self.scale
        )


class StyleTerm(LossTerm):
    """How far Gram matrices are from the style's.

    Args:
        targets: by layer, (1, C, C), or (B, C, C) for a style of its own for each sample.

    References:
        Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks", sec. 2.2;
        Johnson et al. 2016, sec. 3.2, eqs. 3 and 4; relative errors are this project's own.
    """

    def __init__(self, targets: Mapping[str, Tensor], scale: Scale = "relative") -> None:
        super().__init__()
        self.layers = tuple(targets)
        self.scale = scale
        for layer, gram in targets.items():
            self.register_buffer(f"target_{layer}", gram, persistent=False)

    @classmethod
    @torch.no_grad()
    def build(
        cls, setup: Setup, layers: Sequence[str] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    ) -> Self:
        """The target is the mean of the style pictures' Gram matrices."""
        grams: dict[str, list[Tensor]] = {layer: [] for layer in layers}
        for images in setup.styles:
            features = setup.encoder(images, layers)
            for layer, each in grams.items():
                each.append(gram_matrix(features[layer]))
        means = {layer: torch.cat(each).mean(0, keepdim=True) for layer, each in grams.items()}
        return cls(means, setup.scale)

    def target(self, layer: str) -> Tensor:
        """The Gram matrix that this layer should have."""
        gram: Tensor = getattr(self, f"target_{layer}")
        return gram

    def compare(self, grams: Mapping[str, Tensor], shares: Tensor | None = None) -> Tensor:
        """The error of Gram matrices that were computed elsewhere, tile by tile for instance.

        Args:
            grams: by layer, (B, C, C).
            shares: (B,), of sum 1: how much each counts; None for all alike.
        """
        error = paper_style_loss if self.scale == "paper" else relative_squared_error
        return pool_layers(
            [error(grams[layer], self.target(layer), shares) for layer in self.layers], self.scale
        )

    def forward(self, context: LossContext) -> Tensor:
        """Scalar, from the features of the stylized pictures."""
        return self.compare({layer: gram_matrix(context.features[layer]) for layer in self.layers})


class TotalVariationTerm(LossTerm):
    """Noise: :func:`total_variation` of the stylized pictures."""

    def forward(self, context: LossContext) -> Tensor:
        """Scalar."""
        return total_variation(context.stylized)


class GridTerm(LossTerm):
    """Patterns that repeat with the network's stride: :func:`grid_energy`.

    Style losses reward them in flat areas, where they look like a woven grid.
    """

    network_only = True

    def forward(self, context: LossContext) -> Tensor:
        """Scalar; the network says its ``stride``, px."""
        stride: Any = required(context.network, "network").stride
        return grid_energy(context.stylized, int(stride))


class PatternTerm(LossTerm):
    """Hatching of any period up to 8 px, wherever it is more regular than the style is.

    The mean over parts of the pictures of how far the logarithm of their :func:`periodicity`
    exceeds the style's. Pictures smaller than a part (32 px) count as 0.

    Args:
        style_periodicity: a logarithm.
    """

    network_only = True

    def __init__(self, style_periodicity: float) -> None:
        super().__init__()
        self.style_periodicity = style_periodicity

    @classmethod
    @torch.no_grad()
    def build(cls, setup: Setup) -> Self:
        """The style's is the mean over its parts, by energy: flat areas do not count."""
        measured = [periodicity(images) for images in setup.styles]
        values = torch.cat([value.flatten() for value, _ in measured])
        energies = torch.cat([energy.flatten() for _, energy in measured]).clamp_min(1e-12)
        if not len(values):
            raise ConfigError(
                "loss.pattern_weight needs a style of at least 32 x 32 px. Raise style.size, or "
                "set loss.pattern_weight=0."
            )
        return cls(float((values.log() * energies).sum() / energies.sum()))

    def forward(self, context: LossContext) -> Tensor:
        """Scalar."""
        excess = periodicity(context.stylized)[0].log() - self.style_periodicity
        return excess.clamp_min(0).sum() / max(1, excess.numel())


class FrameTerm(LossTerm):
    """A border in another color: the square of :func:`frame_shift`, the mean over sides.

    In training mode and with gradients, of its mean over about 20 batches, as what one picture has
    at its border is no frame; otherwise of the given pictures alone.

    Attributes:
        running_shift: (4, 3), the mean over batches.
    """

    network_only = True
    running_shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("running_shift", torch.zeros(4, 3), persistent=False)

    def forward(self, context: LossContext) -> Tensor:
        """Scalar; its gradient is as if all batches had shifted alike."""
        shift = frame_shift(context.stylized)
        if self.training and torch.is_grad_enabled():  # previews are made in between
            # What pictures show at their borders differs by more than a frame does: the square of
            # one batch's shift would ask for pictures that are as their borders are.
            self.running_shift.lerp_(shift.detach(), FRAME_MOMENTUM)
            shift = self.running_shift + (shift - shift.detach())
        # Side by side: a network can paint the top bluer and the bottom as much yellower.
        return shift.square().sum(1).mean()


class StabilityTerm(LossTerm):
    """How the network bears what a camera may see a moment later: noise, motion, brightness.

    A second pass of the network, over :func:`perturb`'s pictures, and :func:`stability_error`.
    """

    draws_random = True
    network_only = True

    def forward(self, context: LossContext) -> Tensor:
        """Scalar."""
        network = required(context.network, "network")
        with torch.no_grad():
            perturbed, motion = perturb(required(context.content, "content").images)
        return stability_error(context.stylized, network(perturbed), motion)


TERMS: dict[str, type[LossTerm]] = {
    "content": ContentTerm,
    "style": StyleTerm,
    "tv": TotalVariationTerm,
    "grid": GridTerm,
    "pattern": PatternTerm,
    "frame": FrameTerm,
    "stability": StabilityTerm,
}
