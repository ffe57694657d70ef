"""The examples of docs/luts.md run as they stand."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from fast_nst.cli.main import main
from fast_nst.lut import SUFFIXES, Lut, write_cube
from fast_nst.lut.table import grid

pytest.importorskip("PyOpenColorIO")

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "luts.md").read_text()
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
(IMAGE,) = re.findall(r"^    fast-nst (.*cat.*)$", PAGE, re.MULTILINE)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, filter_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the files that the examples name."""
    shutil.copy(filter_file, tmp_path / "starry_night.safetensors")
    Image.linear_gradient("L").resize((48, 32)).convert("RGB").save(tmp_path / "cat.jpg")
    write_cube(tmp_path / "look.cube", Lut(grid(33) ** 1.2))
    monkeypatch.chdir(tmp_path)


def test_the_program_runs() -> None:
    exec(compile(PROGRAM, "docs/luts.md", "exec"), {})
    assert all(Path(name).is_file() for name in ("cat_graded.png", "cat_starry.png", "warm.cube"))


def test_the_command_runs() -> None:
    result = CliRunner().invoke(main, shlex.split(IMAGE))
    assert result.exit_code == 0, result.output
    assert Path("cat_starry.png").is_file()


def test_the_page_and_the_help_name_all_that_is_read() -> None:
    shown = CliRunner().invoke(main, ["stylize", "--help"]).stdout
    for suffix in SUFFIXES:
        assert f"`{suffix}`" in PAGE
        assert suffix in shown
