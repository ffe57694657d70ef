"""What a loss term is, what it is built from, and what it may look at."""

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
    """What terms are built from.

    Attributes:
        encoder: frozen.
        styles: (S, 3, H, W) each, RGB in [0, 1]: pictures of one style.
        scale: ``"relative"``: errors are over the target's own size, and layers are averaged.
            ``"paper"``: errors are as Johnson et al. 2016 define them, and layers are summed.
    """

    encoder: Encoder
    styles: Sequence[Tensor]
    scale: Scale = "relative"


@dataclass(frozen=True, eq=False)
class Content:
    """The content of a batch, and what of it stylized pictures are compared with.

    Attributes:
        images: (B, 3, H, W) in [0, 1].
        features: by layer, (B, C, h, w), without gradient.
    """

    images: Tensor
    features: Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class LossContext:
    """What a term may look at, made once for each step.

    Attributes:
        stylized: (B, 3, H, W) in [0, 1].
        features: of ``stylized``, by layer, (B, C, h, w).
        content: what was stylized; None where there is none, as for textures.
        network: what stylized it; None where there is none, as when pixels are optimized.
    """

    stylized: Tensor
    features: Mapping[str, Tensor]
    content: Content | None = None
    network: nn.Module | None = None


class LossTerm(nn.Module):
    """One term of a loss, with the targets and the state that are its own.

    ``forward`` gives a scalar, float32 or wider, 0 at best. The weight is not the term's business.
    What changes from step to step is a buffer that changes in place, and no value is read from the
    device, so that a step can be recorded as a CUDA graph.

    Attributes:
        layers: of the encoder, whose features of the stylized pictures it reads.
        content_layers: likewise, of the content.
        draws_random: whether it draws random numbers; such steps are not recorded.
        network_only: whether it is about faults that only networks have, so that an optimization of
            pixels, or a comparison with one, leaves it out.
    """

    layers: tuple[str, ...] = ()
    content_layers: tuple[str, ...] = ()
    draws_random: ClassVar[bool] = False
    network_only: ClassVar[bool] = False

    @classmethod
    def build(cls, setup: Setup) -> Self:
        """The term of a style, its targets computed; a subclass's keywords are its options."""
        return cls()

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """Names of the options that :meth:`build` takes."""
        return tuple(inspect.signature(cls.build).parameters)[1:]

    def forward(self, context: LossContext) -> Tensor:
        """The term's value, unweighted; scalar."""
        raise NotImplementedError


def required(value: T | None, name: str) -> T:
    """A part of a :class:`LossContext` that a term cannot do without.

    Raises:
        ValueError: If it was not given.
    """
    if value is None:
        raise ValueError(f"a term of this loss needs the {name}: call it with {name}=...")
    return value
