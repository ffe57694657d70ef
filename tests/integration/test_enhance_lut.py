"""``fast-nst enhance`` with LUTs: of others, and those that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from fast_nst.batch import enhance_large
from fast_nst.cli.main import main
from fast_nst.lut import Lut, read_lut, write_cube
from fast_nst.lut.table import grid

pytest.importorskip("PyOpenColorIO")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["enhance", *(str(argument) for argument in arguments)])


def pixels(file: Path) -> Any:
    with Image.open(file) as opened:
        return np.asarray(opened).astype(int)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    small = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    image = Image.fromarray(small).resize((60, 40), Image.Resampling.BICUBIC)
    image.save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def square(tmp_path: Path) -> Path:
    write_cube(tmp_path / "square.cube", Lut(grid(17) ** 2, title="Dark"))
    return tmp_path / "square.cube"


def test_a_lut_gives_its_colors_at_every_strength(
    photo: Path, square: Path, tmp_path: Path
) -> None:
    own = pixels(photo) / 255
    for strength in ("0", "0.5", "1"):
        out = tmp_path / f"{strength}.png"
        result = run(photo, "--lut", square, "--strength", strength, "-o", out)
        assert result.exit_code == 0, result.output
        share = float(strength)
        expected = (own + share * (own**2 - own)) * 255
        assert np.abs(pixels(out) - expected).max() <= 1  # a table of 17 points is near a square
    assert (pixels(tmp_path / "0.png") == pixels(photo)).all()


def test_a_large_photo_is_graded_in_strips_as_a_small_one(
    photo: Path, square: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(photo, "--lut", square, "-o", tmp_path / "whole.png")
    monkeypatch.setattr(enhance_large, "LARGE", 1)
    monkeypatch.setattr(enhance_large, "_STRIP", 60 * 7)
    run(photo, "--lut", square, "-o", tmp_path / "strips.png")
    assert (pixels(tmp_path / "whole.png") == pixels(tmp_path / "strips.png")).all()


def test_a_look_becomes_a_lut_that_gives_the_same_colors(photo: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    tint = np.array((1.0, 0.7, 0.4))
    small = Image.fromarray((rng.random((6, 6, 3)) * 255 * tint).astype(np.uint8))
    small.resize((50, 50), Image.Resampling.BICUBIC).save(tmp_path / "warm.png")
    cube = tmp_path / "warm.cube"
    arguments = (photo, tmp_path / "warm.png", "--global", "--strength", "0.8")
    result = run(*arguments, "-o", tmp_path / "a.png", "--lut-out", cube)
    assert result.exit_code == 0, result.output
    assert f"wrote {cube}" in result.stdout
    assert read_lut(cube).title == "warm"
    assert run(photo, "--lut", cube, "-o", tmp_path / "b.png").exit_code == 0
    away = np.abs(pixels(tmp_path / "a.png") - pixels(tmp_path / "b.png"))
    assert away.mean() < 0.5
    assert np.abs(pixels(tmp_path / "a.png") - pixels(photo)).mean() > 5


def test_a_lut_is_written_weaker_or_from_another_format(
    photo: Path, square: Path, tmp_path: Path
) -> None:
    result = run(photo, "--lut", square, "--strength", "0.5", "--lut-out", tmp_path / "half.cube")
    assert result.exit_code == 0, result.output
    half = read_lut(tmp_path / "half.cube")
    np.testing.assert_allclose(half.table, (grid(17) + grid(17) ** 2) / 2, atol=1e-6)
    assert half.title == "Dark"


def test_what_is_to_be_known_of_a_lut_is_printed(photo: Path, tmp_path: Path) -> None:
    bright = tmp_path / "bright.cube"
    write_cube(bright, Lut(grid(2) * 2))
    said = "it gives values from 0 to 2, of which a picture holds 0 to 1"
    result = run(photo, "--lut", bright, "-o", tmp_path / "out.png")
    assert f"note: {bright}: {said}\n" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("P", "-o", "out.png"), "give a REFERENCE"),
        (("P", "P", "--lut", "L", "-o", "out.png"), "are two looks"),
        (("P", "--lut", "L", "--protect", "skin", "-o", "out.png"), "--protect goes with ref"),
        (("P", "--lut", "L", "--sheet", "out.png"), "--sheet goes with references"),
        (("P", "P", "--mask", "P,P", "--lut-out", "out.cube"), "--mask is not"),
        (("P", "P", "--lut-out", "out.3dl"), "does not end in .cube"),
        ((".", "P", "--lut-out", "out.cube"), "fitted to one photo"),
        (("P", "--lut", "L", "--lut-out", "L"), "overwrite"),
        (("P", "--lut", "missing.cube", "-o", "out.png"), "missing.cube"),
        (("P", "--lut", "P", "-o", "out.png"), "Hald"),
    ],
)
def test_what_does_not_go_with_luts_is_one_clear_line(
    arguments: tuple[str, ...],
    said: str,
    photo: Path,
    square: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = square.read_bytes()
    named = {"P": str(photo), "L": str(square)}
    named["P,P"] = f"{photo},{photo}"
    result = run(*(named.get(argument, argument) for argument in arguments))
    assert result.exit_code in (1, 2), result.output
    assert said in result.stderr.strip().splitlines()[-1]
    assert not list(tmp_path.glob("out.*"))
    assert square.read_bytes() == before
