"""Files that a command reads besides its inputs are not overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fast_nst.cli.main import main
from fast_nst.prediction.styled import make_styles, save_styles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("photo.png", "style.png", "mask.png", "trip/style.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    save_styles(tmp_path / "two.safetensors", make_styles(["the_kiss", "red_fuji"], "mobile"))
    (tmp_path / "link.png").symlink_to("style.png")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "stylize --style style.png photo.png -o style.png",
        "stylize --style style.png photo.png -o link.png",
        "stylize --style style.png trip/style.png -o .",
        "stylize --style style.png photo.png --contact-sheet style.png",
        "stylize --ckpt two.safetensors photo.png --mask mask.png -o mask.png",
        "stylize --ckpt two.safetensors --mix the_kiss,red_fuji --mix-mask mask.png photo.png"
        " -o mask.png",
        "stylize --style the_kiss --polish 1 --polish-style style.png photo.png -o style.png",
        "export --ckpt two.safetensors --style the_kiss -o two.safetensors",
        "enhance photo.png style.png -o style.png",
        "enhance photo.png style.png --mask mask.png,mask.png -o mask.png",
        "enhance photo.png style.png --sheet photo.png",
    ],
)
def test_what_is_read_stays(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    before = {file: file.read_bytes() for file in folder.rglob("*.*") if file.is_file()}
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == 1, result.output
    assert "would overwrite the input" in result.stderr.strip()
    assert len(result.stderr.strip().splitlines()) == 1
    assert {file: file.read_bytes() for file in folder.rglob("*.*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("enhance photo.png style.png -o a.png --sheet ./a.png", 1, "would be written twice"),
        ("enhance photo.png style.png -o -", 2, "enhance has no pipes"),
        ("enhance - style.png -o a.png", 2, "enhance has no pipes"),
        ("stylize --ckpt the_kiss.safetensors photo.png -o a.png", 1, "--style the_kiss"),
    ],
)
def test_nothing_is_written_where_it_would_be_lost_or_unexpected(
    command: str, code: int, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == code, result.output
    assert said in result.stderr.strip().splitlines()[-1]
    assert sorted(folder.rglob("*")) == before
