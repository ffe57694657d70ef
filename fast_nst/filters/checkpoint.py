"""The filter file: a trained network and its metadata, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from fast_nst import atomic
from fast_nst.errors import CheckpointError, ConfigError, FastNSTError
from fast_nst.filter_metadata import (
    DEFAULTS,
    KEY,
    Binding,
    FilterMetadata,
    Style,
    parse_metadata,
)
from fast_nst.filters.metadata import read_metadata
from fast_nst.networks import TransformationNetwork, create_network

__all__ = [
    "KEY",
    "Filter",
    "FilterMetadata",
    "Style",
    "load_filter",
    "load_unbound",
    "load_weights",
    "read_metadata",
    "save_filter",
]


@dataclass(frozen=True)
class Filter:
    """A loaded filter: ``network`` on the CPU in evaluation mode, and its ``metadata``.

    The network takes only images; the metadata name the style that it is bound to.
    """

    network: nn.Module
    metadata: FilterMetadata


@dataclass(frozen=True)
class UnboundFilter:
    """A filter with all its styles and knobs, as it was trained."""

    network: TransformationNetwork
    metadata: FilterMetadata

    def bind(self, binding: Binding = DEFAULTS) -> Filter:
        """The filter with one style and with values for its knobs.

        Raises:
            ConfigError: If there is no such style or knob, or a value is out of range.
        """
        if (style_map := binding.style_map) is not None:
            numbers, values = self.metadata.choose_map(binding)
            mapped = self.network.bind_map(numbers, style_map, **values).eval()
            return Filter(mapped, self.metadata.with_bound(style_map, values))
        chosen, values = self.metadata.choose(binding)
        network = self.network.bind(chosen, **values).eval()
        return Filter(network, self.metadata.with_bound(chosen, values))


def save_filter(
    path: str | Path,
    network: nn.Module,
    metadata: FilterMetadata,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Write a filter file; if that fails, nothing half-written is left.

    Args:
        path: the file to write; its folder is made if needed.
        network: built by ``create_network(metadata.network, **metadata.network_arguments)``.
        metadata: written to the file.
        dtype: of the weights in the file; half precision makes it half as large.

    Returns:
        ``path``.

    Raises:
        CheckpointError: If the folder cannot be written.
    """
    path = Path(path)
    state = {
        name: value.detach().to("cpu", dtype).contiguous()
        for name, value in network.state_dict().items()
    }
    try:
        # Not save_file(), whose files only their owner can read.
        content = save(state, metadata={KEY: json.dumps(asdict(metadata))})
        atomic.write_bytes(path, content, durable=True)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} cannot be written ({error}). Choose a folder that you may write to."
        ) from error
    return path


def load_filter(path: str | Path, binding: Binding = DEFAULTS) -> Filter:
    """Load a filter on the CPU, whatever device it was trained on.

    Args:
        path: a filter file, or Lightning's ``.ckpt`` of a training run.
        binding: which of its styles, and the values of its knobs.

    Raises:
        CheckpointError: If the file is missing or damaged, has a newer format, or its tensors are
            not those of the network that it names.
        ConfigError: If it has no such style or knob, or a value is out of range.
    """
    unbound = load_unbound(path)
    try:
        return unbound.bind(binding)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def load_unbound(path: str | Path) -> UnboundFilter:
    """Load a filter with all its styles and knobs, for example to continue its training.

    Raises:
        CheckpointError: As :func:`load_filter` does.
    """
    path = Path(path)
    if path.suffix.lower() == ".onnx":
        raise CheckpointError(
            f"{path} is an ONNX model, which PyTorch cannot load as a network. "
            "Give the filter file that it was made from, if there is one."
        )
    if path.suffix == ".ckpt":
        metadata, state = read_lightning(path)
    else:
        metadata = read_metadata(path)
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return UnboundFilter(load_weights(metadata, state, path), metadata)


def load_weights(
    metadata: FilterMetadata, state: Mapping[str, torch.Tensor], path: Path
) -> TransformationNetwork:
    """Build the network that ``metadata`` names and load ``state``, which came from ``path``.

    Raises:
        CheckpointError: If the network is unknown, or has other tensors, styles or knobs.
    """
    try:
        network = create_network(metadata.network, **metadata.network_arguments)
    except FastNSTError as error:
        raise CheckpointError(f"{path}: {error}") from error
    _check_tensors(network.state_dict(), state, path)
    if len(metadata.styles) != network.styles or metadata.knobs.keys() != network.knobs.keys():
        raise CheckpointError(
            f"{path} names {len(metadata.styles)} styles and the knobs {list(metadata.knobs)}; "
            f"its network has {network.styles} and {list(network.knobs)}. It may be damaged, or "
            "the file of another network."
        )
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def _check_tensors(
    expected: Mapping[str, torch.Tensor], got: Mapping[str, torch.Tensor], path: Path
) -> None:
    for name, tensor in expected.items():
        if name not in got:
            raise CheckpointError(f"{path} lacks the tensor {name}: it is damaged or incomplete.")
        if got[name].shape != tensor.shape:
            raise CheckpointError(
                f"{path}: {name} has shape {tuple(got[name].shape)}, "
                f"the network expects {tuple(tensor.shape)}."
            )
        if not got[name].isfinite().all():
            raise CheckpointError(f"{path}: {name} holds values that are not finite.")
    if extra := [name for name in got if name not in expected]:
        raise CheckpointError(f"{path} holds an unknown tensor {extra[0]}: another network's file?")


def read_lightning(path: Path) -> tuple[FilterMetadata, dict[str, torch.Tensor]]:
    """Metadata and network weights of a Lightning checkpoint, loaded without running code.

    Raises:
        CheckpointError: If it is missing, damaged, or of another program.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file. Train one: python -m fast_nst.train.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        document = json.loads(checkpoint[KEY])
        state = checkpoint["state_dict"]
    except Exception as error:  # for damaged files, torch.load raises errors of many types
        # Their messages are not shown: some advise to load the file with its code.
        raise CheckpointError(
            f"{path} is not a checkpoint of a fast_nst training, or is damaged. Give a last.ckpt "
            "that one wrote, or a .safetensors file."
        ) from error
    prefix = "network."
    weights = {k.removeprefix(prefix): v.float() for k, v in state.items() if k.startswith(prefix)}
    return parse_metadata(document, path), weights
