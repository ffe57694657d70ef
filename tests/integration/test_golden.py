"""Files that earlier versions wrote; see tests/golden/README.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from fast_nst import Stylizer
from fast_nst.cli.main import main

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
FILES = sorted(
    file.name for file in GOLDEN.iterdir() if file.suffix in {".safetensors", ".ckpt", ".onnx"}
)


def image() -> torch.Tensor:
    """Waves, (3, 32, 48) in [0, 1]."""
    y, x = np.mgrid[0:32, 0:48].astype(np.float32)
    waves = [np.sin(x / 5 + y / 9), np.cos(y / 4 - x / 11), np.sin(x * y / 60)]
    return torch.from_numpy((np.stack(waves) * 0.5 + 0.5).astype(np.float32))


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_an_earlier_version_gives_the_same_image(name: str) -> None:
    if name.endswith(".onnx"):
        pytest.importorskip("onnxruntime")
    wanted = np.load(GOLDEN / "images.npz")[name].astype(np.float32)
    got = Stylizer.load(GOLDEN / name)(image()).numpy()
    assert np.abs(got - wanted).max() < 1e-3  # half precision's rounding is 2.4e-4


@pytest.mark.parametrize("name", FILES)
def test_info_reads_a_file_of_an_earlier_version(name: str) -> None:
    if name.endswith(".onnx"):
        pytest.importorskip("onnxruntime")
    shown = CliRunner().invoke(main, ["info", str(GOLDEN / name)])
    assert shown.exit_code == 0, shown.output
    assert "starry_night" in shown.output


def test_there_is_a_golden_file_of_each_kind() -> None:
    assert {Path(name).suffix for name in FILES} == {".safetensors", ".ckpt", ".onnx"}
