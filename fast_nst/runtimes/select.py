"""What computes: the table of engines, and which of them is chosen.

A new engine is one module beside this one and one row of ``ENGINES``. No torch and no NumPy in
here, so that command lines can list engines, and a filter with a graph starts without torch.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fast_nst.errors import ConfigError, suggest
from fast_nst.filter_metadata import DEFAULTS, Binding, FilterMetadata

if TYPE_CHECKING:
    import torch

    from fast_nst.onnx.session import Array

COMPILED = "torch-compiled"


@dataclass(frozen=True)
class Engine:
    """A row of ``ENGINES``.

    Attributes:
        about: what it is, for those who choose.
        good_for: what it is chosen for, where that is not everything.
        module: which is imported when it is used. It has ``open_network(opening)``, which returns
            ``(network, metadata, device)``: a module from images to images, what the file says
            of itself, and where images are to be put. If it computes ``on_arrays``, it has
            ``open_session(opening)`` instead, which returns a :class:`Session`.
        on_arrays: whether it computes on NumPy arrays, and starts without PyTorch.
        reads_onnx: whether it runs ONNX models, and not only filter files.
    """

    about: str
    module: str
    good_for: str = ""
    on_arrays: bool = False
    reads_onnx: bool = False


class Session(Protocol):
    """What an engine without PyTorch makes of a file."""

    metadata: FilterMetadata | None

    def run(self, images: Array) -> Array:
        """Stylize (B, 3, H, W), float32 in [0, 1]; the same shape and range come back."""
        ...


@dataclass(frozen=True)
class Opening:
    """A file that is to be opened, for every engine alike.

    Attributes:
        path: a filter file, or an ONNX model.
        device: where to compute, as ``Stylizer.load`` takes it.
        value_range: the range of an ONNX model that fast_nst did not export.
        on_compile: called before images of another size are compiled for.
        binding: which of the file's styles, and the values of its knobs.
        threads: that ONNX Runtime takes; 0 for as many as there are cores. PyTorch's are the
            process's.
    """

    path: Path
    device: str | torch.device = "cpu"
    value_range: str | None = None
    on_compile: Callable[[int, int], None] | None = None
    binding: Binding = DEFAULTS
    threads: int = 0


ENGINES: dict[str, Engine] = {
    "torch": Engine("PyTorch, on CPUs and GPUs", "fast_nst.runtimes.torch_network"),
    COMPILED: Engine(
        "PyTorch, compiled once for each size of image",
        "fast_nst.runtimes.compiled",
        good_for="videos and cameras",
    ),
    "onnxruntime": Engine(
        "ONNX Runtime, on CPUs and, where it is built for it, CUDA",
        "fast_nst.runtimes.onnx_runtime",
        on_arrays=True,
        reads_onnx=True,
    ),
}


def choose_engine(
    path: Path,
    device: str | torch.device = "auto",
    engine: str | None = "auto",
    *,
    moving: bool = False,
) -> str:
    """The key of ``ENGINES`` that stands for ``engine``, without loading anything.

    None is PyTorch for filter files, and ONNX Runtime for ONNX models: it depends on nothing but
    the file's name. ``auto`` is ONNX Runtime for ONNX models, and on CPUs for a filter whose graph
    is in the cache already, as it is after the first run with ``engine="onnxruntime"``; else
    PyTorch. It is never the compiled one, which takes longer to compile than most images take to
    compute.

    Args:
        path: the filter file.
        device: where it is to compute.
        engine: one of ``ENGINES``, ``auto`` or None.
        moving: whether there are videos or a camera, which load PyTorch anyway; with the memory of
            frames kept (``hardware.keep_freed_memory``), it is the faster one for them.

    Raises:
        ConfigError: If ``engine`` is unknown or cannot use the file.
    """
    is_graph = path.suffix.lower() == ".onnx"
    if engine in (None, "auto") and is_graph:
        return "onnxruntime"
    if engine is None:
        return "torch"
    if engine != "auto":
        if engine not in ENGINES:
            raise ConfigError(
                f"no engine {engine!r}{suggest(engine, engine_names())}. "
                f"Engines: {', '.join(engine_names())}."
            )
        if is_graph and not ENGINES[engine].reads_onnx:
            raise ConfigError(
                f"{path} is an ONNX model, which --engine {engine} cannot run. Leave it out."
            )
        return engine
    if moving or (device != "auto" and str(device) != "cpu"):
        return "torch"
    if device == "auto" and _may_have_gpu():
        return "torch"
    from fast_nst.runtimes.graph_cache import graph_path

    installed = importlib.util.find_spec("onnxruntime") is not None
    try:
        return "onnxruntime" if installed and graph_path(path).is_file() else "torch"
    except OSError:  # no such file, or one that may not be read: loading says so
        return "torch"


def engine_module(engine: str) -> Any:
    """The module of one of ``ENGINES``, imported now."""
    return importlib.import_module(ENGINES[engine].module)


def open_session(engine: str, opening: Opening) -> Session:
    """Open a file in an engine that computes on arrays.

    Raises:
        CheckpointError, ConfigError, ExportError: As ``Stylizer.load`` does.
    """
    session: Session = engine_module(engine).open_session(opening)
    return session


def check_range(path: Path, value_range: str | None) -> None:
    """Refuse a range for a file that needs none.

    Raises:
        ConfigError: If ``value_range`` is given and ``path`` is no ONNX model.
    """
    if value_range is not None and path.suffix.lower() != ".onnx":
        raise ConfigError(f"--range is for ONNX models; {path} is none. Leave it out.")


def engine_names() -> tuple[str, ...]:
    """What ``--engine`` may be."""
    return ("auto", *ENGINES)


def engine_help() -> str:
    """The engines in one line, for the help of a command."""
    named = [
        f"{name} (for {engine.good_for})" if engine.good_for else name
        for name, engine in ENGINES.items()
    ]
    return f"{', '.join(named)}, or auto"


def _may_have_gpu() -> bool:
    """Whether PyTorch might find a GPU, without the second or two that loading it takes."""
    if sys.platform != "linux":
        return True
    return any(os.path.exists(device) for device in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))
