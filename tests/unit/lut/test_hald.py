"""Hald CLUTs: pictures of all colors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from fast_nst.errors import LutError
from fast_nst.lut import read_lut
from fast_nst.lut.table import grid


def hald(level: int, look: Any = lambda rgb: rgb) -> Any:
    """(level^3, level^3, 3), in [0, 1]: red changes fastest, then green, then blue."""
    table = grid(level**2)
    return look(table.transpose(2, 1, 0, 3).reshape(level**3, level**3, 3))


def save(path: Path, rgb: Any, bits: int = 8) -> Path:
    values = (rgb * (2**bits - 1)).round().astype(np.uint16 if bits == 16 else np.uint8)
    path.write_bytes(imagecodecs.png_encode(values))
    return path


@pytest.mark.parametrize("bits", [8, 16])
def test_a_picture_gives_its_table(bits: int, tmp_path: Path) -> None:
    path = save(tmp_path / "look.png", hald(4, lambda rgb: rgb[..., ::-1] ** 2), bits)
    lut = read_lut(path)
    np.testing.assert_allclose(lut.table, grid(16)[..., ::-1] ** 2, atol=0.6 / (2**bits - 1))
    assert lut.notes == ()


def test_what_is_larger_than_can_be_computed_is_made_smaller(tmp_path: Path) -> None:
    path = save(tmp_path / "look.png", hald(12, lambda rgb: rgb**1.5))
    lut = read_lut(path)
    assert lut.table.shape == (129, 129, 129, 3)
    np.testing.assert_allclose(lut.table, grid(129) ** 1.5, atol=0.6 / 255)


@pytest.mark.parametrize("look", ["black and white", "one color", "blue only"])
def test_looks_that_leave_out_colors_are_looks(look: str, tmp_path: Path) -> None:
    def change(rgb: Any) -> Any:
        gray = {
            "black and white": rgb.mean(axis=-1),
            "one color": np.full(rgb.shape[:2], 0.4),
            "blue only": rgb[..., 2],
        }[look]
        return np.repeat(gray[..., None], 3, axis=-1)

    assert read_lut(save(tmp_path / "look.png", hald(4, change))).table.shape[0] == 16


def test_photographs_are_no_luts(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((16, 16, 3))
    photo = np.asarray(Image.fromarray((noise * 255).astype(np.uint8)).resize((64, 64))) / 255
    sky = photo * 0.2 + np.linspace(0.8, 0, 64)[:, None, None]  # brightness runs as blue does
    for number, each in enumerate((photo, sky)):
        with pytest.raises(LutError, match="as large as a Hald CLUT, but not one"):
            read_lut(save(tmp_path / f"{number}.png", each))


@pytest.mark.parametrize("size", [(64, 48), (65, 65), (1, 1)])
def test_other_sides_are_refused(size: tuple[int, int], tmp_path: Path) -> None:
    path = save(tmp_path / "photo.png", np.zeros((size[1], size[0], 3)))
    with pytest.raises(LutError) as error:
        read_lut(path)
    assert f"as a LUT: it is a picture of {size[0]}x{size[1]} px; a Hald CLUT is" in str(
        error.value
    )


def test_a_damaged_picture_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "look.png", hald(5))
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(LutError, match="is damaged or incomplete"):
        read_lut(path)
