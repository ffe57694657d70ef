"""The terms of the training loss: one class each, and the table ``TERMS`` of their names.

Those for filters of light and color are in :mod:`fast_nst.losses.look`.

To add a term, write a class here, add a line to ``TERMS``, and add its weight to
``conf/loss/relative.yaml``. Its options are the keyword arguments of its ``build``:
``loss.style_layers`` is the argument ``layers`` of the term ``style``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.encoders import Encoder
from fast_nst.errors import ConfigError
from fast_nst.losses.base import LossContext, LossTerm, Setup, required
from fast_nst.losses.functional import (
    Scale,
    frame_shift,
    gram_matrix,
    grid_energy,
    opponent_colors,
    palette,
    paper_content_loss,
    paper_style_loss,
    periodicity,
    pool_layers,
    relative_squared_error,
    total_variation,
)
from fast_nst.losses.look import UNSEEN_VARIANCE, ColorsTerm, SmoothTerm
from fast_nst.losses.stability import perturb, stability_error

FRAME_MOMENTUM = 0.05  # weight of a batch in the mean over batches


class ContentTerm(LossTerm):
    """Distance of the features from those of the content.

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
        """Build the term for these layers."""
        return cls(layers, setup.scale)

    def forward(self, context: LossContext) -> Tensor:
        """Compute the error, a scalar, from the features of the stylized images and the content."""
        targets = required(context.content, "content").features
        error = paper_content_loss if self.scale == "paper" else relative_squared_error
        return pool_layers(
            [error(context.features[layer], targets[layer]) for layer in self.layers], self.scale
        )


class StyleTerm(LossTerm):
    """Distance of the Gram matrices from those of the style.

    Args:
        targets: by layer, (1, C, C), or (B, C, C) if each sample has its own style.
        scale: see :class:`Setup`.

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
        """Build the term with the mean Gram matrices of the style images as targets."""
        grams: dict[str, list[Tensor]] = {layer: [] for layer in layers}
        for images in setup.styles:
            features = setup.encoder(images, layers)
            for layer, each in grams.items():
                each.append(gram_matrix(features[layer]))
        means = {layer: torch.cat(each).mean(0, keepdim=True) for layer, each in grams.items()}
        return cls(means, setup.scale)

    def target(self, layer: str) -> Tensor:
        """Return a layer's target, (1, C, C) or (B, C, C)."""
        gram: Tensor = getattr(self, f"target_{layer}")
        return gram

    def compare(self, grams: Mapping[str, Tensor], shares: Tensor | None = None) -> Tensor:
        """Compute the error, a scalar, of Gram matrices from elsewhere, such as from tiles.

        Args:
            grams: by layer, (B, C, C).
            shares: (B,), weights of the samples, with sum 1; None for equal weights.
        """
        error = paper_style_loss if self.scale == "paper" else relative_squared_error
        return pool_layers(
            [error(grams[layer], self.target(layer), shares) for layer in self.layers], self.scale
        )

    def forward(self, context: LossContext) -> Tensor:
        """Compute the error, a scalar, from the features of the stylized images."""
        return self.compare({layer: gram_matrix(context.features[layer]) for layer in self.layers})


class CoarseStyleTerm(StyleTerm):
    """The style loss at half the size: larger strokes, and how they are arranged.

    Both the stylized images and the style are halved, so that the same layers see twice as far.

    Args:
        targets: see :class:`StyleTerm`.
        encoder: see :class:`Setup`.
        scale: see :class:`Setup`.

    References:
        Wang et al. 2017, "Multimodal Transfer: A Hierarchical Deep Convolutional Neural Network for
        Fast Artistic Style Transfer", for style losses at several sizes.
    """

    def __init__(
        self, targets: Mapping[str, Tensor], encoder: Encoder, scale: Scale = "relative"
    ) -> None:
        super().__init__(targets, scale)
        self.read, self.layers = self.layers, ()  # of other images than the other terms
        self._shared = (encoder,)  # in a tuple, as it is a part of the loss already

    @classmethod
    @torch.no_grad()
    def build(cls, setup: Setup, layers: Sequence[str] = ("relu2_1", "relu3_1", "relu4_1")) -> Self:
        """Build the term with the mean Gram matrices of the halved style images as targets."""
        halved = Setup(setup.encoder, [_halve(each) for each in setup.styles], setup.scale)
        fine = StyleTerm.build(halved, layers)
        return cls({layer: fine.target(layer) for layer in layers}, setup.encoder, setup.scale)

    def forward(self, context: LossContext) -> Tensor:
        """Compute the error, a scalar, from the stylized images."""
        features = self._shared[0](_halve(context.stylized), self.read)
        error = paper_style_loss if self.scale == "paper" else relative_squared_error
        return pool_layers(
            [error(gram_matrix(features[layer]), self.target(layer)) for layer in self.read],
            self.scale,
        )


