"""Every registered network, converted."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fast_nst.errors import ExportError
from fast_nst.export.formats import write_coreml, write_torchscript
from fast_nst.filter_metadata import KEY, FilterMetadata, Style
from fast_nst.filters.checkpoint import Filter
from fast_nst.networks import NETWORKS, create_network
from fast_nst.onnx.convert import OPSETS, to_onnx, to_program
from fast_nst.onnx.parity import SHAPES, compare
from fast_nst.paths import PACKAGE

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
session = pytest.importorskip("fast_nst.onnx.session")

METADATA = FilterMetadata((Style("test"),), "johnson", {"width": 4}, losses={"style": 0.5})
SMALL: dict[str, Any] = {"width": 4, "blocks": 1}
# Networks by name, with what they are built with beyond width and blocks.
KINDS: dict[str, dict[str, Any]] = {name: {} for name in NETWORKS}
KINDS["quarter_adaptive"] = {"adaptive": True}


def make_network(name: str) -> nn.Module:
    """A small network with random weights, also where fresh ones are constant."""
    torch.manual_seed(0)
    network = create_network(name.removesuffix("_adaptive"), **SMALL, **KINDS[name])
    network.eval().requires_grad_(False)
    for key, value in network.named_parameters():
        if value.ndim == 1:
            value.copy_(torch.randn_like(value) + ("weight" in key))
        elif key.endswith("change"):
            value.normal_(std=0.1)
    return network


@pytest.mark.parametrize("name", KINDS)
def test_every_network_becomes_a_graph_of_any_size(name: str, tmp_path: Path) -> None:
    network = make_network(name)
    model = to_onnx(network, METADATA)
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    run = session.OnnxSession(tmp_path / "a.onnx").run
    for each in compare(network, run, [*SHAPES, (1, 1, 1), (3, 2, 5), (1, 40, 4)]):
        # Of one pixel, features are the same everywhere, and norms divide what rounding leaves of
        # their differences by 0.003: here that is 255 * 2**-24, and more on some CPUs than others.
        rounding = name == "pytorch_examples" and each.shape == (1, 1, 1)
        assert each.largest < (1e-2 if rounding else 1e-3), each


@pytest.mark.parametrize("name", KINDS)
def test_every_network_becomes_a_program_of_any_size(name: str) -> None:
    network = make_network(name)
    program = to_program(network).module()
    for batch, height, width in [*SHAPES, (1, 1, 1), (3, 2, 5), (1, 40, 4)]:
        x = torch.rand(batch, 3, height, width)
        assert (program(x) - network(x)).abs().max() < 1e-4, (batch, height, width)


def test_a_kernel_that_is_computed_from_weights_is_a_constant_of_the_file() -> None:
    network = create_network("mobile", blocks=1)  # of full width, as small constants fold anyway
    graph = to_onnx(network.eval().requires_grad_(False), METADATA).graph
    constants = {each.name for each in graph.initializer}
    kernels = [node.input[1] for node in graph.node if node.op_type == "Conv"]
    assert len(kernels) == 5
    assert constants.issuperset(kernels)


@pytest.mark.parametrize("name", KINDS)
def test_every_network_becomes_a_core_ml_package(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("coremltools")
    write_coreml(Filter(make_network(name), METADATA), tmp_path / "a.mlpackage")
    assert any(each.suffix == ".mlmodel" for each in (tmp_path / "a.mlpackage").rglob("*"))


@pytest.mark.parametrize("name", KINDS)
def test_every_network_becomes_a_torchscript_of_any_size(name: str, tmp_path: Path) -> None:
    network = make_network(name)
    run = write_torchscript(Filter(network, METADATA), tmp_path / "a.pt").run
    assert run is not None
    for each in compare(network, run, [*SHAPES, (1, 1, 1), (3, 2, 5)]):
        assert each.largest < 1e-4, each


def test_a_graph_is_simple_and_says_what_it_is() -> None:
    model = to_onnx(make_network("johnson"), METADATA)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("InstanceNormalization") == 7
    assert kinds.count("Add") <= 4  # sizes and one shortcut: none of the norms
    assert json.loads(model.metadata_props[0].value)["losses"] == {"style": 0.5}
    assert model.metadata_props[0].key == KEY
    (content,), (stylized,) = model.graph.input, model.graph.output
    for value, name in ((content, "content"), (stylized, "stylized")):
        assert not value.metadata_props
        sides = [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]
        assert value.name == name
        assert sides == ["batch", 3, "height", "width"]


@pytest.mark.parametrize("name", KINDS)
def test_a_graph_names_no_folder_of_the_machine_that_made_it(name: str) -> None:
    content = to_onnx(make_network(name), METADATA).SerializeToString()
    for folder in (PACKAGE, Path(torch.__file__).parent, Path.cwd()):
        assert str(folder).encode() not in content


def test_the_norms_are_merged_without_a_change_of_the_image(tmp_path: Path) -> None:
    network = make_network("johnson")
    (tmp_path / "a.onnx").write_bytes(to_onnx(network, METADATA).SerializeToString())
    run = session.OnnxSession(tmp_path / "a.onnx").run
    assert max(each.largest for each in compare(network, run)) < 1e-5


@pytest.mark.parametrize("opset", [OPSETS[0], OPSETS[-1]])
def test_the_opset_is_the_wanted_one_and_runs(opset: int, tmp_path: Path) -> None:
    model = to_onnx(make_network("johnson"), METADATA, opset)
    assert model.opset_import[0].version == opset
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    image = np.zeros((1, 3, 20, 20), np.float32)
    assert session.OnnxSession(tmp_path / "a.onnx").run(image).shape == image.shape


@pytest.mark.parametrize("opset", [OPSETS[0] - 1, OPSETS[-1] + 1])
def test_another_opset_is_refused(opset: int) -> None:
    with pytest.raises(ExportError, match=r"expected 18 to 23"):
        to_onnx(make_network("johnson"), METADATA, opset)
