"""The files in shared/data/reported come out right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from fast_nst.cli.main import main
from fast_nst.image.animation import Pages, read_frames
from fast_nst.image.arrays import ArrayImage

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def reported(shared_data: Path) -> Path:
    folder = shared_data / "reported"
    if not folder.is_dir():
        pytest.skip("these files are not among the shared data here")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["stylize", *map(str, arguments)])


def read(file: Path) -> ArrayImage:
    image = read_frames(file)
    assert isinstance(image, ArrayImage)
    return image


def test_jpegs_of_any_ending_are_painted_and_what_is_not_is_named(
    reported: Path, filter_file: Path, tmp_path: Path
) -> None:
    done = run("--ckpt", filter_file, reported / "mixed", "-o", tmp_path / "out")
    written = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert written == ["a.jpg", "b.jfif", "c.jpe"]
    assert sum("d.HEIC" in line for line in done.stderr.splitlines()) == 1


def test_all_pages_come_out(reported: Path, filter_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    assert run("--ckpt", filter_file, reported / "three_pages.tif", "-o", out).exit_code == 0
    pages = read_frames(out)
    assert isinstance(pages, Pages)
    assert pages.count == 3


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
@pytest.mark.parametrize("result", ["jpg", "png", "tif", "webp", "avif", "bmp"])
def test_300_dpi_stay_300_dpi(
    reported: Path, filter_file: Path, tmp_path: Path, ending: str, result: str
) -> None:
    out = tmp_path / f"out.{result}"
    assert run("--ckpt", filter_file, reported / f"dpi300.{ending}", "-o", out).exit_code == 0
    metadata = read(out).metadata
    assert metadata is not None
    assert metadata.dpi == pytest.approx((300, 300), rel=1e-3)


@pytest.mark.parametrize("name", ["cutout.png", "rgba16.tif"])
def test_strips_of_images_with_transparency_are_as_the_whole(
    reported: Path, filter_file: Path, tmp_path: Path, name: str
) -> None:
    whole, strips = tmp_path / f"whole_{name}", tmp_path / f"strips_{name}"
    words = ("--ckpt", filter_file, reported / name, "-o")
    assert run(*words, whole, "--engine", "torch").exit_code == 0
    assert run(*words, strips, "--memory", "8GB").exit_code == 0
    one, other = read(whole), read(strips)
    assert one.alpha is not None
    np.testing.assert_array_equal(one.alpha, other.alpha)
    assert (np.abs(one.rgb - other.rgb) * one.alpha).max() <= 1 / 255 + 1e-6
    assert one.depth == other.depth == (16 if name.endswith("tif") else 8)


def test_white_that_is_zero_is_no_negative(
    reported: Path, filter_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.tif"
    source = reported / "white_is_zero_16.tif"
    done = run("--ckpt", filter_file, "--strength", 0, source, "-o", out)
    assert done.exit_code == 0, done.output
    import tifffile

    right = 65535 - tifffile.imread(source).astype(int)
    assert np.abs(tifffile.imread(out)[..., 0].astype(int) - right).max() <= 1
