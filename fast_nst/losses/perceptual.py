"""The perceptual loss: named terms, weighted and computed together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

from fast_nst.encoders import Encoder, create_encoder
from fast_nst.errors import ConfigError, suggest
from fast_nst.image.style import read_style
from fast_nst.losses.base import Content, LossContext, LossTerm, Setup
from fast_nst.losses.functional import Scale
from fast_nst.losses.strength import AGREEMENT_LAYER, content_agreement
from fast_nst.losses.terms import TERMS

STYLE_TERMS = ("style", "coarse")  # whose weights follow the content's readability
NEARLY_ALL = 0.95  # of a style's weight: less of it is worth a note
MOMENTUM = 0.05  # weight of a step in the running mean
RATE = 1.03  # by which the share of the style changes in a step
MIN_SHARE = 0.05


class PerceptualLoss(nn.Module):
    """The weighted terms of a loss, by the names of :data:`fast_nst.losses.terms.TERMS`.

    Args:
        encoder: frozen; computes the features.
        style: (S, 3, H, W), RGB in [0, 1]: the style image, or several crops of it; a sequence of
            such tensors for several sizes. Targets are computed once, here.
        scale: ``"relative"`` divides each layer's error by the target's mean square, so that one
            set of weights works across encoders, sizes and styles; layers are averaged. ``"paper"``
            keeps the definitions of Johnson et al. 2016; layers are summed.
        min_content_kept: see :func:`fast_nst.losses.strength.content_agreement`. Where a running
            mean over training steps falls below this, the terms of the style lose weight, until
            the content is readable again. 0 leaves the weights as they are.
        **settings: ``<term>_weight``, dimensionless, 0 by default; and options of the terms, such
            as ``content_layers`` and ``style_layers``. The keys are those of ``conf/loss/``.

    Attributes:
        terms: the terms with a weight above 0, by name.
        weights: their weights, by name.
        layers: encoder layers that the terms read of stylized images.
        content_layers: encoder layers that they read of the content.
        style_share: scalar in (0, 1], by which the weights of the style's terms are multiplied.

    Raises:
        ConfigError: If a key is unknown, a weight is negative, no term has a weight, or a term with
            a weight has an empty list of layers.
        LayerError: If the encoder lacks a layer.

    References:
        Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
        sec. 3.2.

    Example:
        >>> loss = PerceptualLoss(encoder, style, content_weight=1, style_weight=100)
        >>> terms = loss(stylized, loss.content_targets(content))
        >>> sum(terms.values()).backward()
    """

    encoder: Encoder
    terms: nn.ModuleDict
    weights: dict[str, float]
    layers: tuple[str, ...]
    content_layers: tuple[str, ...]
    style_share: Tensor
    content_kept: Tensor

    def __init__(
        self,
        encoder: Encoder,
        style: Tensor | Sequence[Tensor],
        *,
        scale: Scale = "relative",
        min_content_kept: float = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__()
        if not 0 <= min_content_kept < 1:
            raise ConfigError(f"loss.min_content_kept is {min_content_kept}; it must be in [0, 1).")
        check_keys(settings)
        if scale not in get_args(Scale):
            raise ConfigError(f"loss.scale is {scale!r}; it must be 'relative' or 'paper'.")
        for key, value in settings.items():
            if key.endswith("_weight") and not 0 <= value < float("inf"):
                raise ConfigError(f"loss.{key} is {value}; it must be 0 or more.")
            if key.endswith("_layers"):
                encoder.check_layers(value)
        self.weights = {
            name: settings[f"{name}_weight"] for name in TERMS if settings.get(f"{name}_weight")
        }
        if not self.weights:
            raise ConfigError(
                f"no term of the loss has a weight. Give it one, such as loss.style_weight=100. "
                f"Terms: {', '.join(TERMS)}."
            )
        setup = Setup(encoder, [style] if isinstance(style, Tensor) else list(style), scale)
        self.encoder = encoder
        self.terms = nn.ModuleDict({name: _build(name, setup, settings) for name in self.weights})
        self.min_content_kept = min_content_kept
        watched = (AGREEMENT_LAYER,) if min_content_kept else ()
        encoder.check_layers(watched)
        self.layers = _union([*(term.layers for term in self._terms.values()), watched])
        self.content_layers = _union(
            [*(term.content_layers for term in self._terms.values()), watched]
        )
        self.register_buffer("style_share", torch.ones(()), persistent=False)
        # At 1, so that a network has some steps to learn to show the content.
        self.register_buffer("content_kept", torch.ones(()), persistent=False)

    @property
    def _terms(self) -> dict[str, LossTerm]:
        return dict(self.terms.items())  # type: ignore[arg-type]  # ModuleDict is untyped

    def check_network(self, network: nn.Module) -> None:
        """Raise ``ConfigError`` if a term cannot be computed for this network."""
        for term in self._terms.values():
            term.check_network(network)

    @property
    def draws_random(self) -> bool:
        """Whether a term draws random numbers; its steps cannot be recorded as CUDA graphs."""
        return any(term.draws_random for term in self._terms.values())

    @torch.no_grad()
    def content_targets(self, images: Tensor) -> Content:
        """Compute what the terms compare with, from content images, (B, 3, H, W) in [0, 1]."""
        features = self.encoder(images, self.content_layers) if self.content_layers else {}
        return Content(images, features)

    def forward(
        self,
        stylized: Tensor,
        content: Content | None = None,
        network: nn.Module | None = None,
    ) -> dict[str, Tensor]:
        """Compute the weighted terms; the caller sums them.

        Args:
            stylized: (B, 3, H, W) in [0, 1].
            content: result of :meth:`content_targets` for the content images; None for textures.
            network: the network that made ``stylized``, for terms that read its ``stride``, px, or
                run it a second time; None without one.

        Returns:
            ``{"content": ..., "style": ..., "tv": ...}``, float32 scalars, weights applied, in the
            order of ``TERMS``; without terms of weight 0.

        Raises:
            ValueError: If ``content`` or ``network`` is None and a term needs it.
        """
        features = self.encoder(stylized, self.layers) if self.layers else {}
        context = LossContext(stylized, features, content, network)
        if self.min_content_kept and self.training and torch.is_grad_enabled() and content:
            self._balance(features[AGREEMENT_LAYER], content.features[AGREEMENT_LAYER])
        return {name: self._weight(name) * term(context) for name, term in self._terms.items()}

    def unweighted(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Divide the terms that :meth:`forward` returned by their weights."""
        return {name: value / self._weight(name) for name, value in terms.items()}

    def balanced(self) -> dict[str, list[float]]:
        """Terms that lost weight so that photos stay readable: the weight asked for, and found."""
        share = float(self.style_share)
        if share > NEARLY_ALL:
            return {}
        return {
            name: [asked, asked * share]
            for name, asked in self.weights.items()
            if name in STYLE_TERMS
        }

    def _weight(self, name: str) -> float | Tensor:
        weight = self.weights[name]
        return weight * self.style_share if name in STYLE_TERMS else weight

    @torch.no_grad()
    def _balance(self, features: Tensor, content: Tensor) -> None:
        """Change the share of the style a little, in place, so that a step can be recorded."""
        kept = content_agreement(features, content).mean()
        self.content_kept.lerp_(kept.to(self.content_kept), MOMENTUM)
        lost = self.content_kept < self.min_content_kept
        self.style_share.mul_(torch.where(lost, 1 / RATE, RATE)).clamp_(MIN_SHARE, 1.0)


