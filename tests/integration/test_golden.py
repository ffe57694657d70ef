"""Files that earlier versions wrote; see tests/golden/README.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
# What a file of several styles is opened with.
SETTINGS: dict[str, dict[str, Any]] = {
    "first": {},
    "knobs": {"style": "great_wave", "knobs": {"strength": 0.8, "stroke_size": 0.7}},
    "larger": {"style": "great_wave", "knobs": {"stroke_size": 1.5}},
    "weak": {"knobs": {"strength": 0.3}},
    "mixture": {"mix": {"starry_night": 0.4, "great_wave": 0.6}},
}


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


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_file_of_several_styles_gives_the_same_image_at_each_setting(setting: str) -> None:
    wanted = np.load(GOLDEN / "several_images.npz")[setting].astype(np.float32)
    got = Stylizer.load(GOLDEN / "several_format_2.safetensors", **SETTINGS[setting])(image())
    assert np.abs(got.numpy() - wanted).max() < 1e-3


@pytest.mark.parametrize("name", FILES)
def test_info_reads_a_file_of_an_earlier_version(name: str) -> None:
    if name.endswith(".onnx"):
        pytest.importorskip("onnxruntime")
    shown = CliRunner().invoke(main, ["info", str(GOLDEN / name)])
    assert shown.exit_code == 0, shown.output
    assert "starry_night" in shown.output


def test_there_is_a_golden_file_of_each_kind() -> None:
    assert {Path(name).suffix for name in FILES} == {".safetensors", ".ckpt", ".onnx"}
