"""Engines: the same images from each, and which is chosen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fast_nst.errors import CheckpointError, ConfigError
from fast_nst.filters.checkpoint import load_filter
from fast_nst.inference import Stylizer
from fast_nst.onnx.session import OnnxSession
from fast_nst.runtimes.graph_cache import cached_graph
from fast_nst.runtimes.select import choose_engine, engine_names

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAST_NST_CACHE", str(cache))


def make_model(path: Path, shape: list[Any], operation: str = "Identity", **options: Any) -> Path:
    """Write a small ONNX model, as other programs do, of one operation on its input ``x``."""
    from onnx import TensorProto, helper, numpy_helper

    kind = options.pop("kind", TensorProto.FLOAT)
    inputs, constants = ["x"], []
    if "operand" in options:
        operand = np.array(options.pop("operand"), np.float32)
        constants.append(numpy_helper.from_array(operand, "operand"))
        inputs.append("operand")
    graph = helper.make_graph(
        [helper.make_node(operation, inputs, ["y"], **options)],
        "model",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, None)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path)
    return path


def images(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(2))


# The same images


@pytest.mark.parametrize("shape", [(1, 3, 37, 50), (2, 3, 64, 32), (1, 3, 5, 90)])
def test_onnxruntime_gives_the_images_of_torch(filter_file: Path, shape: tuple[int, ...]) -> None:
    x = images(*shape)
    by_torch = Stylizer.load(filter_file, engine="torch")(x)
    by_graph = Stylizer.load(filter_file, engine="onnxruntime")(x)
    assert torch.allclose(by_torch, by_graph, rtol=1e-5, atol=1e-5)
    assert by_torch.std() > 0.01


def test_a_filter_is_converted_once(filter_file: Path) -> None:
    graph = cached_graph(filter_file)
    written = graph.stat().st_mtime_ns
    assert cached_graph(filter_file) == graph
    assert graph.stat().st_mtime_ns == written
    assert [each.name for each in graph.parent.iterdir()] == [graph.name]


def test_a_graph_carries_what_the_filter_says_of_itself(filter_file: Path) -> None:
    stylizer = Stylizer.load(cached_graph(filter_file))
    assert stylizer.metadata == load_filter(filter_file).metadata


def test_a_cache_that_cannot_be_written_to_is_named(
    filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("FAST_NST_CACHE", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match=r"cannot write to the cache.*FAST_NST_CACHE"):
        cached_graph(filter_file)


# Which engine


def test_auto_takes_the_graph_once_it_is_there(
    filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached_graph(filter_file)
    assert choose_engine(filter_file, "cpu") == "onnxruntime"
    assert choose_engine(filter_file, "cuda") == "torch"
    assert choose_engine(filter_file, "cpu", "torch") == "torch"
    monkeypatch.setenv("FAST_NST_CACHE", str(tmp_path))
    assert choose_engine(filter_file, "cpu") == "torch"
    assert choose_engine(filter_file, "cpu", "onnxruntime") == "onnxruntime"
    assert choose_engine(tmp_path / "missing.safetensors", "cpu") == "torch"


def test_an_unknown_engine_is_refused_with_the_nearest(filter_file: Path) -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'onnxruntime'\?"):
        Stylizer.load(filter_file, engine="onnxruntim")
    assert engine_names() == ("auto", "torch", "torch-compiled", "onnxruntime")


@pytest.mark.parametrize("engine", ["torch", "torch-compiled"])
def test_torch_does_not_run_onnx_models(tmp_path: Path, engine: str) -> None:
    with pytest.raises(ConfigError, match=f"ONNX model, which --engine {engine} cannot"):
        Stylizer.load(make_model(tmp_path / "a.onnx", ["b", 3, "h", "w"]), engine=engine)


@pytest.mark.parametrize("device", ["mps", "abacus"])
def test_a_device_that_onnxruntime_lacks_is_refused(tmp_path: Path, device: str) -> None:
    file = make_model(tmp_path / "a.onnx", ["b", 3, "h", "w"])
    with pytest.raises(ConfigError, match=device):
        Stylizer.load(file, device=device, value_range="0-1")


def test_a_cached_graph_runs_without_torch(filter_file: Path) -> None:
    cached_graph(filter_file)
    program = (
        "import sys, numpy; from pathlib import Path\n"
        "from fast_nst.runtimes.select import Opening, choose_engine, open_session\n"
        f"file = Path({str(filter_file)!r})\n"
        "assert choose_engine(file, 'cpu') == 'onnxruntime'\n"
        "session = open_session('onnxruntime', Opening(file))\n"
        "y = session.run(numpy.zeros((1, 3, 20, 20), 'float32'))\n"
        "print(y.shape, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "(1, 3, 20, 20) False", done.stderr


# Models of other programs


def test_a_model_must_be_told_its_range(tmp_path: Path) -> None:
    file = make_model(tmp_path / "other.onnx", ["b", 3, "h", "w"])
    with pytest.raises(ConfigError, match=r"--range 0-1 or --range 0-255 or --range imagenet"):
        Stylizer.load(file)
    with pytest.raises(ConfigError, match=r"did you mean 'imagenet'"):
        Stylizer.load(file, value_range="imagnet")


@pytest.mark.parametrize("value_range", ["0-1", "0-255", "imagenet"])
@pytest.mark.parametrize("shape", [["b", 3, "h", "w"], ["b", "h", "w", 3], [1, 3, "h", "w"]])
def test_ranges_and_layouts_are_undone(tmp_path: Path, value_range: str, shape: list[Any]) -> None:
    stylizer = Stylizer.load(make_model(tmp_path / "same.onnx", shape), value_range=value_range)
    x = images(3, 3, 7, 9)
    assert torch.allclose(stylizer(x), x, atol=1e-5)


def test_a_model_of_0_to_255_gets_just_that(tmp_path: Path) -> None:
    file = make_model(tmp_path / "light.onnx", ["b", 3, "h", "w"], "Add", operand=[51.0])
    x = images(1, 3, 6, 6)
    assert torch.allclose(
        Stylizer.load(file, value_range="0-255")(x), (x + 0.2).clamp(0, 1), atol=1e-5
    )


def test_a_model_of_imagenet_gets_normalized_channels(tmp_path: Path) -> None:
    file = make_model(tmp_path / "zero.onnx", ["b", 3, "h", "w"], "Mul", operand=[0.0])
    stylized = Stylizer.load(file, value_range="imagenet")(images(1, 3, 4, 4))
    mean = torch.tensor([0.485, 0.456, 0.406])
    assert torch.allclose(stylized.mean((0, 2, 3)), mean, atol=1e-6)


def test_images_are_resized_to_a_fixed_size_and_back(tmp_path: Path) -> None:
    file = make_model(tmp_path / "fixed.onnx", [1, 3, 32, 48])
    smooth = torch.linspace(0, 1, 60).expand(2, 3, 40, 60)
    stylized = Stylizer.load(file, value_range="0-1")(smooth)
    assert stylized.shape == smooth.shape
    assert (stylized - smooth).abs().max() < 0.03


def test_an_image_that_grew_by_rounding_is_cut_not_squeezed(tmp_path: Path) -> None:
    pads = np.array([0, 0, 0, 0, 0, 0, 3, 2], np.int64)
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("Pad", ["x", "pads"], ["y"])],
        "model",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(pads, "pads")],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10),
        tmp_path / "grown.onnx",
    )
    x = images(1, 3, 9, 11)
    assert torch.equal(Stylizer.load(tmp_path / "grown.onnx", value_range="0-1")(x), x)


@pytest.mark.parametrize("shape", [["b", 4, "h", "w"], ["b", "c", "h", "w"], [3, 64], [1]])
def test_a_model_that_takes_no_image_is_refused(tmp_path: Path, shape: list[Any]) -> None:
    with pytest.raises(CheckpointError, match="expected one image"):
        Stylizer.load(make_model(tmp_path / "other.onnx", shape), value_range="0-1")


def test_a_model_that_returns_no_image_is_refused(tmp_path: Path) -> None:
    file = make_model(tmp_path / "shape.onnx", ["b", 3, "h", "w"], "Flatten")
    with pytest.raises(CheckpointError, match="returns"):
        Stylizer.load(file, value_range="0-1")(images(1, 3, 4, 4))


@pytest.mark.parametrize("content", [b"", b"hello, I am not a model"])
def test_a_text_file_is_no_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text.onnx").write_bytes(content)
    with pytest.raises(CheckpointError, match="is not an ONNX model") as raised:
        Stylizer.load(tmp_path / "text.onnx", value_range="0-1")
    assert "\n" not in str(raised.value)


def test_a_missing_model_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no such file.*fast-nst export"):
        Stylizer.load(tmp_path / "none.onnx")


def test_a_range_for_a_filter_of_ours_is_refused(filter_file: Path) -> None:
    for engine in ("torch", "onnxruntime"):
        with pytest.raises(ConfigError, match="--range is for ONNX models"):
            Stylizer.load(filter_file, engine=engine, value_range="0-255")


def test_a_float16_model_gets_its_own_type(tmp_path: Path) -> None:
    file = make_model(tmp_path / "h.onnx", ["b", 3, "h", "w"], kind=onnx.TensorProto.FLOAT16)
    x = images(1, 3, 4, 4).numpy()
    assert np.abs(OnnxSession(file, "0-1").run(x) - x).max() < 1e-3
