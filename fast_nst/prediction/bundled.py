"""The bundled filters of all bundled styles: one file for each network, trained together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from fast_nst.filter_metadata import Binding
from fast_nst.filters.checkpoint import Filter, UnboundFilter, load_unbound
from fast_nst.networks import create_network
from fast_nst.paths import asset_path


def trained_file(network: str) -> Path:
    """Where the trained filter of all bundled styles lies, if there is one for this network."""
    return asset_path(f"trained/{network}.safetensors")


def has_trained(names: Sequence[str], network: str) -> bool:
    """Whether there is a trained filter of each of these bundled styles."""
    if not trained_file(network).is_file():
        return False
    known = {style.name for style in _load(network).metadata.styles}
    return bool(names) and known.issuperset(names)


def trained_styles(names: Sequence[str], network: str) -> UnboundFilter:
    """The trained filter of some of the bundled styles, with its knobs.

    Args:
        names: of them; each once.
        network: one that there is a trained filter for.

    Raises:
        ConfigError: If there is no such style.
    """
    whole = _load(network)
    numbers = [whole.metadata.number(name) for name in names]
    arguments = {**whole.metadata.network_arguments, "styles": len(numbers)}
    own = {name: whole.metadata.config["styles"][name] for name in names}
    metadata = replace(
        whole.metadata,
        styles=tuple(whole.metadata.styles[number] for number in numbers),
        network_arguments=arguments,
        config={**whole.metadata.config, "styles": own},
    )
    made = create_network(metadata.network, **arguments)
    state = whole.network.state_dict()
    made.load_state_dict({**state, "codes": state["codes"][torch.tensor(numbers)]})
    return UnboundFilter(made.eval().requires_grad_(False), metadata)


def trained_style(name: str, network: str, stroke_size: float) -> Filter:
    """The trained filter of one bundled style, as a plain network.

    Args:
        name: of the style.
        network: as for :func:`trained_styles`.
        stroke_size: 0.5 to 3.

    Raises:
        ConfigError: If there is no such style, or the stroke size is out of range.
    """
    bound = _load(network).bind(Binding(name, {"stroke_size": stroke_size}))
    about: dict[str, Any] = dict(bound.metadata.config)
    own = dict(about.pop("style"))
    found = own.pop("predicted")
    own["size"] = round(own["size"] * stroke_size)  # px, of the image that has such strokes
    about |= {"style": own, "predicted": {**found, "stroke_size": stroke_size}}
    return Filter(bound.network, replace(bound.metadata, config=about, bound={}))


@cache
def _load(network: str) -> UnboundFilter:
    return load_unbound(trained_file(network))