def check_keys(settings: Iterable[str]) -> None:
    """Raise ``ConfigError`` for the first setting of a loss that belongs to no term."""
    known = ["scale", "min_content_kept"]
    for name, term in TERMS.items():
        known += [f"{name}_{option}" for option in ("weight", *term.options())]
    for key in settings:
        if key not in known:
            raise ConfigError(
                f"no key 'loss.{key}'{suggest(key, known)}. Keys: {', '.join(known)}."
            )


def create_loss(config: Mapping[str, Any], style_files: Sequence[Path]) -> PerceptualLoss:
    """Build the loss of a training, or of the training that made a filter.

    Args:
        config: a resolved training configuration, also from a filter's metadata: the groups
            ``style`` (only its ``size``), ``encoder`` and ``loss`` are read.
        style_files: the style image; or several of one hand, whose statistics are averaged.

    Raises:
        ImageError: If a style image cannot be read.
        ConfigError: If it is a filter, has only one color, or is a narrow strip.
        FastNSTError: As :func:`create_encoder` and :class:`PerceptualLoss` do.
    """
    styles = [read_style(file, config["style"]["size"])[None] for file in style_files]
    encoder = create_encoder(config["encoder"]["name"], config["encoder"]["weights"])
    return PerceptualLoss(encoder, styles, **config["loss"])


def _build(name: str, setup: Setup, settings: Mapping[str, Any]) -> LossTerm:
    """Build the term with this name, with its options from the settings."""
    term = TERMS[name]
    given = {
        option: settings[f"{name}_{option}"]
        for option in term.options()
        if f"{name}_{option}" in settings
    }
    if not given.get("layers", "by default"):
        raise ConfigError(f"loss.{name}_layers is empty. Name a layer or set loss.{name}_weight=0.")
    return term.build(setup, **given)


def _union(layers: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(layer for each in layers for layer in each))
