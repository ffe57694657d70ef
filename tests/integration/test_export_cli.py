"""``fast-nst export`` and ``fast-nst import``, as a person uses them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from fast_nst.cli.main import main
from fast_nst.export import export
from fast_nst.export.run import LIMITS
from fast_nst.filter_metadata import KEY
from fast_nst.filters.checkpoint import (
    FilterMetadata,
    Style,
    load_filter,
    read_metadata,
    save_filter,
)
from fast_nst.inference import Stylizer
from fast_nst.networks import create_network

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def one_line(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


# export


def test_a_filter_becomes_an_onnx_file_that_was_checked(filter_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "made" / "a.onnx"
    result = run("export", "--ckpt", filter_file, "-o", target)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    checks = [re.search(r"largest difference ([\d.e+-]+)", line) for line in lines]
    figures = [float(found[1]) for found in checks if found]
    assert len(figures) == 6
    assert max(figures) < 1e-3
    assert any("1x3x45x63" in line for line in lines)
    assert lines[-1].startswith(f"wrote {target}")
    assert files(target.parent) == ["a.onnx"]
    assert read_metadata(target) == read_metadata(filter_file)
    assert json.loads(run("info", "--json", target).stdout)["styles"][0]["name"] == "test_style"


def test_an_exported_filter_stylizes(filter_file: Path, tmp_path: Path) -> None:
    assert run("export", "--ckpt", filter_file, "-o", tmp_path / "a.onnx").exit_code == 0
    Image.linear_gradient("L").resize((37, 22)).convert("RGB").save(tmp_path / "photo.png")
    for ckpt, name in ((filter_file, "torch.png"), (tmp_path / "a.onnx", "graph.png")):
        result = run("stylize", "--ckpt", ckpt, tmp_path / "photo.png", "-o", tmp_path / name)
        assert result.exit_code == 0, result.output
    pair = [np.asarray(Image.open(tmp_path / n), np.int16) for n in ("torch.png", "graph.png")]
    assert pair[0].shape == (22, 37, 3)
    assert np.abs(pair[0] - pair[1]).max() <= 1


def test_half_precision_is_smaller_and_close(filter_file: Path, tmp_path: Path) -> None:
    whole = export(filter_file, tmp_path / "a.onnx")
    half = export(filter_file, tmp_path / "b.onnx", precision="fp16")
    assert half.size_bytes < whole.size_bytes
    assert max(each.largest for each in half.differences) > 0
    assert read_metadata(tmp_path / "b.onnx").style == "test_style"


def test_the_other_formats_run_at_any_size(filter_file: Path, tmp_path: Path) -> None:
    image = torch.rand(2, 3, 21, 34)
    wanted = load_filter(filter_file).network(image)
    for name in ("a.pt2", "a.pt"):
        result = run("export", "--ckpt", filter_file, "-o", tmp_path / name)
        assert result.exit_code == 0, result.output
    extra = {KEY: ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.load(tmp_path / "a.pt2", extra_files=extra).module()
    assert torch.allclose(program(image), wanted, atol=1e-4)
    assert json.loads(extra[KEY])["styles"][0]["name"] == "test_style"
    extra = {KEY: ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.load(tmp_path / "a.pt", _extra_files=extra)
    assert torch.allclose(script(image), wanted, atol=1e-4)
    assert json.loads(extra[KEY])["styles"][0]["name"] == "test_style"


def test_the_command_ends_without_a_word_of_the_libraries(
    filter_file: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "fast_nst"]
    done = subprocess.run(
        [*command, "export", "--ckpt", filter_file, "-o", tmp_path / "a.pt"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1].startswith(f"wrote {tmp_path}")


def test_core_ml_is_converted_but_not_checked_here(filter_file: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("coremltools")
    for _ in range(2):  # the second replaces the first
        result = run("export", "--ckpt", filter_file, "-o", tmp_path / "a.mlpackage")
        assert result.exit_code == 0, result.output
        assert "not checked: coreml does not run on this machine" in result.stdout
        assert files(tmp_path) == ["a.mlpackage"]
    assert any(each.suffix == ".mlmodel" for each in (tmp_path / "a.mlpackage").rglob("*"))


def test_int8_is_refused_or_worth_it_and_forced_on_demand(
    filter_file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "a.onnx"
    result = run("export", "--ckpt", filter_file, "-o", target, "--precision", "int8")
    if result.exit_code:
        assert re.search(r"not faster than fp32|not the same image", one_line(result))
        assert "--force" in result.stderr
        assert files(tmp_path) == []
    forced = run("export", "--ckpt", filter_file, "-o", target, "--precision", "int8", "--force")
    assert forced.exit_code == 0, forced.output
    assert re.search(r"int8 at 256x256 px: \d+ ms, fp32 \d+ ms; [\d.]+ dB", forced.stdout)
    assert files(tmp_path) == ["a.onnx"]
    stylizer = Stylizer.load(target)
    assert stylizer.metadata == read_metadata(filter_file)
    assert stylizer(torch.rand(1, 3, 33, 45)).shape == (1, 3, 33, 45)


@pytest.mark.parametrize("kind", ["fp16", "int8"])
def test_a_network_whose_kernels_are_computed_is_exported_in_fewer_bits(
    tmp_path: Path, kind: str
) -> None:
    torch.manual_seed(0)
    arguments = {
        "width": 8,
        "blocks": 4,
    }
    metadata = FilterMetadata((Style("test"),), "mobile", arguments)
    ckpt = save_filter(tmp_path / "a.safetensors", create_network("mobile", **arguments), metadata)
    for name, more in (("whole.onnx", ()), ("small.onnx", ("--precision", kind, "--force"))):
        result = run("export", "--ckpt", ckpt, "-o", tmp_path / name, *more)
        assert result.exit_code == 0, result.output
    whole, small = (tmp_path / name for name in ("whole.onnx", "small.onnx"))
    assert small.stat().st_size < 0.7 * whole.stat().st_size
    assert read_metadata(small) == metadata
    image = torch.rand(1, 3, 33, 45, generator=torch.Generator().manual_seed(0))
    apart = Stylizer.load(small)(image) - Stylizer.load(whole)(image)
    assert 0 < apart.abs().max() < 0.1


def test_a_failed_check_writes_nothing(
    filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "fp32", 1e-12)
    message = one_line(run("export", "--ckpt", filter_file, "-o", tmp_path / "a.onnx"))
    assert "differs from PyTorch's by" in message
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "a.tflite"], "the ending '.tflite' is unknown"),
        (["-o", "a"], "its name has no ending"),
        (["-o", "a.onnx", "--format", "onx"], "did you mean 'onnx'?"),
        (["-o", "a.onnx", "--format", "torchscript"], "means the format onnx"),
        (["-o", "a.onnx", "--opset", "11"], "expected 18 to 23"),
        (["-o", "a.onnx", "--precision", "fp17"], "did you mean 'fp16'?"),
        (["-o", "a.pt2", "--precision", "fp16"], "for ONNX only"),
        (["-o", "a.onnx", "--calibrate", "photos"], "--calibrate is for"),
        (["-o", "a.onnx", "--precision", "int8", "--calibrate", "nowhere"], "nowhere"),
        (["-o", "file/a.onnx"], "cannot write"),
        (["-o", "folder.onnx"], "is a folder"),
    ],
)
def test_bad_options_are_one_line_and_write_nothing(
    filter_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "folder.onnx").mkdir()
    assert message in one_line(run("export", "--ckpt", filter_file, *arguments))
    assert files(tmp_path) == ["file", "folder.onnx"]


def test_a_text_file_is_no_filter(tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("hello")
    ckpt = tmp_path / "text.safetensors"
    assert "is not a filter file" in one_line(
        run("export", "--ckpt", ckpt, "-o", tmp_path / "a.onnx")
    )
    assert files(tmp_path) == ["text.safetensors"]


# import


def their_file(path: Path, width: int = 4) -> Path:
    """A state dict as the PyTorch examples write it, of random weights and two blocks."""
    torch.manual_seed(0)
    sides = {
        "conv1": (3, width, 9),
        "conv2": (width, 2 * width, 3),
        "conv3": (2 * width, 4 * width, 3),
        "res1.conv1": (4 * width, 4 * width, 3),
        "res1.conv2": (4 * width, 4 * width, 3),
        "deconv1": (4 * width, 2 * width, 3),
        "deconv2": (2 * width, width, 3),
        "deconv3": (width, 3, 9),
    }
    norms = {"in1": 1, "in2": 2, "in3": 4, "res1.in1": 4, "res1.in2": 4, "in4": 2, "in5": 1}
    state = {}
    for name, (before, after, kernel) in sides.items():
        state[f"{name}.conv2d.weight"] = torch.randn(after, before, kernel, kernel)
        state[f"{name}.conv2d.bias"] = torch.full((after,), 120.0)
    for name, times in norms.items():
        state[f"{name}.weight"] = torch.ones(times * width)
        state[f"{name}.bias"] = torch.zeros(times * width)
        state[f"{name}.running_mean"] = torch.zeros(times * width)
    torch.save(state, path)
    return path


def test_an_imported_filter_works_in_every_command(tmp_path: Path) -> None:
    ckpt = tmp_path / "candy.safetensors"
    result = run("import", their_file(tmp_path / "candy.pth"), "-o", ckpt)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"wrote {ckpt} (pytorch_examples, width 4, blocks 1)\n"
    Image.linear_gradient("L").resize((37, 22)).convert("RGB").save(tmp_path / "photo.png")
    result = run("stylize", "--ckpt", ckpt, tmp_path / "photo.png", "-o", tmp_path / "out.png")
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "out.png") as written:
        assert written.size == (37, 22)
    result = run("export", "--ckpt", ckpt, "-o", tmp_path / "candy.onnx")
    assert result.exit_code == 0, result.output
    shown = run("info", ckpt).stdout
    assert "pytorch_examples" in shown
    assert "candy.pth" in shown


def test_evaluating_an_imported_filter_says_what_is_missing(tmp_path: Path) -> None:
    ckpt = tmp_path / "candy.safetensors"
    assert run("import", their_file(tmp_path / "candy.pth"), "-o", ckpt).exit_code == 0
    result = run("evaluate", "--ckpt", ckpt, "-o", tmp_path / "report.html")
    assert "does not say what it was trained with. Give its style" in one_line(result)


def test_an_unknown_layout_and_an_unknown_ending_are_one_line(tmp_path: Path) -> None:
    torch.save({"layer.weight": torch.zeros(2)}, tmp_path / "other.pth")
    message = one_line(run("import", tmp_path / "other.pth", "-o", tmp_path / "a.safetensors"))
    assert "Known layouts: fast_neural_style" in message
    message = one_line(run("import", their_file(tmp_path / "a.pth"), "-o", tmp_path / "a.pth"))
    assert "ends in .safetensors" in message
    assert files(tmp_path) == ["a.pth", "other.pth"]
