"""Files of shared/data/odd where a filter, a video, a style or a large image is wanted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from hydra.core.global_hydra import GlobalHydra

import fast_nst.paths
from fast_nst.cli.main import main
from fast_nst.image.io import read_image
from fast_nst.image.resize import resize_short_side

pytestmark = pytest.mark.shared

UNREADABLE = (
    "bomb_header_60000x60000.png",
    "bomb_valid_20000x20000_1bit.png",
    "corrupt_idat_crc.png",
    "header_only.jpg",
    "text_file.jpg",
    "truncated.jpg",
    "zero_byte.png",
)
# None of them is a filter, whatever its name says; the last two are whole images.
NO_FILTERS = (*UNREADABLE[2:], "noise.png", "cmyk.jpg")
QUICK = ("--size", "16", "--iterations", "2", "--device", "cpu")
SMOKE = ("experiment=smoke", "trainer.max_steps=1", "trainer.accelerator=cpu", "style=custom")


@pytest.fixture(scope="module")
def odd(shared_data: Path) -> Path:
    return shared_data / "odd"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def renamed(odd: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """Copy an odd file to a name with another ending."""

    def copy(name: str, suffix: str) -> Path:
        return Path(shutil.copyfile(odd / name, tmp_path / f"wrong{suffix}"))

    return copy


@pytest.fixture
def hydra() -> Iterator[None]:
    yield
    GlobalHydra.instance().clear()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def assert_refused(result: Result, named: Path, out: Path) -> None:
    """One line that names the file, and nothing written."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (1, 2), result.output
    line, *counts = result.output.splitlines()
    assert line.startswith(f"error: {named}") or f" {named}" in line, result.output
    assert counts in ([], ["1 of 1 images failed."]), result.output
    assert "weights_only" not in line, "PyTorch's advice to run the file's code"
    assert list(out.rglob("*")) == []


@pytest.mark.parametrize("name", NO_FILTERS)
def test_what_is_no_filter_is_refused_by_every_command_that_takes_one(
    odd: Path, renamed: Callable[[str, str], Path], out: Path, name: str
) -> None:
    photo = odd / "tiny_17x13.png"
    for suffix in (".safetensors", ".ckpt", ".onnx", ".png"):
        file = renamed(name, suffix)
        for arguments in (
            ("stylize", "--ckpt", file, photo, "-o", out / "out.png"),
            ("stylize", "--ckpt", file, photo, "-o", out / "out.png", "--memory", "3GB"),
            ("export", "--ckpt", file, "-o", out / "out.onnx"),
            ("evaluate", "--ckpt", file, "-o", out / "report.html"),
            ("info", file),
        ):
            if suffix == ".onnx" and "--memory" in arguments:
                continue  # --memory and ONNX exclude each other, before a file is opened
            assert_refused(run(*arguments), file, out)


@pytest.mark.parametrize("name", NO_FILTERS)
def test_what_is_no_filter_does_not_get_into_a_page(
    renamed: Callable[[str, str], Path],
    tmp_path: Path,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    built = tmp_path / "package" / "assets" / "web"
    built.mkdir(parents=True)
    (built / "index.html").write_text("<title>page</title>")
    monkeypatch.setattr(fast_nst.paths, "PACKAGE", tmp_path / "package")
    for suffix in (".safetensors", ".onnx"):
        file = renamed(name, suffix)
        assert_refused(run("web", "--ckpt", file, "--out", out / "site"), file, out)


@pytest.mark.parametrize("name", NO_FILTERS)
def test_what_is_no_state_dict_is_not_imported(
    renamed: Callable[[str, str], Path], out: Path, name: str
) -> None:
    for suffix in (".pth", ".model", ".png"):
        file = renamed(name, suffix)
        assert_refused(run("import", file, "-o", out / "out.safetensors"), file, out)
    file = renamed(name, ".onnx")
    assert_refused(run("import", file, "--range", "0-255", "-o", out / "out.onnx"), file, out)


@pytest.mark.parametrize(
    "name", ["header_only.jpg", "text_file.jpg", "zero_byte.png", "truncated.jpg", "photo.webp"]
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".png"])
def test_what_is_no_video_does_not_become_one(
    renamed: Callable[[str, str], Path], filter_file: Path, out: Path, name: str, suffix: str
) -> None:
    pytest.importorskip("av")
    file = renamed(name, suffix)
    for target, steady in (("out.mp4", ()), ("out.webm", ("--steady", "0.9"))):
        arguments = ("--ckpt", filter_file, file, "-o", out / target, *steady)
        assert_refused(run("stylize", *arguments), file, out)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_broken_image_is_refused_by_every_command_that_takes_one(
    odd: Path, filter_file: Path, out: Path, hydra: None, name: str
) -> None:
    photo, file = odd / "tiny_17x13.png", odd / name
    image = ("-o", out / "out.png")
    masks = ("--content-mask", file, "--style-mask", file)
    style = (f"style.image='{file}'", "style.name=broken", f"output_dir='{out}'")
    for arguments in (
        ("stylize", "--ckpt", filter_file, file, *image, "--memory", "3GB"),
        ("stylize", "--ckpt", filter_file, photo, *image, "--mask", file),
        ("optimize", file, photo, *image, *QUICK),
        ("optimize", photo, file, *image, *QUICK),
        ("optimize", photo, photo, *image, *QUICK, *masks),
        ("train", *SMOKE, *style, f"hydra.run.dir='{out}/run'"),
    ):
        assert_refused(run(*arguments), file, out)


