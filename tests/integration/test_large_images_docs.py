"""The examples of docs/large_images.md run as they stand, whatever ran before."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fast_nst.cli.main import main
from fast_nst.inference import Stylizer
from fast_nst.runtimes.graph_cache import graph_path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "large_images.md"
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("before", [False, True], ids=["alone", "after a run by ONNX Runtime"])
def test_the_python_examples_run_as_they_stand(
    filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    monkeypatch.setenv("FAST_NST_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    shutil.copy(filter_file, "starry_night.safetensors")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (96, 64, 3), np.uint8)).save("poster.png")
    if before:
        pytest.importorskip("onnxruntime")
        arguments = [
            "stylize",
            "--ckpt",
            "starry_night.safetensors",
            "poster.png",
            "-o",
            "first.png",
        ]
        result = CliRunner().invoke(main, [*arguments, "--engine", "onnxruntime"])
        assert result.exit_code == 0, result.output
        assert graph_path(Path("starry_night.safetensors")).is_file()
    assert len(PROGRAMS) == 3
    names: dict[str, Any] = {}
    for program in PROGRAMS:
        # The limits are for a process of its own; this one has loaded much more.
        program = re.sub(r"memory=[\d.e]+", "memory=8e9", program)
        exec(compile(program, "docs/large_images.md", "exec"), names)
    whole = Stylizer.load("starry_night.safetensors", engine="torch")
    with Image.open("poster_starry.png") as got, Image.open("poster.png") as photo:
        expected = np.asarray(whole(photo.convert("RGB")), int)
        assert np.abs(np.asarray(got, int) - expected).max() <= 1
    assert (names["result"] - whole(names["image"])).abs().max() < 1e-4
