"""The interface of loss terms: what they are built from, and what they compute from."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, TypeVar

from torch import Tensor, nn

from fast_nst.encoders import Encoder
from fast_nst.losses.functional import Scale

T = TypeVar("T")


@dataclass(frozen=True)
class Setup:
    """What loss terms are built from.

    Attributes:
        encoder: frozen.
        styles: batches of images of one style, (S, 3, H, W) each, RGB in [0, 1].
        scale: ``"relative"``: errors are divided by the target's mean square, and layers are
            averaged. ``"paper"``: errors are those of Johnson et al. 2016, and layers are summed.
    """

    encoder: Encoder
    styles: Sequence[Tensor]
    scale: Scale = "relative"


@dataclass(frozen=True, eq=False)
class Content:
    """A batch of content images, and the features that stylized images are compared with.

    Attributes:
        images: (B, 3, H, W) in [0, 1].
        features: by layer, (B, C, h, w), without gradient.
    """

    images: Tensor
    features: Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class LossContext:
    """The inputs of all loss terms, computed once for each step.

    Attributes:
        stylized: (B, 3, H, W) in [0, 1].
        features: of ``stylized``, by layer, (B, C, h, w).
        content: what was stylized; None without content, as for textures.
        network: which network stylized it; None without one, as when pixels are optimized.
    """

    stylized: Tensor
    features: Mapping[str, Tensor]
    content: Content | None = None
    network: nn.Module | None = None


class LossTerm(nn.Module):
    """One term of a loss, with its targets and its state.

    ``forward`` returns an unweighted scalar, float32 or wider, which is 0 at best. State that
    changes from step to step must be a buffer changed in place, and no value may be read from the
    device: otherwise a step cannot be recorded as a CUDA graph.

    Attributes:
        layers: encoder layers whose features of the stylized images it reads.
        content_layers: encoder layers whose features of the content it reads.
        draws_random: whether it draws random numbers; such steps are not recorded.
        network_only: whether it measures faults that only networks have. Optimizing pixels, and
            comparing a network with optimized pixels, leave such terms out.
    """

    layers: tuple[str, ...] = ()
    content_layers: tuple[str, ...] = ()
    draws_random: ClassVar[bool] = False
    network_only: ClassVar[bool] = False

    @classmethod
    def build(cls, setup: Setup) -> Self:
        """Build the term and compute its targets; keywords of a subclass are its options."""
        return cls()

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """Names of the options that :meth:`build` takes."""
        return tuple(inspect.signature(cls.build).parameters)[1:]

    def check_network(self, network: nn.Module) -> None:
        """Raise ``ConfigError`` if the term cannot be computed for this network."""

    def forward(self, context: LossContext) -> Tensor:
        """Compute the term's unweighted value, a scalar."""
        raise NotImplementedError


def required(value: T | None, name: str) -> T:
    """Return a part of a :class:`LossContext` that a term needs.

    Raises:
        ValueError: If the part is None.
    """
    if value is None:
        raise ValueError(f"{name} is None; a term of this loss needs the {name}. Give {name}=...")
    return value
