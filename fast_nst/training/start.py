"""Initial weights of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from torch import Tensor

from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import STYLED
from fast_nst.filters.checkpoint import load_unbound
from fast_nst.networks import NETWORKS, TransformationNetwork, create_network
from fast_nst.networks.layers import ScaledNetwork
from fast_nst.networks.quarter import QuarterNetwork
from fast_nst.paths import asset_path
from fast_nst.prediction.bundled import has_trained, trained_style
from fast_nst.prediction.load import load_predictor, predictor_names
from fast_nst.prediction.make import predict_network

BUNDLED, PREDICTED, TRAINED = "bundled", "predicted", "trained"
# Arguments that not every network has: where they say nothing, and what they are of.
_OPTIONAL: dict[str, tuple[Any, str]] = {
    "adaptive": (False, "adaptive norms"),
    "stroke_scale": (1.0, "blocks that work at other scales"),
}


def network_settings(group: Mapping[str, Any]) -> tuple[str, dict[str, Any], str | None]:
    """Split the configuration group ``network`` into name, arguments and initial weights.

    ``adaptive`` and ``stroke_scale`` are arguments only where they are set, as not every network
    knows them.

    Raises:
        ConfigError: If one is set and the network does not know it.
    """
    arguments = dict(group)
    name, start = arguments.pop("name"), arguments.pop("start")
    for key, (usual, meaning) in _OPTIONAL.items():
        if arguments.get(key, usual) == usual:
            arguments.pop(key, None)
        elif name in NETWORKS and name not in (able := _networks_with(key)):
            raise ConfigError(
                f"network.{key}={str(arguments[key]).lower()}: network={name} has no {meaning}. "
                f"Set it to {str(usual).lower()}, or use network={' or '.join(able)}."
            )
    return name, arguments, start


def _networks_with(argument: str) -> list[str]:
    return [key for key, make in NETWORKS.items() if argument in signature(make).parameters]


def create_started_network(
    name: str,
    arguments: dict[str, Any],
    start: str | None,
    styles: Sequence[Tensor] = (),
    bundled: str | None = None,
) -> TransformationNetwork:
    """Build a network to be trained.

    Args:
        name: a key of ``networks.NETWORKS``.
        arguments: what it is built with.
        start: None for random weights; ``"predicted"`` for those that the bundled predictor gives
            for the style; ``"trained"`` for the bundled filter of a bundled style; ``"bundled"``
            for those that the package carries for this network,
            trained on several styles at once; or a filter file, whose training goes on with
            another style or other losses (of a file of several styles, the first). A start of
            ``network=quarter`` with fewer channels or blocks, or without adaptive norms, is grown:
            what is new changes nothing at first.
        styles: (3, H, W) each, RGB in [0, 1]: the style image, or several, for ``"predicted"``.
        bundled: name of the bundled style, if it is one, for ``"trained"``.

    Raises:
        ConfigError: If the package carries none for this network, or the file is another network's.
        CheckpointError: If the file cannot be loaded.
    """
    if start is None:
        return create_network(name, **arguments)
    # Weights fit at any scale.
    scale = arguments.get("stroke_scale", 1.0)
    arguments = {key: value for key, value in arguments.items() if key != "stroke_scale"}
    network, found_name, found = _initial(name, arguments, start, styles, bundled)
    found = {key: value for key, value in found.items() if key != "stroke_scale"}
    if not _fits(found_name, found, name, arguments):
        raise ConfigError(
            f"network.start={start} is {_say(found_name, found)}, this training's network "
            f"{_say(name, arguments)}. Make them the same, or set network.start=null."
        )
    if found != arguments:
        assert isinstance(network, QuarterNetwork)
        grown = QuarterNetwork(**arguments)
        grown.grow_from(network)
        network = grown
    if isinstance(network, ScaledNetwork):
        network.set_stroke_scale(scale)
    return network.train().requires_grad_(True)


def _initial(
    name: str,
    arguments: dict[str, Any],
    start: str,
    styles: Sequence[Tensor],
    bundled: str | None,
) -> tuple[TransformationNetwork, str, dict[str, Any]]:
    """What ``start`` names: a network, the network's name, and what it is built with."""
    if start == PREDICTED:
        if name not in predictor_names():
            raise ConfigError(
                f"network.start=predicted: there is no predictor for network={name}, only for "
                f"{', '.join(predictor_names())}. Set network.start=null for random weights."
            )
        about = load_predictor(name).about
        return predict_network(styles, name), name, about["network_arguments"]
    if start == TRAINED:
        if bundled is None or not has_trained([bundled], name):
            raise ConfigError(
                f"network.start=trained: there is no bundled filter of this style for "
                f"network={name}. Set network.start=predicted, or bundled."
            )
        made = trained_style(bundled, name, 1.0)
        assert isinstance(made.network, TransformationNetwork)
        return made.network, made.metadata.network, made.metadata.network_arguments
    file = Path(start).expanduser()
    if start == BUNDLED:
        files = [file for file in bundled_starts() if _fits(*_parse(file), name, arguments)]
        if not files:
            carried = ", ".join(_say(*_parse(file)) for file in bundled_starts())
            raise ConfigError(
                f"network.start=bundled: there is none for {_say(name, arguments)}, only for "
                f"{carried}, and for larger ones of quarter. Set network.start=null for random "
                "weights."
            )
        file = files[-1]
    trained = load_unbound(file)
    if trained.metadata.network == STYLED:  # its first style, as a plain network
        bound = trained.bind()
        assert isinstance(bound.network, TransformationNetwork)
        return bound.network, bound.metadata.network, bound.metadata.network_arguments
    return trained.network, trained.metadata.network, trained.metadata.network_arguments


def bundled_starts() -> list[Path]:
    """Bundled initial weights, such as ``quarter_24_5.safetensors``; smaller networks first."""
    files = asset_path("starts").glob("*.safetensors")
    return sorted(files, key=lambda file: (file.stem.split("_")[0], *_parse(file)[1].values()))


def _parse(file: Path) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a bundled file's network, from the file's name."""
    name, width, blocks = file.stem.split("_")
    return name, {"width": int(width), "blocks": int(blocks)}


def _fits(found: str, given: dict[str, Any], name: str, arguments: dict[str, Any]) -> bool:
    """Whether initial weights fit: of the same network, or of one that can grow to it."""
    if found != name:
        return False
    grows = found == "quarter" and all(given[key] <= arguments.get(key, False) for key in given)
    return given == arguments or grows


def _say(name: str, arguments: dict[str, Any]) -> str:
    return " ".join([name, *(f"{key}={value}" for key, value in arguments.items())])
