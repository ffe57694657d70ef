"""The perceptual loss: named, weighted terms of a frozen encoder's features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fast_nst.encoders import Encoder, create_encoder
from fast_nst.errors import ConfigError
from fast_nst.image.color import is_flat
from fast_nst.image.io import read_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.functional import (
    frame_shift,
    gram_matrix,
    grid_energy,
    paper_content_loss,
    paper_style_loss,
    periodicity,
    relative_squared_error,
    total_variation,
)
from fast_nst.losses.stability import disturb, stability_error

Scale = Literal["relative", "paper"]

FRAME_MEMORY = 0.05  # weight of a batch in the mean over batches
NARROWEST = 8  # style.size is that of the short side: a strip would have very many pixels


class PerceptualLoss(nn.Module):
    """Content, style and three faults of stylized pictures, each weighted and named.

    Args:
        encoder: frozen; computes the features.
        style: (S, 3, H, W), RGB in [0, 1]: the style picture, or several crops or sizes of it. The
            target is the mean of their Gram matrices. Computed once, here.
        content_layers: encoder layers whose features should stay the content's.
        style_layers: encoder layers whose Gram matrices should become the style's.
        content_weight, style_weight: dimensionless factors.
        tv_weight, grid_weight: of :func:`total_variation` and :func:`grid_energy`.
        pattern_weight: of hatching and other regular patterns: by how much the logarithm of the
            :func:`periodicity` of the picture's parts exceeds the style's own, which is the mean
            over its parts by energy. Pictures smaller than a part (32 px) count as 0.
        frame_weight: of a frame: the square of :func:`frame_shift`, the mean over sides. In
            training mode and with gradients, of its mean over about 20 batches, as what one picture
            has at its border is no frame; otherwise of the given pictures alone.
        stability_weight: of :meth:`stability`, which asks for a second pass of the network.
        scale: ``"relative"`` divides each layer's term by the target's own size, so that one set
            of weights works across encoders, sizes and styles; layers are averaged. ``"paper"``
            keeps the definitions of Johnson et al. 2016; layers are summed.

    Raises:
        ConfigError: If a weight is negative or a term that has a weight has no layers.
        LayerError: If the encoder lacks a layer.
    """

    usual_frame: Tensor

    def __init__(
        self,
        encoder: Encoder,
        style: Tensor | Sequence[Tensor],
        *,
        content_layers: Sequence[str] = ("relu3_1",),
        style_layers: Sequence[str] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
        content_weight: float = 1.0,
        style_weight: float = 30.0,
        tv_weight: float = 0.0,
        grid_weight: float = 0.0,
        pattern_weight: float = 0.0,
        frame_weight: float = 0.0,
        stability_weight: float = 0.0,
        scale: Scale = "relative",
    ) -> None:
        super().__init__()
        weights = {
            "content": content_weight,
            "style": style_weight,
            "tv": tv_weight,
            "grid": grid_weight,
            "pattern": pattern_weight,
            "frame": frame_weight,
            "stability": stability_weight,
        }
        for name, weight in weights.items():
            if not 0 <= weight < float("inf"):
                raise ConfigError(f"loss.{name}_weight is {weight}; it must be 0 or more.")
        if scale not in ("relative", "paper"):
            raise ConfigError(f"loss.scale is {scale!r}; it must be 'relative' or 'paper'.")
        for term, layers in (("content", content_layers), ("style", style_layers)):
            if weights[term] and not layers:
                raise ConfigError(f"loss.{term}_layers is empty; name a layer or set its weight 0.")
        encoder.check_layers([*content_layers, *style_layers])
        self.encoder = encoder
        self.weights = weights
        self.content_layers = tuple(content_layers)
        self.style_layers = tuple(style_layers)
        self.layers = tuple(dict.fromkeys((*content_layers, *style_layers)))
        self.scale = scale
        styles = [style] if isinstance(style, Tensor) else list(style)
        for layer, gram in self._style_targets(styles).items():
            self.register_buffer(self._buffer(layer), gram, persistent=False)
        self.register_buffer("usual_frame", torch.zeros(4, 3), persistent=False)
        self.style_periodicity = self._style_periodicity(styles) if pattern_weight else 0.0

    @staticmethod
    def _buffer(layer: str) -> str:
        return f"style_{layer}"

    @torch.no_grad()
    def _style_targets(self, styles: Sequence[Tensor]) -> dict[str, Tensor]:
        grams: dict[str, list[Tensor]] = {layer: [] for layer in self.style_layers}
        for pictures in styles:
            features = self.encoder(pictures, self.style_layers)
            for layer in self.style_layers:
                grams[layer].append(gram_matrix(features[layer]))
        return {layer: torch.cat(each).mean(0, keepdim=True) for layer, each in grams.items()}

    @staticmethod
    @torch.no_grad()
    def _style_periodicity(styles: Sequence[Tensor]) -> float:
        """The mean logarithm over the styles' parts, by energy: flat areas do not count."""
        measured = [periodicity(pictures) for pictures in styles]
        values = torch.cat([value.flatten() for value, _ in measured])
        energies = torch.cat([energy.flatten() for _, energy in measured]).clamp_min(1e-12)
        if not len(values):
            raise ConfigError(
                "loss.pattern_weight needs a style of at least 32 x 32 px. Raise style.size, or "
                "set loss.pattern_weight=0."
            )
        return float((values.log() * energies).sum() / energies.sum())

    @torch.no_grad()
    def content_targets(self, content: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, H, W) content that the content term compares with."""
        if not self.content_layers:
            return {}
        features: dict[str, Tensor] = self.encoder(content, self.content_layers)
        return features

    def forward(self, stylized: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weighted terms, to be summed once.

        Args:
            stylized: (B, 3, H, W) in [0, 1].
            targets: what :meth:`content_targets` gave for the content of the same size.

        Returns:
            ``{"content": ..., "style": ..., "tv": ...}``, float32 scalars, weights applied; terms
            of weight 0 are left out.
        """
        features = self.encoder(stylized, self.layers)
        paper = self.scale == "paper"
        terms: dict[str, Tensor] = {}
        if self.weights["content"]:
            distance = paper_content_loss if paper else relative_squared_error
            each = [distance(features[layer], targets[layer]) for layer in self.content_layers]
            terms["content"] = self.weights["content"] * _pool(each, paper)
        if self.weights["style"]:
            compare = paper_style_loss if paper else relative_squared_error
            each = [
                compare(gram_matrix(features[layer]), getattr(self, self._buffer(layer)))
                for layer in self.style_layers
            ]
            terms["style"] = self.weights["style"] * _pool(each, paper)
        if self.weights["grid"]:
            terms["grid"] = self.weights["grid"] * grid_energy(stylized)
        if self.weights["pattern"]:
            excess = periodicity(stylized)[0].log() - self.style_periodicity
            terms["pattern"] = (
                self.weights["pattern"] * excess.clamp_min(0).sum() / max(1, excess.numel())
            )
        if self.weights["frame"]:
            terms["frame"] = self.weights["frame"] * self._frame(frame_shift(stylized))
        if self.weights["tv"]:
            terms["tv"] = self.weights["tv"] * total_variation(stylized)
        return terms

    def _frame(self, shift: Tensor) -> Tensor:
        """The sides' usual shift, squared; its gradient is as if all batches had shifted alike."""
        if self.training and torch.is_grad_enabled():  # previews are made in between
            # What pictures show at their borders differs by more than a frame does: the square of
            # one batch's shift would ask for pictures that are as their borders are.
            self.usual_frame.lerp_(shift.detach(), FRAME_MEMORY)
            shift = self.usual_frame + (shift - shift.detach())
        # Side by side: a network can paint the top bluer and the bottom as much yellower.
        return shift.square().sum(1).mean()

    def stability(
        self, network: Callable[[Tensor], Tensor], content: Tensor, stylized: Tensor
    ) -> dict[str, Tensor]:
        """The weighted term of how the network bears small disturbances; none of weight 0.

        Args:
            network: maps (B, 3, H, W) to the same.
            content: (B, 3, H, W) in [0, 1].
            stylized: what the network makes of it.
        """
        weight = self.weights["stability"]
        if not weight:
            return {}
        with torch.no_grad():
            disturbed, motion = disturb(content)
        return {"stability": weight * stability_error(stylized, network(disturbed), motion)}

    def unweighted(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Divide the weights out of what :meth:`forward` returned."""
        return {name: value / self.weights[name] for name, value in terms.items()}


def create_loss(config: Mapping[str, Any], style_file: Path) -> PerceptualLoss:
    """Build the loss that a filter is trained with, or was: training and its report share this.

    Args:
        config: a resolved training configuration, or what a filter's metadata holds of it; the
            groups ``style`` (its ``size``), ``encoder`` and ``loss`` are read.
        style_file: the style picture.

    Raises:
        ImageError: If the style picture cannot be read.
        ConfigError: If it is one flat color, or a strip.
        FastNSTError: As :func:`create_encoder` and :class:`PerceptualLoss` do.
    """
    style = read_image(style_file).rgb[None]
    height, width = style.shape[-2:]
    if is_flat(style):
        raise ConfigError(f"{style_file} is one flat color: it has no style. Use another picture.")
    if max(height, width) > NARROWEST * min(height, width):
        raise ConfigError(
            f"{style_file} is {height}x{width} px; the long side of a style may be at most "
            f"{NARROWEST} short ones. Cut it."
        )
    style = resize_short_side(style, config["style"]["size"])
    encoder = create_encoder(config["encoder"]["name"], config["encoder"]["weights"])
    return PerceptualLoss(encoder, style, **config["loss"])


def _pool(values: Sequence[Tensor], paper: bool) -> Tensor:
    stacked = torch.stack(list(values))
    return stacked.sum() if paper else stacked.mean()
