"""Every engine as a network: a module from pictures to pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from fast_nst.filter_metadata import FilterMetadata
from fast_nst.filters.checkpoint import load_filter
from fast_nst.hardware import find_device
from fast_nst.runtimes.compiled import CompiledNetwork
from fast_nst.runtimes.onnx_network import GraphNetwork
from fast_nst.runtimes.select import COMPILED, check_range, choose_engine, load_session


def load_network(
    path: str | os.PathLike[str],
    device: str | torch.device = "cpu",
    engine: str = "auto",
    values: str | None = None,
    on_compile: Callable[[int, int], None] | None = None,
) -> tuple[nn.Module, FilterMetadata | None, str | torch.device]:
    """Load a filter file or an ONNX model into an engine.

    What is taken is what ``Stylizer.load`` takes.

    Returns:
        The network, what the file says of itself, and the device that pictures are to be put on.

    Raises:
        CheckpointError: If the file cannot be loaded.
        ConfigError: If ``device`` or ``engine`` is unknown or absent, or ``values`` missing.
        ExportError: If the filter cannot be converted for ONNX Runtime.
    """
    path = Path(path)
    chosen = choose_engine(path, device, engine)
    if chosen == "onnxruntime":
        session = load_session(path, str(device), values)
        return GraphNetwork(session), session.metadata, "cpu"
    check_range(path, values)
    trained = load_filter(path)
    if chosen == COMPILED:
        device = find_device(device)
        network = trained.network.to(device)
        return CompiledNetwork(network, on_compile=on_compile), trained.metadata, device
    return trained.network, trained.metadata, device
