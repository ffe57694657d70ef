"""Frozen perceptual encoders: ``create_encoder("vgg_lite")``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fast_nst.encoders.base import Encoder
from fast_nst.errors import ConfigError, suggest

__all__ = ["ENCODERS", "Encoder", "create_encoder"]


def _vgg_lite(weights: Path | None) -> Encoder:
    from fast_nst.encoders.vgg_lite import load_vgg_lite

    return load_vgg_lite(weights)


def _vgg16(weights: Path | None) -> Encoder:
    from fast_nst.encoders.torchvision_vgg import TorchvisionVGG

    return TorchvisionVGG("vgg16", weights)


def _vgg19(weights: Path | None) -> Encoder:
    from fast_nst.encoders.torchvision_vgg import TorchvisionVGG

    return TorchvisionVGG("vgg19", weights)


def _vgg19_distilled(weights: Path | None) -> Encoder:
    from fast_nst.encoders.distilled_vgg import DistilledVGG

    return DistilledVGG(weights)


ENCODERS: dict[str, Callable[[Path | None], Encoder]] = {
    "vgg_lite": _vgg_lite,
    "vgg16": _vgg16,
    "vgg19": _vgg19,
    "vgg19_distilled": _vgg19_distilled,
}


def create_encoder(name: str, weights: str | Path | None = None) -> Encoder:
    """Build an encoder by name, frozen.

    Args:
        name: a key of ``ENCODERS``.
        weights: a file to read instead of the bundled or downloaded weights.

    Raises:
        ConfigError: If no encoder has this name.
        WeightsError: If its weights cannot be downloaded or read.
    """
    if name not in ENCODERS:
        raise ConfigError(
            f"no encoder {name!r}{suggest(name, ENCODERS)}. Encoders: {', '.join(ENCODERS)}."
        )
    return ENCODERS[name](Path(weights) if weights else None).freeze()
