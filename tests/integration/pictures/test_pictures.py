"""Nothing of an image file is lost without a word: 36 kinds of file, through the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from PIL import Image

from fast_nst.cli.main import main
from fast_nst.image.animation import Animation, Pages, read_frames
from fast_nst.image.arrays import ArrayImage
from fast_nst.image.opening import open_image
from fast_nst.image.resolution import read_resolution

Make = Callable[[str], tuple[Path, Any]]


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(main, ["stylize", *map(str, arguments)], **options)


def read(file: Path) -> list[ArrayImage]:
    loaded = read_frames(file)
    if isinstance(loaded, Pages):
        return list(loaded.pages())
    return [image for image, _ in loaded.frames()] if isinstance(loaded, Animation) else [loaded]


def planes(image: ArrayImage) -> NDArray[np.float64]:
    """(H, W, 3 or 4)."""
    both = image.rgb if image.alpha is None else np.concatenate([image.rgb, image.alpha])
    return both.transpose(1, 2, 0).astype(np.float64)


def difference(got: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """The largest difference where it can be seen, in steps of 1/65535."""
    assert got.shape == right.shape
    gap = np.abs(got - right)
    if right.shape[2] == 4:  # a color that is hardly seen takes part by its opacity
        gap[..., :3] *= (right[..., 3:] >= 1 / 8) * right[..., 3:]
    return float(gap.max() * 65535)


def test_every_file_has_its_right_values(
    picture_file: tuple[Path, Any], picture_name: str, filter_file: Path, tmp_path: Path
) -> None:
    source, right = picture_file
    out = tmp_path / (f"out{right.result}" if right.result else "out")
    done = run("--ckpt", filter_file, "--strength", 0, source, "-o", out)
    assert done.exit_code == 0, done.output
    if not right.result:  # into a folder, under the name that it gets there
        (out,) = out.iterdir()
        assert out.suffix == ".jpg"
    for note in right.notes:
        assert note in done.stderr
    assert len(done.stderr.splitlines()) == (1 if right.notes else 0), done.stderr
    results = read(out)
    assert len(results) == len(right.pages)
    for result, page in zip(results, right.pages, strict=True):
        assert difference(planes(result), page) <= right.steps
    with open_image(out) as opened:
        got, wanted = read_resolution(opened), right.dpi
        assert (got is None) == (wanted is None) or picture_name.startswith("pages")
        if got and wanted:
            assert got == pytest.approx(wanted, rel=2e-3)
    if right.bits > 8:
        assert results[0].depth == right.bits


@pytest.mark.parametrize(
    "name", ["rgba_16.png", "premultiplied_16.tif", "pages.tif", "gray_16.png"]
)
@pytest.mark.parametrize("ending", [".tif", ".png"])
def test_strips_paint_what_the_whole_image_does(
    make_picture: Make, filter_file: Path, tmp_path: Path, name: str, ending: str
) -> None:
    source, _ = make_picture(name)
    whole, strips = tmp_path / f"whole{ending}", tmp_path / f"strips{ending}"
    first = run("--ckpt", filter_file, "--engine", "torch", source, "-o", whole)
    second = run("--ckpt", filter_file, "--memory", "8GB", source, "-o", strips)
    assert first.exit_code == second.exit_code == 0, first.output + second.output
    assert first.stderr == second.stderr
    for one, other in zip(read(whole), read(strips), strict=True):
        assert one.depth == other.depth
        steps = 300 if one.depth == 8 else 40
        assert difference(planes(one), planes(other)) <= steps


def test_sixteen_bits_are_the_networks_own_in_every_engine(
    make_picture: Make, filter_file: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    source, _ = make_picture("rgb_16.png")
    results = []
    for engine in ("torch", "onnxruntime"):
        out = tmp_path / f"{engine}.png"
        done = run("--ckpt", filter_file, "--engine", engine, source, "-o", out)
        assert done.exit_code == 0, done.output
        assert not done.stderr
        results.append(planes(read(out)[0]))
    assert difference(*results) < 40
    for result in results:
        values = (result * 65535).round().astype(int)
        assert len(np.unique(values % 257)) > 200, "these are values of 8 bits"


def test_a_model_of_8_bits_says_that_it_leaves_no_more(make_picture: Make, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["": 18]>
        same (uint8[1, 3, h, w] image) => (uint8[1, 3, h, w] result) { result = Identity(image) }"""
    )
    onnx.save(model, tmp_path / "same.onnx")
    source, _ = make_picture("rgb_16.png")
    for ending, note in (
        (".png", "computes with 8 bits per channel, and written with 16"),
        (".jpg", ""),
    ):
        out = tmp_path / f"out{ending}"
        done = run("--ckpt", tmp_path / "same.onnx", "--range", "0-255", source, "-o", out)
        assert done.exit_code == 0, done.output
        assert note in done.stderr


@pytest.mark.parametrize(
    ("ending", "asked", "bits"),
    [(".png", 16, 16), (".png", 10, 16), (".tif", 16, 16), (".avif", 10, 10), (".avif", 8, 8)],
)
def test_a_depth_can_be_asked_for(
    filter_file: Path, tmp_path: Path, ending: str, asked: int, bits: int
) -> None:
    source, out = tmp_path / "a.jpg", tmp_path / f"out{ending}"
    exif = Image.Exif()
    exif[0x013B] = "Ann"
    Image.radial_gradient("L").convert("RGB").save(source, exif=exif, dpi=(300, 300))
    done = run("--ckpt", filter_file, "--depth", asked, source, "-o", out)
    assert done.exit_code == 0, done.output
    assert not done.stderr
    (result,) = read(out)
    assert result.depth == bits
    assert result.metadata is not None
    assert result.metadata.dpi == pytest.approx((300, 300), rel=1e-3)
    assert b"Ann" in result.metadata.exif


