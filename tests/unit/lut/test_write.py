"""What is written is read alike by three programs, each with its own interpolation."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fast_nst.errors import LutError
from fast_nst.lut import Lut, read_lut, write_cube
from fast_nst.lut.table import grid

ocio = pytest.importorskip("PyOpenColorIO")

Look = Callable[[Any], Any]


def teal_and_orange(rgb: Any) -> Any:
    luma = (rgb @ np.array((0.2126, 0.7152, 0.0722)))[..., None]
    curved = 0.6 * rgb * rgb * (3 - 2 * rgb) + 0.4 * rgb
    shadows, lights = np.array((-0.05, 0.02, 0.06)), np.array((0.07, 0.02, -0.06))
    toned = luma + 1.15 * (curved - luma) + shadows * (1 - luma) ** 2 + lights * luma**2
    return toned.clip(0, 1)


def black_and_white(rgb: Any) -> Any:
    return np.repeat((rgb @ np.array((0.5, 0.4, 0.1)))[..., None] ** 1.1, 3, axis=-1)


def faded(rgb: Any) -> Any:
    luma = (rgb @ np.array((0.3, 0.59, 0.11)))[..., None]
    return 0.08 + 0.84 * (luma + 0.7 * (rgb - luma)) * np.array((1.02, 1, 0.94))


def strong_contrast(rgb: Any) -> Any:
    return 1 / (1 + np.exp(-12 * (rgb - 0.5)))


LOOKS = {look.__name__: look for look in (teal_and_orange, black_and_white, faded, strong_contrast)}


def image() -> Any:
    """All kinds of colors, and a gray ramp: (64, 64, 3), float32."""
    rgb = np.random.default_rng(1).random((64, 64, 3)).astype(np.float32)
    rgb[:8] = np.linspace(0, 1, 512, dtype=np.float32).reshape(8, 64, 1)
    return rgb


def by_opencolorio(path: Path, rgb: Any) -> Any:
    transform = ocio.FileTransform(str(path), interpolation=ocio.INTERP_LINEAR)
    result = rgb.copy()
    ocio.Config.CreateRaw().getProcessor(transform).getDefaultCPUProcessor().applyRGB(result)
    return result


def by_colour(path: Path, rgb: Any) -> Any:
    with warnings.catch_warnings():  # of what is optional there
        warnings.simplefilter("ignore")
        colour = pytest.importorskip("colour")
        return colour.read_LUT(str(path)).apply(rgb)


def by_ffmpeg(path: Path, rgb: Any, interpolation: str = "tetrahedral") -> Any:
    av = pytest.importorskip("av")
    graph = av.filter.Graph()
    height, width = rgb.shape[:2]
    source = graph.add_buffer(width=width, height=height, format="rgb48le", time_base="1/25")
    lut = graph.add("lut3d", f"file={path}:interp={interpolation}")
    sink = graph.add("buffersink")
    source.link_to(lut)
    lut.link_to(sink)
    graph.configure()
    pixels = (rgb * 65535).round().astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb48le")
    frame.pts = 0
    graph.push(frame)
    return graph.pull().to_ndarray(format="rgb48le") / 65535


READERS = {
    "OpenColorIO": by_opencolorio,
    "colour-science": by_colour,
    "FFmpeg": by_ffmpeg,
    "FFmpeg, trilinear": lambda path, rgb: by_ffmpeg(path, rgb, "trilinear"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_programs_make_the_same_picture_of_what_is_written(look: str, tmp_path: Path) -> None:
    path, rgb = tmp_path / "look.cube", image()
    write_cube(path, Lut(LOOKS[look](grid(33)), title=look))
    ours = read_lut(path).apply(rgb)
    assert np.abs(ours - rgb).max() > 0.1  # it is one that shows
    for name, reader in READERS.items():
        assert np.abs(reader(path, rgb) - ours).max() < 1 / 255, name


def test_a_domain_and_curves_are_written_so_that_all_know_them(tmp_path: Path) -> None:
    curves = (np.linspace(0, 1, 100) ** 0.8)[:, None].repeat(3, 1)
    lut = Lut(teal_and_orange(grid(17)), ((-0.5, 0, 0.1), (0.9, 2, 1)), curves)
    path, rgb = tmp_path / "look.cube", image()
    write_cube(path, lut)
    for name, reader in READERS.items():
        # At 65 points to a side, which is not what it was.
        assert np.abs(reader(path, rgb) - lut.apply(rgb)).max() < 3 / 255, name


def test_what_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    lut = Lut(np.random.default_rng(0).random((6, 6, 6, 3)) * 3 - 1, title="My look")
    write_cube(tmp_path / "new" / "a.CUBE", lut)
    again = read_lut(tmp_path / "new" / "a.CUBE")
    np.testing.assert_allclose(again.table, lut.table, atol=1e-7)
    assert (again.title, again.domain, again.shaper) == ("My look", lut.domain, None)


def test_titles_become_such_that_every_program_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "a.cube"
    write_cube(path, Lut(grid(2), title='Été\n"No. 5"\tLUT_3D_SIZE 9 ' + 200 * "x"))
    first, second, *rest = path.read_bytes().decode("ascii").splitlines()
    assert first.startswith("TITLE \"Ete 'No. 5' LUT_3D_SIZE 9 xxx")
    assert first.endswith('x"')
    assert len(first) == len('TITLE ""') + 100
    assert second == "LUT_3D_SIZE 2"
    assert rest[2:4] == ["0.0000000 0.0000000 0.0000000", "1.0000000 0.0000000 0.0000000"]
    write_cube(path, Lut(grid(2), title="夜"))
    assert path.read_bytes().startswith(b'TITLE "fast-nst"\n')


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(LutError, match=r"look.3dl: LUTs are written as .cube"):
        write_cube(tmp_path / "look.3dl", Lut(grid(2)))
    (tmp_path / "file").touch()
    with pytest.raises(LutError, match="cannot write"):
        write_cube(tmp_path / "file" / "look.cube", Lut(grid(2)))
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