@pytest.mark.parametrize(
    "name",
    [
        *("exif_orientation6.jpg", "rgba_soft_alpha.png", "cmyk.jpg", "rgb16.png", "gray16.png"),
        *("palette_transparent.png", "one_pixel.png", "tall_3x2000.png", "wide_2000x3.png"),
        *("icc_display_p3.jpg", "gray_alpha_la.png", "bilevel_1bit.png"),
    ],
)
def test_in_strips_an_odd_image_becomes_what_it_becomes_as_a_whole(
    odd: Path, filter_file: Path, out: Path, name: str
) -> None:
    for target, memory in (("whole.png", ()), ("strips.png", ("--memory", "3GB"))):
        result = run("stylize", "--ckpt", filter_file, odd / name, "-o", out / target, *memory)
        assert result.exit_code == 0, result.output
    whole, strips = read_image(out / "whole.png"), read_image(out / "strips.png")
    # What is read as 8 bits for strips may differ by a step from what 16 bits give.
    assert (whole.rgb - strips.rgb).abs().max() < 2.5 / 255
    assert (whole.alpha is None) == (strips.alpha is None)
    if whole.alpha is not None and strips.alpha is not None:
        torch.testing.assert_close(whole.alpha, strips.alpha)


@pytest.mark.parametrize("name", ["exif_orientation6.jpg", "cmyk.jpg", "rgb16.png"])
def test_an_odd_image_is_optimized_as_it_is_shown(odd: Path, out: Path, name: str) -> None:
    photo = odd / "tiny_17x13.png"
    result = run("optimize", odd / name, photo, "-o", out / "out.png", *QUICK)
    assert result.exit_code == 0, result.output
    stylized = read_image(out / "out.png").rgb
    shown = resize_short_side(read_image(odd / name).rgb[None], 16)[0]
    assert stylized.shape == shown.shape


@pytest.mark.parametrize(
    "name", ["exif_orientation6.jpg", "rgba_soft_alpha.png", "cmyk.jpg", "rgb16.png"]
)
def test_a_training_takes_an_odd_style_as_it_is_shown(
    odd: Path, shared_data: Path, out: Path, hydra: None, name: str
) -> None:
    upright = odd / "exif_orientation6_expected_upright.png"
    boats = shared_data / "heldout" / "bsds_test_118015.jpg"
    wanted = read_image(upright if name.startswith("exif") else boats).rgb
    arguments = (f"style.image='{odd / name}'", "style.name=odd", f"output_dir='{out}'")
    result = run("train", *SMOKE, *arguments, f"hydra.run.dir='{out}/run'")
    assert result.exit_code == 0, result.output
    side = 64  # px, of the preview's squares: content, style and stylized
    painted = read_image(out / "odd.png").rgb
    assert painted.shape == (3, side, 3 * side)
    shown = resize_short_side(wanted, side)[:, :side, :side]
    difference = (painted[:, :, side : 2 * side] - shown).abs().mean().item() * 255
    # Of the one with transparency, other colors show where it is transparent.
    assert difference < (40 if name.startswith("rgba") else 6)