def test_a_depth_that_a_format_lacks_is_refused_before_anything_is_written(
    filter_file: Path, tmp_path: Path
) -> None:
    for name in ("a.png", "b.jpg"):
        Image.new("RGB", (20, 20)).save(tmp_path / name)
    done = run("--ckpt", filter_file, "--depth", 16, tmp_path, "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "b.jpg: JPEG holds 8 bits per channel, and 16 are asked for" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_pipe_carries_16_bits(make_picture: Make, filter_file: Path, tmp_path: Path) -> None:
    source, right = make_picture("rgba_16.png")
    done = run("--ckpt", filter_file, "--strength", 0, "-", "-o", "-", input=source.read_bytes())
    assert done.exit_code == 0, done.stderr
    (tmp_path / "out.png").write_bytes(done.stdout_bytes)
    (result,) = read(tmp_path / "out.png")
    assert result.depth == 16
    assert difference(planes(result), right.pages[0]) <= 1


def test_preserved_colors_keep_16_bits(
    make_picture: Make, filter_file: Path, tmp_path: Path
) -> None:
    source, _ = make_picture("rgb_16.png")
    done = run(
        *("--ckpt", filter_file, "--preserve-color", "luminance"), source, "-o", tmp_path / "o.tif"
    )
    assert done.exit_code == 0, done.output
    values = tifffile.imread(tmp_path / "o.tif")
    assert values.dtype == np.uint16
    assert len(np.unique(values % 257)) > 200


def test_finished_pages_are_passed_over(
    make_picture: Make, filter_file: Path, tmp_path: Path
) -> None:
    make_picture("pages.tif")
    words = ("--ckpt", filter_file, tmp_path / "pages.tif", "-o", tmp_path / "out/", "--resume")
    (tmp_path / "out").mkdir()
    assert run(*words).exit_code == 0
    assert len(read(tmp_path / "out" / "pages.tif")) == 3
    assert "skipped 1 that were done" in run(*words).output


def test_white_is_zero_is_painted_as_the_same_image_of_8_bits(
    make_picture: Make, filter_file: Path, tmp_path: Path
) -> None:
    results = []
    for name in ("white_is_zero_16.tif", "white_is_zero_8.tif"):
        source, _ = make_picture(name)
        out = tmp_path / f"out_{name}"
        assert run("--ckpt", filter_file, source, "-o", out).exit_code == 0
        results.append(planes(read(out)[0]))
    assert np.abs(results[0] - results[1]).mean() < 2 / 255


def test_what_a_folder_holds_besides_is_named_in_one_line(
    filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("a.jpg", "b.jfif", "c.jpe", "d.MPO", "e.JPEG")
    for name in names:
        Image.new("RGB", (20, 20)).save(tmp_path / name, "JPEG")
    for name in ("photo.HEIC", "notes.txt", "a.xmp", ".hidden.txt"):
        (tmp_path / name).write_bytes(b"something")
    monkeypatch.setattr(
        "fast_nst.image.extras.find_spec", lambda package: None
    )  # none of the packages is there
    done = run("--ckpt", filter_file, tmp_path, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    written = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert written == ["a.jpg", "b.jfif", "c.jpe", "d.jpg", "e.JPEG"]
    assert done.stderr == (
        "note: skipped 3 files: photo.HEIC (needs pip install 'fast-nst[formats]'); "
        "a.xmp, notes.txt (no images or videos by their endings)\n"
    )


@pytest.mark.parametrize("name", ["a.heic", "a.jxl", "a.exr", "a.cr3"])
def test_without_its_package_a_format_names_the_extra(
    filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    heads = {
        ".heic": b"\0\0\0\x18ftypheic",
        ".jxl": imagecodecs.jpegxl_encode(np.zeros((8, 8, 3), np.uint8)),
        ".exr": b"\x76\x2f\x31\x01",
        ".cr3": b"\0\0\0\x18ftypcrx ",
    }
    (tmp_path / name).write_bytes(heads[Path(name).suffix] + bytes(99))
    monkeypatch.setattr("fast_nst.image.extras.find_spec", lambda package: None)
    done = run("--ckpt", filter_file, tmp_path / name, "-o", tmp_path / "out.png")
    assert done.exit_code == 1
    assert "pip install 'fast-nst[formats]'" in done.stderr


def test_openexr_is_written_as_linear_light(
    make_picture: Make, filter_file: Path, tmp_path: Path
) -> None:
    openexr = pytest.importorskip("OpenEXR")
    source, right = make_picture("rgba_16.png")
    done = run("--ckpt", filter_file, "--strength", 0, source, "-o", tmp_path / "out.exr")
    assert done.exit_code == 0, done.output
    light = openexr.File(str(tmp_path / "out.exr")).channels()["RGBA"].pixels
    assert light.dtype == np.float32
    encoded, alpha = right.pages[0][..., :3], right.pages[0][..., 3:]
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    seen = alpha[..., 0] > 0.2
    np.testing.assert_allclose(light[..., :3][seen], (linear * alpha)[seen], atol=1e-4)
    np.testing.assert_allclose(light[..., 3:], alpha, atol=1e-5)
