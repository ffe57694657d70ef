import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fast_nst.errors import ConfigError, ImageError
from fast_nst.image.io import read_image, write_image
from fast_nst.inference import Stylizer
from fast_nst.tiling.stream import stylize_file_streamed
from fast_nst.tiling.strips import resident_memory


@pytest.fixture(scope="module")
def stylizer(filter_file: Path) -> Stylizer:
    return Stylizer.load(filter_file, engine="torch")


def enough() -> float:
    return resident_memory() + 6e8


def draw(path: Path, mode: str = "RGB", size: tuple[int, int] = (61, 150)) -> Path:
    generator = torch.Generator().manual_seed(0)
    channels = len(Image.new(mode, (1, 1)).getbands())
    values = torch.rand(size[1] // 5, size[0] // 5 + 1, channels, generator=generator)
    image = Image.fromarray((values * 255).byte().numpy().squeeze(), mode=None)
    image.resize(size, Image.Resampling.BILINEAR).save(path)
    return path


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.tif", "photo.webp"])
def test_the_file_is_that_of_the_whole_image(stylizer: Stylizer, tmp_path: Path, name: str) -> None:
    source = draw(tmp_path / "in.png")
    stylize_file_streamed(stylizer, source, tmp_path / name, memory=enough())
    write_image(tmp_path / f"whole_{name}", stylizer.stylize_image(read_image(source)).rgb)
    streamed, whole = (np.array(Image.open(tmp_path / n)) for n in (name, f"whole_{name}"))
    assert streamed.shape == whole.shape
    assert np.abs(streamed.astype(int) - whole).max() <= (2 if name.endswith(("png", "tif")) else 9)


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_gray_and_transparent_images_are_read_as_ever(
    stylizer: Stylizer, tmp_path: Path, mode: str
) -> None:
    source = draw(tmp_path / "in.png", mode)
    stylize_file_streamed(stylizer, source, tmp_path / "out.png", memory=enough())
    whole = stylizer.stylize_image(read_image(source))
    streamed = read_image(tmp_path / "out.png")
    assert (streamed.alpha is None) == (whole.alpha is None)
    if whole.alpha is not None and streamed.alpha is not None:
        assert torch.equal(streamed.alpha, whole.alpha)
        seen = whole.alpha.expand_as(whole.rgb) > 0.2
        assert (streamed.rgb - whole.rgb)[seen].abs().mean() < 0.02


def test_hidden_colors_do_not_reach_the_result(stylizer: Stylizer, tmp_path: Path) -> None:
    results = []
    for hidden in ((255, 0, 0), (0, 0, 255)):
        image = Image.new("RGBA", (80, 120), (*hidden, 0))
        image.paste((90, 140, 60, 255), (20, 30, 60, 90))
        image.save(tmp_path / "in.png")
        stylize_file_streamed(stylizer, tmp_path / "in.png", tmp_path / "out.png", memory=enough())
        results.append(np.array(Image.open(tmp_path / "out.png")))
    assert (results[0] == results[1]).all()


def test_jpeg_is_laid_on_white(stylizer: Stylizer, tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(tmp_path / "in.png")
    stylize_file_streamed(stylizer, tmp_path / "in.png", tmp_path / "out.jpg", memory=enough())
    assert np.array(Image.open(tmp_path / "out.jpg")).min() >= 254


def test_orientation_is_applied(stylizer: Stylizer, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (50, 20), "green").save(tmp_path / "in.jpg", exif=exif)
    stylize_file_streamed(stylizer, tmp_path / "in.jpg", tmp_path / "out.png", memory=enough())
    assert read_image(tmp_path / "out.png").rgb.shape == (3, 50, 20)


def test_too_little_memory_is_said_before_anything_is_written(
    stylizer: Stylizer, tmp_path: Path
) -> None:
    source = draw(tmp_path / "in.png")
    with pytest.raises(ConfigError, match="at least"):
        stylize_file_streamed(stylizer, source, tmp_path / "out.png", memory=1e6)
    assert [p.name for p in tmp_path.iterdir()] == ["in.png"]


def test_broken_files_and_unknown_endings_are_refused(stylizer: Stylizer, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(ImageError, match=r"broken\.png"):
        stylize_file_streamed(
            stylizer, tmp_path / "broken.png", tmp_path / "out.png", memory=enough()
        )
    with pytest.raises(ImageError, match="ending"):
        stylize_file_streamed(
            stylizer, draw(tmp_path / "in.png"), tmp_path / "out.xyz", memory=enough()
        )


PROGRAM = r"""
import re, sys
from fast_nst.inference import Stylizer
from fast_nst.tiling.stream import stylize_file_streamed
from fast_nst.tiling.strips import resident_memory
stylizer = Stylizer.load(sys.argv[1], engine="torch")
before = resident_memory()
stylize_file_streamed(stylizer, sys.argv[2], sys.argv[3], memory=before + 450e6)
# Not getrusage's maximum: that one counts the process that started this one, too.
peak = int(re.search(r"VmHWM:\s*(\d+) kB", open("/proc/self/status").read())[1]) * 1024
print((peak - before) / 1e6)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_the_process_stays_within_the_memory_it_is_given(filter_file: Path, tmp_path: Path) -> None:
    # Whole, the width-4 network would take more than 1 GB for these 9 megapixels.
    source = draw(tmp_path / "in.png", size=(3000, 3000))
    shown = subprocess.run(
        [sys.executable, "-c", PROGRAM, filter_file, source, tmp_path / "out.png"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert float(shown.stdout) < 450
