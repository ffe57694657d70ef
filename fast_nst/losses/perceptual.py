"""The perceptual loss: the terms that have a weight, named, weighted and computed together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

from fast_nst.encoders import Encoder, create_encoder
from fast_nst.errors import ConfigError, suggest
from fast_nst.image.color import is_flat
from fast_nst.image.io import read_image
from fast_nst.image.resize import MAX_ASPECT, is_strip, resize_short_side
from fast_nst.losses.base import Content, LossContext, LossTerm, Setup
from fast_nst.losses.functional import Scale
from fast_nst.losses.terms import TERMS


class PerceptualLoss(nn.Module):
    """The weighted sum's terms, by the names of :data:`fast_nst.losses.terms.TERMS`.

    Args:
        encoder: frozen; computes the features.
        style: (S, 3, H, W), RGB in [0, 1]: the style picture, or several crops or sizes of it.
            Targets are computed once, here.
        scale: ``"relative"`` divides each layer's error by the target's own size, so that one set
            of weights works across encoders, sizes and styles; layers are averaged. ``"paper"``
            keeps the definitions of Johnson et al. 2016; layers are summed.
        settings: ``<term>_weight``, dimensionless, 0 unless given; and the terms' own options, such
            as ``content_layers`` and ``style_layers``. The keys are those of ``conf/loss/``.

    Attributes:
        terms: those that have a weight, by name.
        weights: theirs.
        layers: of the encoder, that they read of stylized pictures.
        content_layers: likewise, of the content.

    Raises:
        ConfigError: If a key is unknown, a weight is negative, no term has a weight, or one that
            has has no layers.
        LayerError: If the encoder lacks a layer.

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

    def __init__(
        self,
        encoder: Encoder,
        style: Tensor | Sequence[Tensor],
        *,
        scale: Scale = "relative",
        **settings: Any,
    ) -> None:
        super().__init__()
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
                f"no term of the loss has a weight. Give one: loss.style_weight=100. "
                f"Terms: {', '.join(TERMS)}."
            )
        setup = Setup(encoder, [style] if isinstance(style, Tensor) else list(style), scale)
        self.encoder = encoder
        self.terms = nn.ModuleDict({name: _build(name, setup, settings) for name in self.weights})
        self.layers = _union(term.layers for term in self._terms.values())
        self.content_layers = _union(term.content_layers for term in self._terms.values())

    @property
    def _terms(self) -> dict[str, LossTerm]:
        return dict(self.terms.items())  # type: ignore[arg-type]  # a ModuleDict knows no types

    @property
    def draws_random(self) -> bool:
        """Whether a term draws random numbers, so that a step cannot be recorded."""
        return any(term.draws_random for term in self._terms.values())

    @torch.no_grad()
    def content_targets(self, images: Tensor) -> Content:
        """What the terms compare with, of (B, 3, H, W) content in [0, 1]."""
        features = self.encoder(images, self.content_layers) if self.content_layers else {}
        return Content(images, features)

    def forward(
        self,
        stylized: Tensor,
        content: Content | None = None,
        network: nn.Module | None = None,
    ) -> dict[str, Tensor]:
        """The weighted terms, to be summed once.

        Args:
            stylized: (B, 3, H, W) in [0, 1].
            content: what :meth:`content_targets` gave for what was stylized; None for textures.
            network: what stylized it, for the terms that ask it for its stride or for a second
                pass; it says its ``stride``, px.

        Returns:
            ``{"content": ..., "style": ..., "tv": ...}``, float32 scalars, weights applied, in the
            order of ``TERMS``; terms of weight 0 are left out.

        Raises:
            ValueError: If a term needs the content or the network, and it is None.
        """
        features = self.encoder(stylized, self.layers) if self.layers else {}
        context = LossContext(stylized, features, content, network)
        return {name: self.weights[name] * term(context) for name, term in self._terms.items()}

    def unweighted(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Divide the weights out of what :meth:`forward` returned."""
        return {name: value / self.weights[name] for name, value in terms.items()}


def check_keys(settings: Iterable[str]) -> None:
    """Raise ``ConfigError`` for the first key of a loss's settings that no term knows."""
    known = ["scale"]
    for name, term in TERMS.items():
        known += [f"{name}_{option}" for option in ("weight", *term.options())]
    for key in settings:
        if key not in known:
            raise ConfigError(
                f"no key 'loss.{key}'{suggest(key, known)}. Keys: {', '.join(known)}."
            )


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
    if is_strip(height, width):
        raise ConfigError(
            f"{style_file} is {height}x{width} px; the long side of a style may be at most "
            f"{MAX_ASPECT} short ones. Cut it."
        )
    style = resize_short_side(style, config["style"]["size"])
    encoder = create_encoder(config["encoder"]["name"], config["encoder"]["weights"])
    return PerceptualLoss(encoder, style, **config["loss"])


def _build(name: str, setup: Setup, settings: Mapping[str, Any]) -> LossTerm:
    """The term of that name, with those of its options that are given."""
    term = TERMS[name]
    given = {
        option: settings[f"{name}_{option}"]
        for option in term.options()
        if f"{name}_{option}" in settings
    }
    if not given.get("layers", "by default"):
        raise ConfigError(f"loss.{name}_layers is empty; name a layer or set its weight 0.")
    return term.build(setup, **given)


def _union(layers: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(layer for each in layers for layer in each))
