"""``fast-nst stylize --lut``, as a person uses it: images."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from fast_nst.batch import stylize_bytes
from fast_nst.cli.main import main
from fast_nst.image.io import read_image
from fast_nst.inference import Stylizer
from fast_nst.lut import Lut, opencolorio, read_lut, write_cube
from fast_nst.lut.table import grid
from fast_nst.tiling.strips import resident_memory

pytest.importorskip("PyOpenColorIO")


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["stylize", *map(str, arguments)], input=stdin)


@pytest.fixture
def look(tmp_path: Path) -> Path:
    """One that no channel, and no order of two of them, is left as it is by."""
    path = tmp_path / "look.cube"
    write_cube(path, Lut(grid(17)[..., ::-1] ** 1.5 * 0.8 + 0.1))
    return path


@pytest.fixture
def negative(tmp_path: Path) -> Path:
    path = tmp_path / "negative.cube"
    write_cube(path, Lut(1 - grid(2)))
    return path


def make_image(path: Path, bits: int = 8, alpha: bool = False) -> Path:
    values = np.random.default_rng(0).random((24, 32, 4 if alpha else 3)).repeat(2, 0).repeat(2, 1)
    scaled = (values * (2**bits - 1)).round().astype(np.uint16 if bits == 16 else np.uint8)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(imagecodecs.png_encode(scaled))
    return path


def pixels(content: Path | bytes) -> Any:
    """(H, W, channels), as they stand in a PNG."""
    data = content if isinstance(content, bytes) else content.read_bytes()
    return imagecodecs.png_decode(data).astype(np.float64)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_result_gets_the_colors_of_the_lut(
    bits: int, filter_file: Path, look: Path, tmp_path: Path
) -> None:
    photo, out = make_image(tmp_path / "photo.png", bits), tmp_path / "out.png"
    result = run("--ckpt", filter_file, "--engine", "torch", photo, "--lut", look, "-o", out)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    painted = Stylizer.load(filter_file).stylize_image(read_image(photo)).rgb
    graded = read_lut(look).apply(painted.permute(1, 2, 0).contiguous().numpy())
    # Rounded once: not to 8 bits, and then again.
    np.testing.assert_array_equal(pixels(out), (graded * np.float32(2**bits - 1)).round())


def test_the_image_gets_them_before(
    filter_file: Path, look: Path, negative: Path, tmp_path: Path
) -> None:
    photo, out = make_image(tmp_path / "photo.png"), tmp_path / "out.png"
    result = run("--ckpt", filter_file, photo, "--lut-before", negative, "-o", out)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    inverted = Image.fromarray(255 - pixels(photo).astype(np.uint8))
    expected = np.asarray(Stylizer.load(filter_file)(inverted))
    assert np.abs(pixels(out) - expected).max() <= 1
    both = tmp_path / "both.png"
    run("--ckpt", filter_file, photo, "--lut-before", negative, "--lut", look, "-o", both)
    assert np.abs(pixels(both) - read_lut(look).apply(expected)).max() <= 3


def test_controls_lie_between_the_luts(filter_file: Path, negative: Path, tmp_path: Path) -> None:
    photo, out = make_image(tmp_path / "photo.png"), tmp_path / "out.png"
    for option in ("--lut", "--lut-before"):
        result = run("--ckpt", filter_file, photo, "--strength", "0", option, negative, "-o", out)
        assert result.exit_code == 0, result.output
        np.testing.assert_array_equal(pixels(out), 255 - pixels(photo))
    black = tmp_path / "mask.png"
    Image.new("L", (8, 8)).save(black)
    run("--ckpt", filter_file, photo, "--mask", black, "--lut", negative, "-o", out)
    np.testing.assert_array_equal(pixels(out), 255 - pixels(photo))


@pytest.mark.parametrize(("bits", "alpha"), [(8, False), (16, False), (8, True)])
def test_strips_give_what_the_whole_gives(
    bits: int, alpha: bool, filter_file: Path, look: Path, negative: Path, tmp_path: Path
) -> None:
    photo = make_image(tmp_path / "photo.png", bits, alpha)
    chosen = ("--ckpt", filter_file, "--engine", "torch", "--lut", look, "--lut-before", negative)
    memory = f"{(resident_memory() + 6e8) / 1e6:.0f}MB"
    for name, extra in (("whole.png", ()), ("strips.png", ("--memory", memory))):
        result = run(*chosen, photo, "-o", tmp_path / name, *extra)
        assert result.exit_code == 0, result.output
    whole, strips = pixels(tmp_path / "whole.png"), pixels(tmp_path / "strips.png")
    seen = whole[..., 3] > 0 if alpha else np.ones(whole.shape[:2], bool)
    assert np.abs(whole - strips)[seen].max() <= (2 if bits == 8 else 300)


def test_folders_pipes_and_sheets_are_graded(
    filter_file: Path, negative: Path, tmp_path: Path
) -> None:
    for name in ("a.png", "b.png"):
        make_image(tmp_path / "in" / name)
    plain, graded = tmp_path / "plain", tmp_path / "graded"
    assert run("--ckpt", filter_file, tmp_path / "in", "-o", plain).exit_code == 0
    chosen = ("--ckpt", filter_file, "--lut", negative)
    assert run(*chosen, tmp_path / "in", "-o", graded).exit_code == 0
    for name in ("a.png", "b.png"):
        assert np.abs(pixels(graded / name) + pixels(plain / name) - 255).max() <= 1
    piped = run(*chosen, "-", "-o", "-", stdin=(tmp_path / "in" / "a.png").read_bytes())
    np.testing.assert_array_equal(pixels(piped.stdout_bytes), pixels(graded / "a.png"))
    sheets = []
    for name, extra in (("one.png", ()), ("two.png", ("--lut", negative))):
        sheet = tmp_path / name
        images = ("--ckpt", filter_file, tmp_path / "in" / "a.png", "--contact-sheet", sheet)
        assert run(*images, *extra).exit_code == 0
        sheets.append(pixels(sheet))
    changed = np.abs(sheets[0] - sheets[1]).sum(axis=2).any(axis=0).nonzero()[0]
    assert len(changed) == 64  # px: the painted one, beside the original


def test_in_python_it_is_a_control(filter_file: Path, negative: Path, tmp_path: Path) -> None:
    stylizer, lut = Stylizer.load(filter_file), read_lut(negative)
    image = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(stylizer(image, lut=lut), 1 - stylizer(image), atol=1e-5, rtol=0)
    content = io.BytesIO()
    Image.new("RGB", (9, 7), (200, 90, 10)).save(content, "PNG")
    assert stylize_bytes(stylizer, content.getvalue())[1] == ""


def test_what_a_lut_does_not_hold_is_noted_once(
    filter_file: Path, tmp_path: Path, negative: Path
) -> None:
    narrow = tmp_path / "narrow.cube"
    narrow.write_text(negative.read_text().replace("DOMAIN_MAX 1.0", "DOMAIN_MAX 0.5"))
    photo = make_image(tmp_path / "photo.png")
    result = run("--ckpt", filter_file, photo, "--lut", narrow, "-o", tmp_path / "out.png")
    assert result.exit_code == 0
    assert result.stderr == (
        f"note: {narrow}: it is for values from 0 to 0.5 1 1: others are taken as those at its "
        "ends\n"
    )


@pytest.mark.parametrize("name", ["look.cube", "look.png"])
def test_without_the_extra_one_line_names_it(
    name: str, look: Path, filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(opencolorio, "import_module", missing)
    Image.new("RGB", (8, 8)).save(tmp_path / "look.png")  # read without it, but not applied
    photo = make_image(tmp_path / "photo.png")
    result = run("--ckpt", filter_file, photo, "--lut", tmp_path / name, "-o", tmp_path / "o.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "pip install 'fast-nst[lut]'" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--lut", "--lut-before"])
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("look.cube", b"", "it is empty"),
        ("look.cube", b"LUT_3D_SIZE 3\n0 0 0\n", "Found 1, expected 27"),
        ("look.cube", b"LUT_3D_SIZE 257\n0 0 0\n", "must be between 2 and 129"),
        ("look.3dl", b"Mesh 1 12\n0 2048 4095 4095\n0 0 nan\n", "expected whole numbers"),
        ("look.png", b"no picture", "it is not an image in a known format"),
        ("photo.png", None, "as a LUT: it is a picture of 64x48 px; a Hald CLUT is a square of"),
        ("filter.safetensors", None, "is no LUT by its name; expected .cube, .3dl"),
        ("absent.cube", None, "cannot read"),
    ],
)
def test_a_bad_lut_is_one_line_and_nothing_is_written(
    option: str, name: str, content: bytes | None, said: str, filter_file: Path, tmp_path: Path
) -> None:
    photo, lut = make_image(tmp_path / "photo.png"), tmp_path / name
    if content is not None:
        lut.write_bytes(content)
    result = run("--ckpt", filter_file, photo, option, lut, "-o", tmp_path / "out" / "a.png")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
