"""``fast-nst stylize --polish``, as a person uses it, and ``polish`` in Python."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from fast_nst import Stylizer
from fast_nst.batch import stylize_files
from fast_nst.batch.polish import polish, read_style
from fast_nst.cli.main import main
from fast_nst.encoders import create_encoder
from fast_nst.errors import ConfigError, LayerError
from fast_nst.filter_metadata import Style
from fast_nst.filters.checkpoint import load_filter, save_filter
from fast_nst.filters.style_image import find_style_image
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optim.pixels import Progress
from fast_nst.paths import asset_path

LOSS = {"scale": "relative", "content_weight": 1.0, "style_weight": 20.0}


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    words = ["stylize", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(main, words, input=stdin)


def pixels(file: Path) -> np.ndarray[Any, np.dtype[np.int64]]:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"), int)


def make_filter(filter_file: Path, target: Path, style: dict[str, Any], **said: Any) -> Path:
    """The test's filter, as if it had been trained with that style."""
    loaded = load_filter(filter_file)
    metadata = dataclasses.replace(
        loaded.metadata,
        styles=(Style(style["name"], said.pop("sha256", "")),),
        config={"style": {"size": 32, **style}, "loss": LOSS},
        **said,
    )
    return save_filter(target, loaded.network, metadata)


