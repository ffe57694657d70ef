"""The table of engines, and the choice of one.

A new engine is one module beside this one and one row of ``ENGINES``. Neither torch nor NumPy is
imported here, so that the command line lists engines fast, and a filter with a cached graph starts
without torch.
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
        about: a description, for help texts.
        good_for: the uses that it is best for; empty for all.
        module: the module's name; it is imported when the engine is used. It has
            ``open_network(opening)``, which returns ``(network, metadata, device)``: a module from
            images to images, the file's metadata, and the device that images must be on. If it
            computes ``on_arrays``, it has ``open_session(opening)`` instead, which returns a
            :class:`Session`.
        on_arrays: whether it computes on NumPy arrays, and starts without PyTorch.
        reads_onnx: whether it runs ONNX models, and not only filter files.
    """

    about: str
    module: str
    good_for: str = ""
    on_arrays: bool = False
    reads_onnx: bool = False


class Session(Protocol):
    """A file opened in an engine that computes on arrays.

    Where its arithmetic leaves fewer than 16 bits per channel of a result, ``bits`` says how many.
    """

    metadata: FilterMetadata | None

    def run(self, images: Array) -> Array:
        """Stylize (B, 3, H, W), float32 in [0, 1]; the same shape and range come back."""
        ...


@dataclass(frozen=True)
class Opening:
    """A file to open and how, in the same form for every engine.

    Attributes:
        path: a filter file, or an ONNX model.
        device: where to compute, as ``Stylizer.load`` takes it.
        value_range: the range of an ONNX model that fast_nst did not export.
        on_compile: called with height and width, px, before a new size is compiled.
        binding: which of the file's styles, and the values of its knobs.
        threads: how many ONNX Runtime uses; 0 for one per core. PyTorch's number of threads is a
            setting of the process.
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
    binding: Binding = DEFAULTS,
) -> str:
    """Choose the engine, a key of ``ENGINES``, without loading anything.

    None gives PyTorch for filter files and ONNX Runtime for ONNX models: it depends on the file's
    name only. ``auto`` gives ONNX Runtime for ONNX models and, on CPUs, for filters whose graph is
    already in the cache, as it is after the first run with ``engine="onnxruntime"``; else PyTorch.
    ``auto`` never gives the compiled engine: compiling takes longer than stylizing most images.

    Args:
        path: the filter file.
        device: where to compute.
        engine: one of ``ENGINES``, ``auto`` or None.
        moving: whether the input is a video or a camera. These load PyTorch anyway, which is then
            the faster engine, as freed memory is kept (``hardware.keep_freed_memory``).
        binding: which of the file's styles, and the values of its knobs.

    Raises:
        ConfigError: If ``engine`` is unknown or cannot use the file.
    """
    is_graph = path.suffix.lower() == ".onnx"
    if binding.style_map is not None:
        if is_graph or engine not in (None, "auto", "torch"):
            raise ConfigError(
                "styles that vary over the image need a filter file and --engine torch; got "
                f"{path.name} and {engine}. Leave --engine out, or the mask or gradient."
            )
        return "torch"
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
                f"{path} is an ONNX model, which --engine {engine} cannot run. Leave --engine out."
            )
        return engine
    if moving or (device != "auto" and str(device) != "cpu"):
        return "torch"
    if device == "auto" and _may_have_gpu():
        return "torch"
    from fast_nst.runtimes.graph_cache import graph_path

    installed = importlib.util.find_spec("onnxruntime") is not None
    try:
        return "onnxruntime" if installed and graph_path(path, binding).is_file() else "torch"
    except OSError:  # the file is missing or unreadable: loading it reports that
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
    """Check that a range is given for ONNX models only.

    Raises:
        ConfigError: If ``value_range`` is given and ``path`` is not an ONNX model.
    """
    if value_range is not None and path.suffix.lower() != ".onnx":
        raise ConfigError(f"--range is for ONNX models; {path} is not one. Leave --range out.")


def engine_names() -> tuple[str, ...]:
    """The values that ``--engine`` takes."""
    return ("auto", *ENGINES)


def engine_help() -> str:
    """The engines in one line, for the help of a command."""
    named = [
        f"{name} (for {engine.good_for})" if engine.good_for else name
        for name, engine in ENGINES.items()
    ]
    return f"{', '.join(named)}, or auto"


def _may_have_gpu() -> bool:
    """Whether PyTorch might find a GPU; asking PyTorch itself would take a second or two."""
    if sys.platform != "linux":
        return True
    return any(os.path.exists(device) for device in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))
