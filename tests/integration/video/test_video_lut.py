"""``fast-nst stylize --lut`` with videos and cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

pytest.importorskip("av")
pytest.importorskip("PyOpenColorIO")

from fast_nst.apps.video import stylize_video
from fast_nst.cli.main import main
from fast_nst.inference import Stylizer
from fast_nst.lut import Lut, read_lut, write_cube
from fast_nst.lut.table import grid


@pytest.fixture
def gray(tmp_path: Path) -> Path:
    """Black and white, and half as bright."""
    path = tmp_path / "gray.cube"
    write_cube(path, Lut(grid(2).mean(axis=-1, keepdims=True).repeat(3, -1) / 2))
    return path


@pytest.fixture
def run(filter_file: Path) -> Any:
    def invoke(*arguments: str | Path) -> Result:
        words = ["stylize", "--ckpt", str(filter_file), "--device", "cpu", *map(str, arguments)]
        return CliRunner().invoke(main, words)

    return invoke


@pytest.mark.parametrize("steady", ["0", "0.9"])
def test_every_frame_is_graded(
    steady: str, run: Any, make_clip: Any, read_clip: Any, gray: Path, tmp_path: Path
) -> None:
    source, out = make_clip(), tmp_path / "out.mkv"
    result = run(source, "--lut", gray, "--steady", steady, "--quality", "100", "-o", out)
    assert result.exit_code == 0, result.output
    frames = np.stack(read_clip(out).rgb).astype(int)
    assert len(frames) == 8
    assert frames.max() <= 132
    assert np.ptp(frames, axis=3).max() <= 6  # of coding


def test_a_frame_is_graded_as_an_image_is(
    run: Any, make_clip: Any, gray: Path, filter_file: Path, tmp_path: Path
) -> None:
    from fast_nst.apps.video.decode import ClipReader
    from fast_nst.image.io import read_image

    source = make_clip()
    chosen = ("--lut", gray, "--lut-before", gray, "--frames", "1")
    result = run(source, *chosen, "-o", tmp_path / "%d.png")
    assert result.exit_code == 0, result.output
    reader = ClipReader(source)
    frame = next(iter(reader)).rgb
    reader.close()
    look = read_lut(gray)
    expected = Stylizer.load(filter_file)(np.ascontiguousarray(frame), lut=look, lut_before=look)
    written = read_image(tmp_path / "1.png").rgb.permute(1, 2, 0).numpy() * 255
    assert np.abs(written - expected).max() <= 0.5


def test_a_camera_is_graded(
    run: Any,
    make_clip: Any,
    read_clip: Any,
    gray: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    out = tmp_path / "out.mkv"
    result = run(f"camera:{make_clip()}", "--lut", gray, "--quality", "100", "-o", out)
    assert result.exit_code == 0, result.output
    assert np.ptp(np.stack(read_clip(out).rgb).astype(int), axis=3).max() <= 6


def test_values_that_are_not_finite_are_an_error_and_no_black(
    make_clip: Any, gray: Path, tmp_path: Path
) -> None:
    from fast_nst.apps.video.filtering import Controlled
    from fast_nst.errors import LutError

    class Damaged(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image * float("nan")

    broken = Controlled(Stylizer(Damaged()), {"lut": read_lut(gray)})
    with pytest.raises(LutError, match="not finite"):
        stylize_video(broken, make_clip(), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_bad_lut_is_said_before_the_video_is_opened(run: Any, tmp_path: Path) -> None:
    (tmp_path / "look.cube").write_text("LUT_3D_SIZE 2\n")
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    result = run(tmp_path / "clip.mp4", "--lut", tmp_path / "look.cube", "-o", tmp_path / "o.mp4")
    assert result.exit_code == 1
    assert "look.cube cannot be used as a LUT: " in result.stderr
    assert result.stderr.count("\n") == 1
