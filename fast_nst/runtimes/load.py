"""Open a file in any engine, as a network: a module from images to images."""

from __future__ import annotations

import torch
from torch import nn

from fast_nst.filter_metadata import FilterMetadata
from fast_nst.runtimes.onnx_network import GraphNetwork
from fast_nst.runtimes.select import ENGINES, Opening, choose_engine, engine_module, open_session

Opened = tuple[nn.Module, FilterMetadata | None, str | torch.device]


def load_network(opening: Opening, engine: str | None = None) -> Opened:
    """Load a filter file or an ONNX model into an engine, with its style and knobs bound.

    Args:
        opening: the file, and how to open it.
        engine: as ``choose_engine`` takes it.

    Returns:
        The network, the file's metadata if it has any, and the device that images must be on.

    Raises:
        CheckpointError: If the file cannot be loaded.
        ConfigError: If the device, engine, style or a knob is unknown, or a range is missing.
        ExportError: If the filter cannot be converted for the engine.
    """
    chosen = choose_engine(opening.path, opening.device, engine, binding=opening.binding)
    if ENGINES[chosen].on_arrays:
        session = open_session(chosen, opening)
        return GraphNetwork(session), session.metadata, "cpu"
    opened: Opened = engine_module(chosen).open_network(opening)
    return opened
