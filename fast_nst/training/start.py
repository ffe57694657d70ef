"""The weights that a training starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from fast_nst.checkpoint import load_filter
from fast_nst.errors import ConfigError
from fast_nst.networks import create_network
from fast_nst.paths import asset_path

BUNDLED = "bundled"


def create_started_network(name: str, arguments: dict[str, Any], start: str | None) -> nn.Module:
    """Build a network to be trained.

    Args:
        name: a key of ``networks.NETWORKS``.
        arguments: what it is built with.
        start: None for random weights; ``"bundled"`` for those that the package carries for this
            network, trained on several styles at once; or a filter file, whose training goes on
            with another style or other losses.

    Raises:
        ConfigError: If the package carries none for this network, or the file is another network's.
        CheckpointError: If the file cannot be loaded.
    """
    if start is None:
        return create_network(name, **arguments)
    file = bundled_start(name, arguments) if start == BUNDLED else Path(start).expanduser()
    if start == BUNDLED and not file.is_file():
        raise ConfigError(
            f"network.start=bundled: there is none for {_say(name, arguments)}, only for "
            f"{', '.join(sorted(each.stem for each in file.parent.glob('*.safetensors')))}. "
            "Set network.start=null for random weights."
        )
    trained = load_filter(file)
    found = trained.metadata
    if (found.network, found.network_arguments) != (name, arguments):
        raise ConfigError(
            f"network.start={start} is {_say(found.network, found.network_arguments)}, this "
            f"training's network {_say(name, arguments)}. Make them the same, or set "
            "network.start=null."
        )
    return trained.network.train().requires_grad_(True)


def bundled_start(name: str, arguments: dict[str, Any]) -> Path:
    """Where the package would carry the start of a network: ``quarter_24_5.safetensors``."""
    stem = "_".join(map(str, (name, *arguments.values())))
    return asset_path(f"starts/{stem}.safetensors")


def _say(name: str, arguments: dict[str, Any]) -> str:
    return " ".join([name, *(f"{key}={value}" for key, value in arguments.items())])
