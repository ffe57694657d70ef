"""The bundled style predictors: one file each, in half precision."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from fast_nst import atomic
from fast_nst.errors import ConfigError, WeightsError, suggest
from fast_nst.networks import create_network
from fast_nst.networks.layers import ScaledNetwork
from fast_nst.paths import asset_path
from fast_nst.prediction.predictor import StylePredictor

KEY = "fast_nst_predictor"


def predictor_names() -> list[str]:
    """The networks that a predictor is bundled for; the default one first."""
    names = sorted(file.stem for file in asset_path("predictors").glob("*.safetensors"))
    return sorted(names, key=lambda name: name != "quarter")


def predictor_file(network: str) -> Path:
    """The bundled predictor's file.

    Raises:
        ConfigError: If there is none for this network.
    """
    if network not in predictor_names():
        raise ConfigError(
            f"no predictor for network {network!r}{suggest(network, predictor_names())}; there are "
            f"some for {', '.join(predictor_names())}. Train a filter instead: "
            f"fast-nst train network={network}."
        )
    return asset_path(f"predictors/{network}.safetensors")


@cache
def predictor_digest(network: str) -> str:
    """Short text that tells predictors of different versions of fast_nst apart."""
    return hashlib.sha256(predictor_file(network).read_bytes()).hexdigest()[:12]


@cache
def load_predictor(network: str) -> StylePredictor:
    """The bundled predictor for a network, on the CPU, frozen.

    Raises:
        ConfigError: If there is none for this network.
        WeightsError: If its file is damaged.
    """
    file = predictor_file(network)
    try:
        with safe_open(file, framework="pt") as opened:
            about = json.loads(opened.metadata()[KEY])
            state = {name: opened.get_tensor(name).float() for name in opened.keys()}  # noqa: SIM118
        built = create_network(about["network"], **about["network_arguments"])
        assert isinstance(built, ScaledNetwork)
        predictor = StylePredictor(built, **about["predictor_arguments"])
        predictor.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"{file} is not a style predictor of this version ({error}). Install fast-nst again."
        ) from error
    predictor.about.update(about)
    return predictor.eval().requires_grad_(False)


def save_predictor(file: Path, predictor: StylePredictor, about: dict[str, Any]) -> Path:
    """Write a predictor in half precision.

    Args:
        file: where to.
        predictor: trained.
        about: ``network``, ``network_arguments``, ``predictor_arguments``, and what else should be
            known of its training.
    """
    state = {
        name: value.detach().half().contiguous() for name, value in predictor.state_dict().items()
    }
    atomic.write_bytes(file, save(state, metadata={KEY: json.dumps(about)}), durable=True)
    return file