class PaletteTerm(LossTerm):
    """Distance of the :func:`palette` from the style's.

    A style loss is also lowered by fine hatching in several colors. This term wants them in areas.
    The logarithm of 1 + error, as a photo of one color is far from any palette.

    Args:
        target: (1, 3, 3).
    """

    target: Tensor

    def __init__(self, target: Tensor) -> None:
        super().__init__()
        self.register_buffer("target", target, persistent=False)

    @classmethod
    @torch.no_grad()
    def build(cls, setup: Setup) -> Self:
        """Build the term with the mean palette of the style images."""
        return cls(torch.cat([palette(images) for images in setup.styles]).mean(0, keepdim=True))

    def forward(self, context: LossContext) -> Tensor:
        """Compute the value, a scalar."""
        error = (palette(context.stylized) - self.target).square().sum((1, 2))
        # A gray style has hardly any palette: what cannot be seen is not divided by.
        return torch.log1p(error / (self.target.square().sum() + UNSEEN_VARIANCE**2)).mean()


class TotalVariationTerm(LossTerm):
    """Noise: :func:`total_variation` of the stylized images."""

    def forward(self, context: LossContext) -> Tensor:
        """Compute the value, a scalar."""
        return total_variation(context.stylized)


class GridTerm(LossTerm):
    """Patterns that repeat with the network's ``grid``, or else its stride: :func:`grid_energy`.

    Style losses reward such patterns in flat areas, where they look like a grid.
    """

    network_only = True

    def forward(self, context: LossContext) -> Tensor:
        """Compute a scalar; the network must have an attribute ``stride``, px."""
        network: Any = required(context.network, "network")
        return grid_energy(context.stylized, int(getattr(network, "grid", network.stride)))


class PatternTerm(LossTerm):
    """Hatching with periods up to 8 px that is more regular than the style.

    Each square of 32 px counts by how much the logarithm of its :func:`periodicity` exceeds that of
    the style; the term is the mean over squares, for the luminance and for :func:`opponent_colors`.
    Smaller images count as 0.

    Args:
        style_periodicity: logarithm of the style's periodicity.
    """

    network_only = True

    def __init__(self, style_periodicity: float) -> None:
        super().__init__()
        self.style_periodicity = style_periodicity

    @classmethod
    @torch.no_grad()
    def build(cls, setup: Setup) -> Self:
        """Average the style's logarithms with energies as weights: flat areas do not count.

        Raises:
            ConfigError: If the style images are smaller than 32 px.
        """
        measured = [periodicity(images) for images in setup.styles]
        values = torch.cat([value.flatten() for value, _ in measured])
        energies = torch.cat([energy.flatten() for _, energy in measured]).clamp_min(1e-12)
        if not len(values):
            raise ConfigError(
                "the style is too small for loss.pattern_weight: expected at least 32 x 32 px. "
                "Raise style.size, or set loss.pattern_weight=0."
            )
        return cls(float((values.log() * energies).sum() / energies.sum()))

    def forward(self, context: LossContext) -> Tensor:
        """Compute the value, a scalar."""
        total = context.stylized.new_zeros((), dtype=torch.float32)
        for images in (context.stylized, opponent_colors(context.stylized)):
            excess = periodicity(images)[0].log() - self.style_periodicity
            total = total + excess.clamp_min(0).sum() / max(1, excess.numel())
        return total


class FrameTerm(LossTerm):
    """A border in another color: the squared :func:`frame_shift`, averaged over the four sides.

    In training, the shift is a running mean over about 20 batches, because a single image may have
    another color at its border without having a frame. Without gradients or in evaluation mode, it
    is that of the given images.

    Attributes:
        running_shift: (4, 3), the running mean of the shift.
    """

    network_only = True
    running_shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("running_shift", torch.zeros(4, 3), persistent=False)

    def forward(self, context: LossContext) -> Tensor:
        """Compute a scalar; its gradient is that of an equal shift in all batches."""
        shift = frame_shift(context.stylized)
        if self.training and torch.is_grad_enabled():  # previews have none
            # Image borders vary more than frames shift them: the squared shift of a single batch
            # would force the whole image to the color of its border.
            self.running_shift.lerp_(shift.detach(), FRAME_MOMENTUM)
            shift = self.running_shift + (shift - shift.detach())
        # Each side separately: a bluer top and a yellower bottom must not cancel out.
        return shift.square().sum(1).mean()


class StabilityTerm(LossTerm):
    """Change of the result under noise, small motion and a change of brightness.

    The network runs a second time, on images from :func:`perturb`; :func:`stability_error`
    compares the results.
    """

    draws_random = True
    network_only = True

    def forward(self, context: LossContext) -> Tensor:
        """Compute the value, a scalar."""
        network = required(context.network, "network")
        with torch.no_grad():
            perturbed, motion = perturb(required(context.content, "content").images)
        return stability_error(context.stylized, network(perturbed), motion)


def _halve(images: Tensor) -> Tensor:
    """Halve the sides of (B, 3, H, W)."""
    return F.avg_pool2d(images, 2)


TERMS: dict[str, type[LossTerm]] = {
    "content": ContentTerm,
    "style": StyleTerm,
    "coarse": CoarseStyleTerm,
    "palette": PaletteTerm,
    "colors": ColorsTerm,
    "tv": TotalVariationTerm,
    "grid": GridTerm,
    "pattern": PatternTerm,
    "frame": FrameTerm,
    "stability": StabilityTerm,
    "smooth": SmoothTerm,
}
