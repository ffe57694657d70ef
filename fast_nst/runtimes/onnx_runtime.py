"""The engine ``onnxruntime``: ONNX models, and graphs made from filters; no torch in here."""

from __future__ import annotations

import importlib.util

from fast_nst.errors import ConfigError
from fast_nst.onnx.session import NEEDED, OnnxSession, cuda_at_hand
from fast_nst.runtimes.graph_cache import cached_graph
from fast_nst.runtimes.select import Opening, check_range


def open_session(opening: Opening) -> OnnxSession:
    """Load an ONNX model, or a filter's graph; a graph that is not in the cache is made now.

    Args:
        opening: a filter file, or an ONNX model from images to images; its device is ``cpu``,
            ``cuda``, or ``auto`` for CUDA where ONNX Runtime has it, else the CPU.

    Raises:
        CheckpointError: If the file cannot be loaded.
        ConfigError: If ONNX Runtime is not installed or cannot use the device; if a range is
            missing, or given for a file that has its own; if there is no such style or knob.
        ExportError: If the filter cannot be converted.
    """
    path, device = opening.path, str(opening.device)
    if device == "auto":
        device = "cuda" if cuda_at_hand() else "cpu"
    device = "cuda" if device.startswith("cuda") else device
    check_range(path, opening.value_range)
    if path.suffix.lower() != ".onnx":
        if importlib.util.find_spec("onnxruntime") is None:
            raise ConfigError(f"{NEEDED}.")
        graph = cached_graph(path, opening.binding)
        return OnnxSession(graph, device=device, threads=opening.threads)
    session = OnnxSession(path, opening.value_range, device, opening.threads)
    session.bind(opening.binding)
    return session
