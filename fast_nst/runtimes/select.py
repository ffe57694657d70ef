"""What computes: PyTorch, as it is or compiled, or ONNX Runtime on a graph made from the filter.

No torch in here, so that a filter whose graph is there already starts without it.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fast_nst.errors import ConfigError, suggest
from fast_nst.onnx.session import NEEDED, OnnxSession, cuda_at_hand
from fast_nst.runtimes.graph_cache import cached_graph, graph_path

if TYPE_CHECKING:
    import torch

COMPILED = "torch-compiled"
ENGINES: dict[str, str] = {
    "torch": "PyTorch, on CPUs and GPUs",
    COMPILED: "PyTorch, compiled once for each size of picture: for videos and cameras",
    "onnxruntime": "ONNX Runtime, on CPUs and, where it is built for it, CUDA",
}


def choose_engine(
    path: Path,
    device: str | torch.device = "auto",
    engine: str = "auto",
    *,
    moving: bool = False,
) -> str:
    """The key of ``ENGINES`` that stands for ``engine``, without loading anything.

    ``auto`` is ONNX Runtime for an ONNX model, and on CPUs for a filter whose graph is in the cache
    already, as it is after the first run with ``engine="onnxruntime"``; else PyTorch. It is never
    the compiled one, which takes longer to compile than most pictures take to compute.

    Args:
        path: the filter file.
        device: where it is to compute.
        engine: one of ``ENGINES``, or ``auto``.
        moving: whether there are videos or a camera, which load PyTorch anyway; with the memory of
            frames kept (``hardware.keep_freed_memory``), it is the faster one for them.

    Raises:
        ConfigError: If ``engine`` is unknown or cannot use the file.
    """
    if engine != "auto" and engine not in ENGINES:
        raise ConfigError(
            f"no engine {engine!r}{suggest(engine, engine_names())}. "
            f"Engines: {', '.join(engine_names())}."
        )
    is_graph = path.suffix.lower() == ".onnx"
    if is_graph and engine not in ("auto", "onnxruntime"):
        raise ConfigError(
            f"{path} is an ONNX model, which --engine {engine} cannot run. Leave it out."
        )
    if engine != "auto":
        return engine
    if is_graph:
        return "onnxruntime"
    if moving or (device != "auto" and str(device) != "cpu"):
        return "torch"
    if device == "auto" and _may_have_gpu():
        return "torch"
    installed = importlib.util.find_spec("onnxruntime") is not None
    try:
        return "onnxruntime" if installed and graph_path(path).is_file() else "torch"
    except OSError:  # no such file, or one that may not be read: loading says so
        return "torch"


def load_session(
    path: Path, device: str = "auto", values: str | None = None, threads: int = 0
) -> OnnxSession:
    """Load an ONNX model, or a filter's graph, which is made now if it is not in the cache.

    Args:
        path: a filter file, or an ONNX model from pictures to pictures.
        device: ``cpu``, ``cuda``, or ``auto`` for the better that ONNX Runtime has.
        values: the range of a model that fast_nst did not export; see ``OnnxSession``.
        threads: of the session; 0 for as many as there are cores.

    Raises:
        CheckpointError: If the file cannot be loaded.
        ConfigError: If ONNX Runtime is not installed or cannot use ``device``; if ``values`` is
            missing or not for this file.
        ExportError: If the filter cannot be converted.
    """
    if device == "auto":
        device = "cuda" if cuda_at_hand() else "cpu"
    device = "cuda" if device.startswith("cuda") else device
    check_range(path, values)
    if path.suffix.lower() == ".onnx":
        return OnnxSession(path, values, device, threads)
    if importlib.util.find_spec("onnxruntime") is None:
        raise ConfigError(f"{NEEDED}.")
    return OnnxSession(cached_graph(path), device=device, threads=threads)


def check_range(path: Path, values: str | None) -> None:
    """Refuse a range for a file that needs none.

    Raises:
        ConfigError: If ``values`` is given and ``path`` is no ONNX model.
    """
    if values is not None and path.suffix.lower() != ".onnx":
        raise ConfigError(f"--range is for ONNX models; {path} is none. Leave it out.")


def engine_names() -> tuple[str, ...]:
    """What ``--engine`` may be."""
    return ("auto", *ENGINES)


def _may_have_gpu() -> bool:
    """Whether PyTorch might find a GPU, without the second or two that loading it takes."""
    if sys.platform != "linux":
        return True
    return any(os.path.exists(device) for device in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))
