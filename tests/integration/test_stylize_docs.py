"""The examples of docs/stylize.md run as they stand."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from fast_nst.cli.main import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "stylize.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, filter_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the examples name."""
    for name in ("starry_night", "the_scream"):
        shutil.copy(filter_file, tmp_path / f"{name}.safetensors")
    (tmp_path / "holiday").mkdir()
    photo = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
    photo.save(tmp_path / "cat.jpg")
    photo.save(tmp_path / "holiday" / "beach.jpg")
    photo.save(tmp_path / "mask.png")
    photo.save(tmp_path / "painting.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_examples() -> None:
    assert len(PROGRAMS) >= 3


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_example_runs(program: str, folder: Path) -> None:
    before = set(folder.rglob("*"))
    exec(compile(program, "docs/stylize.md", "exec"), {})
    assert set(folder.rglob("*")) > before


def test_every_option_of_the_command_is_in_the_page() -> None:
    shown = CliRunner().invoke(main, ["stylize", "--help"]).stdout
    options = set(re.findall(r"--[a-z-]+", shown)) - {"--help", "--device", "--output"}
    assert options <= set(re.findall(r"--[a-z-]+", PAGE))
