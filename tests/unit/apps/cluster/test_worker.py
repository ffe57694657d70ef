"""Which engine a worker computes with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fast_nst.apps.cluster.worker import Filter
from fast_nst.errors import ConfigError
from fast_nst.runtimes.graph_cache import cached_graph
from fast_nst.runtimes.onnx_network import GraphNetwork

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.mark.parametrize(("engine", "graph"), [("torch", False), ("onnxruntime", True)])
def test_a_filter_is_opened_in_the_engine_that_is_named_whatever_is_cached(
    filter_file: Path, engine: str, graph: bool
) -> None:
    cached_graph(filter_file)
    packed = Filter(((filter_file.name, filter_file.read_bytes()),), engine=engine)
    assert isinstance(packed.load("cpu").network, GraphNetwork) == graph


def test_onnx_runtime_takes_the_threads_that_the_worker_has(filter_file: Path) -> None:
    packed = Filter(((filter_file.name, filter_file.read_bytes()),), engine="onnxruntime")

    def threads_started_by_a_session(count: int) -> int:
        before = len(os.listdir("/proc/self/task"))
        stylizer = packed.load("cpu", count)
        assert isinstance(stylizer.network, GraphNetwork)
        return len(os.listdir("/proc/self/task")) - before

    if not Path("/proc/self/task").is_dir():
        pytest.skip("counts threads in /proc")
    threads_started_by_a_session(1)  # what the first one starts for the process
    assert threads_started_by_a_session(1) == 0  # it computes in the caller's
    assert threads_started_by_a_session(4) == 3


def test_an_onnx_model_is_refused_by_pytorch(filter_file: Path) -> None:
    graph = cached_graph(filter_file)
    packed = Filter((("filter.onnx", graph.read_bytes()),), engine="torch")
    with pytest.raises(ConfigError, match="is an ONNX model"):
        packed.load("cpu")