@pytest.fixture
def folder(tmp_path: Path, filter_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``photo.png``, ``style.png``, and filters that do and do not name a style."""
    monkeypatch.chdir(tmp_path)
    across, down = Image.linear_gradient("L"), Image.radial_gradient("L")
    Image.merge("RGB", (across, down, across)).resize((56, 40)).save("photo.png")
    cells = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype(np.uint8)
    Image.fromarray(cells).resize((48, 48), Image.Resampling.NEAREST).save("style.png")
    shutil.copy(filter_file, "without.safetensors")
    make_filter(filter_file, tmp_path / "wave.safetensors", {"name": "great_wave"})
    make_filter(
        filter_file,
        tmp_path / "mine.safetensors",
        {"name": "mine", "image": str(tmp_path / "style.png"), "texture": None},
        sha256=hashlib.sha256((tmp_path / "style.png").read_bytes()).hexdigest(),
    )
    return tmp_path


def losses(stylizer: Stylizer, photo: Path, image: Path) -> float:
    """The loss that the filter's style, size and weights make, by another route."""
    target = read_style(stylizer).image
    loss = PerceptualLoss(create_encoder("vgg_lite"), target, content_weight=1, style_weight=20)

    def read(file: Path) -> torch.Tensor:
        return torch.from_numpy(pixels(file)).permute(2, 0, 1)[None] / 255

    with torch.no_grad():
        terms = loss(read(image), loss.content_targets(read(photo)))
    return float(sum(terms.values()))


@pytest.mark.parametrize("name", ["wave", "mine"])
def test_more_iterations_lower_the_loss_of_the_filters_own_style(folder: Path, name: str) -> None:
    photo, file = folder / "photo.png", folder / f"{name}.safetensors"
    found = []
    for count in ("0", "3", "15"):
        result = run("--ckpt", file, photo, "-o", f"{count}.png", "--polish", count)
        assert result.exit_code == 0, result.output
        assert result.stdout == f"wrote {count}.png\n"
        found.append(losses(Stylizer.load(file), photo, folder / f"{count}.png"))
    assert found[2] < 0.9 * found[0]
    assert found[2] < found[1] < found[0]


def test_no_iterations_are_the_filter_alone_which_needs_no_style(folder: Path) -> None:
    for name, options in (("plain", ()), ("none", ("--polish", "0"))):
        result = run("--ckpt", "without.safetensors", "photo.png", "-o", f"{name}.png", *options)
        assert result.exit_code == 0, result.output
    assert (folder / "plain.png").read_bytes() == (folder / "none.png").read_bytes()
    given = Stylizer.load("without.safetensors")
    assert polish(given, 0) is given


def test_strength_color_and_mask_come_after(folder: Path) -> None:
    Image.linear_gradient("L").resize((56, 40)).point(lambda v: 255 * (v > 99)).save("mask.png")
    common = ("--ckpt", "wave.safetensors", "photo.png", "--polish", "4")
    looks = {
        "all.png": (),
        "none.png": ("--strength", "0"),
        "half.png": ("--strength", "0.5"),
        "masked.png": ("--mask", "mask.png"),
        "gray.png": ("--preserve-color", "luminance"),
    }
    for name, options in looks.items():
        result = run(*common, "-o", name, *options)
        assert result.exit_code == 0, result.output
    photo, all_ = pixels(Path("photo.png")), pixels(Path("all.png"))
    assert (pixels(Path("none.png")) == photo).all()
    assert np.abs(pixels(Path("half.png")) - (photo + all_) / 2).max() <= 1
    white = pixels(Path("mask.png")) > 0
    assert (pixels(Path("masked.png")) == np.where(white, all_, photo)).all()
    assert not (pixels(Path("gray.png")) == all_).all()


def test_strokes_keep_their_size_with_a_scale(folder: Path) -> None:
    """The image that is polished is the one that the network sees."""
    seen = []
    stylizer = polish(
        Stylizer.load("wave.safetensors"),
        1,
        on_progress=lambda progress: seen.append(tuple(progress.image.shape[-2:])),
    )
    stylizer(torch.rand(3, 40, 56), scale=2)
    assert seen == [(20, 28)]


def test_pipes_sheets_animations_and_folders_are_polished(folder: Path) -> None:
    arguments = ("--ckpt", "wave.safetensors", "--polish", "2")
    assert run(*arguments, "photo.png", "-o", "one.png").exit_code == 0
    piped = run(*arguments, "-", "-o", "-", stdin=Path("photo.png").read_bytes())
    assert piped.exit_code == 0
    with Image.open(io.BytesIO(piped.stdout_bytes)) as image:
        assert (np.asarray(image, int) == pixels(Path("one.png"))).all()
    (folder / "in").mkdir()
    for name in ("in/a.png", "in/b.png"):
        shutil.copy("photo.png", name)
    many = run(*arguments, "in", "-o", "out")
    assert many.exit_code == 0, many.output
    assert (pixels(Path("out/b.png")) == pixels(Path("one.png"))).all()
    ckpts = ("--ckpt", "mine.safetensors", "--ckpt", "wave.safetensors")
    sheets = []
    for count in ("0", "2"):
        sheet = run(*ckpts, "in", "--contact-sheet", "sheet.png", "--polish", count)
        assert sheet.exit_code == 0, sheet.output
        sheets.append(Path("sheet.png").read_bytes())
    assert sheets[0] != sheets[1]
    with Image.open("photo.png") as photo:
        turned = photo.transpose(Image.Transpose.ROTATE_180)
        photo.save("moving.gif", save_all=True, append_images=[turned])
    moving = run(*arguments, "moving.gif", "-o", "moving.webp")
    assert moving.exit_code == 0, moving.output
    with Image.open("moving.webp") as image:
        assert image.n_frames == 2


def test_a_blend_is_polished_with_both_styles(folder: Path) -> None:
    ckpts = ("--ckpt", "mine.safetensors", "--ckpt", "wave.safetensors")
    common = ("photo.png", "--polish", "12")
    for share in ("0", "0.5"):
        result = run(*ckpts, *common, "-o", f"{share}.png", "--mix", share)
        assert result.exit_code == 0, result.output
    assert run("--ckpt", "mine.safetensors", *common, "-o", "alone.png").exit_code == 0
    alone = pixels(Path("alone.png"))
    assert np.abs(pixels(Path("0.png")) - alone).max() <= 1
    assert np.abs(pixels(Path("0.5.png")) - alone).max() > 8


def test_a_style_can_be_given_as_a_file_or_by_a_bundled_styles_name(folder: Path) -> None:
    found = []
    for style in ("style.png", "great_wave"):
        arguments = ("--ckpt", "without.safetensors", "photo.png", "-o", "out.png", "--polish", "2")
        result = run(*arguments, "--polish-style", style)
        assert result.exit_code == 0, result.output
        found.append(Path("out.png").read_bytes())
    assert found[0] != found[1]


def test_onnx_models_are_polished_as_well(folder: Path) -> None:
    golden = Path(__file__).resolve().parents[1] / "golden"
    for name in ("quarter.safetensors", "quarter.onnx"):
        result = run("--ckpt", golden / name, "photo.png", "-o", f"{name}.png", "--polish", "2")
        assert result.exit_code == 0, result.output
    difference = pixels(Path("quarter.onnx.png")) - pixels(Path("quarter.safetensors.png"))
    assert np.abs(difference).mean() < 1


def test_the_style_image_is_found_by_what_the_file_says(folder: Path, filter_file: Path) -> None:
    def find(**style: Any) -> Path:
        file = make_filter(filter_file, folder / "f.safetensors", style)
        return find_style_image(load_filter(file).metadata)

    assert find(name="great_wave") == asset_path("styles/great_wave.webp")
    assert find(name="my_wave", texture="great_wave") == asset_path("styles/great_wave.webp")
    with pytest.raises(ConfigError, match="no bundled style 'unheard_of'"):
        find(name="unheard_of")
    with pytest.raises(ConfigError, match=r"style\.png has changed since the training"):
        find(name="mine", image=str(folder / "style.png"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ckpt", "without.safetensors"), "no style image to polish with: the file does not"),
        (("--ckpt", "without.safetensors"), "Give it: --polish-style IMAGE."),
        (("--ckpt", "without.safetensors", "--polish-style", "none.png"), "neither a file nor a"),
        (("--ckpt", "without.safetensors", "--polish-style", "notes.png"), "cannot read notes.png"),
        (("--ckpt", "without.safetensors", "--polish-style", "flat.png"), "is one flat color"),
        (("--ckpt", "without.safetensors", "--polish-style", "long.png"), "is 40x2 px; the long"),
        (("--ckpt", "moved.safetensors"), "gone.png cannot be read: No such file"),
    ],
)
def test_a_style_that_is_not_at_hand_is_one_line_and_nothing_is_written(
    folder: Path, filter_file: Path, arguments: tuple[str, ...], message: str
) -> None:
    make_filter(filter_file, folder / "moved.safetensors", {"name": "a", "image": "gone.png"})
    (folder / "notes.png").write_text("no image")
    Image.new("RGB", (40, 40), "teal").save("flat.png")
    Image.linear_gradient("L").resize((40, 2)).save("long.png")
    result = run(*arguments, "photo.png", "-o", "out.png", "--polish", "3")
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr
    assert not Path("out.png").exists()


def test_an_image_that_is_too_small_is_reported_by_name_and_the_others_go_on(folder: Path) -> None:
    Image.linear_gradient("L").resize((15, 40)).save("small.png")
    arguments = ("--ckpt", "wave.safetensors", "small.png", "photo.png", "-o", "out")
    result = run(*arguments, "--polish", "1")
    assert result.exit_code == 1
    assert "cannot stylize small.png: the image is 15x40 px, and to polish it" in result.stderr
    assert [each.name for each in Path("out").iterdir()] == ["photo.png"]


def test_in_python_it_is_a_stylizer_like_any_other(folder: Path) -> None:
    stylizer = Stylizer.load("wave.safetensors")
    seen: list[Progress] = []
    polished = polish(stylizer, 3, on_progress=seen.append)
    assert polished.metadata == stylizer.metadata
    batch = torch.rand(2, 3, 20, 28, generator=torch.Generator().manual_seed(0))
    copy = batch.clone()
    result = polished(batch)
    assert torch.equal(batch, copy)
    assert result.shape == batch.shape
    assert not result.requires_grad
    assert [each.iteration for each in seen] == [1, 2, 3] * 2
    assert torch.equal(seen[0].image, stylizer(batch)[:1])
    with pytest.raises(LayerError, match="needs 16x16 px"):
        polished(batch[..., :10])
    with pytest.raises(ConfigError, match="polish is -1 iterations; expected 0 or more"):
        polish(stylizer, -1)
    with pytest.raises(ConfigError, match="Run it on the whole image"):
        stylize_files(polished, ["photo.png"], "out.png", memory=1e9)
