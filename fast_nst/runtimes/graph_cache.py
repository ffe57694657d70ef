"""ONNX graphs made from filters, kept in the user's cache by the filter file's hash.

Torch is imported only to make a graph, so that a filter with a cached graph starts without it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from fast_nst import atomic
from fast_nst.errors import CheckpointError, ConfigError, ExportError
from fast_nst.filter_metadata import DEFAULTS, Binding
from fast_nst.onnx.session import OnnxSession
from fast_nst.paths import cache_dir

GRAPH_VERSION = 2  # of the conversion: with a new number, all graphs are made again
MAX_DIFFERENCE = 1e-3  # of a value in [0, 1], between a cached graph and PyTorch


def graph_path(path: Path, binding: Binding = DEFAULTS) -> Path:
    """The path of a filter file's graph in the cache, whether or not it is there yet.

    Each binding, to a style and to values of the knobs, has its own graph.

    Raises:
        OSError: If the file cannot be read.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    key = f"-{binding.key}" if binding.key else ""
    return cache_dir() / "graphs" / f"{digest}-{GRAPH_VERSION}{key}.onnx"


def cached_graph(path: Path, binding: Binding = DEFAULTS) -> Path:
    """The graph of a filter file, converted and checked now if it is not in the cache.

    Raises:
        CheckpointError: If the filter cannot be loaded.
        ConfigError: If the cache cannot be written to, or there is no such style or knob.
        ExportError: If the conversion fails, or the graph's images differ from PyTorch's.
    """
    try:
        graph = graph_path(path, binding)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}).") from error
    if graph.is_file():
        return graph

    from fast_nst.filters.checkpoint import load_filter
    from fast_nst.onnx.convert import to_onnx
    from fast_nst.onnx.parity import SHAPES, compare

    trained = load_filter(path, binding)
    try:
        with atomic.replacing(graph, suffix=".onnx") as partial:
            partial.write_bytes(to_onnx(trained.network, trained.metadata).SerializeToString())
            differences = compare(trained.network, OnnxSession(partial).run, SHAPES[:3])
            largest = max(each.largest for each in differences)
            if largest > MAX_DIFFERENCE:
                raise ExportError(
                    f"{path}: images from ONNX Runtime differ from PyTorch's by up to "
                    f"{largest:.2g}; {MAX_DIFFERENCE:g} is allowed. Use --engine torch."
                )
    except OSError as error:
        raise ConfigError(
            f"cannot write to the cache {graph.parent} ({error.strerror}). "
            "Set FAST_NST_CACHE to a folder that you may write to."
        ) from error
    return graph
