"""Image transformation networks: ``create_network("johnson", width=32, blocks=5)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fast_nst.errors import ConfigError, suggest
from fast_nst.filter_metadata import STYLED
from fast_nst.networks.johnson import JohnsonNetwork
from fast_nst.networks.layers import ScaledNetwork, TransformationNetwork
from fast_nst.networks.mobile import MobileNetwork
from fast_nst.networks.photo import PhotoNetwork
from fast_nst.networks.pytorch_examples import PyTorchExamplesNetwork
from fast_nst.networks.quarter import QuarterNetwork
from fast_nst.networks.styled import StyledNetwork

__all__ = [
    "NETWORKS",
    "JohnsonNetwork",
    "MobileNetwork",
    "PhotoNetwork",
    "PyTorchExamplesNetwork",
    "QuarterNetwork",
    "StyledNetwork",
    "TransformationNetwork",
    "create_network",
]
NETWORKS: dict[str, Callable[..., TransformationNetwork]] = {
    "johnson": JohnsonNetwork,
    "mobile": MobileNetwork,
    "photo": PhotoNetwork,
    "pytorch_examples": PyTorchExamplesNetwork,
    "quarter": QuarterNetwork,
}


def create_network(name: str, **arguments: Any) -> TransformationNetwork:
    """Build a network by name, with random weights.

    Args:
        name: a key of ``NETWORKS``, or ``STYLED``, which is made around one of them.
        **arguments: of its class, such as ``width`` and ``blocks``; of ``STYLED``, the name
            ``base``, its ``base_arguments``, and those of :class:`StyledNetwork`.

    Raises:
        ConfigError: If no network has this name, or it has no such argument.
    """
    make: Callable[..., TransformationNetwork]
    if name == STYLED:
        make = _create_styled
    elif name in NETWORKS:
        make = NETWORKS[name]
    else:
        raise ConfigError(
            f"no network {name!r}{suggest(name, NETWORKS)}. Networks: {', '.join(NETWORKS)}."
        )
    try:
        return make(**arguments)
    except TypeError as error:
        raise ConfigError(f"network {name!r}: {error}.") from error


def _create_styled(base: str, base_arguments: Mapping[str, Any], **arguments: Any) -> StyledNetwork:
    made = create_network(base, **base_arguments)
    if not isinstance(made, ScaledNetwork):
        raise ConfigError(f"network {STYLED!r} cannot be made around {base!r}.")
    return StyledNetwork(made, **arguments)
