"""``fast-nst optimize``, as a person uses it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from fast_nst.cli.main import main
from fast_nst.encoders import ENCODERS
from fast_nst.optimize.options import TransferOptions

QUICK = ("--size", "32", "--iterations", "3", "--device", "cpu")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["optimize", *map(str, arguments)])


def make_photo(path: Path, size: tuple[int, int] = (60, 40)) -> Path:
    across, down = Image.linear_gradient("L").resize(size), Image.radial_gradient("L").resize(size)
    Image.merge("RGB", (across, down, down)).save(path)
    return path


def make_style(path: Path, size: tuple[int, int] = (48, 48)) -> Path:
    cells = np.random.default_rng(0).integers(0, 256, (size[1] // 4, size[0] // 4, 3))
    Image.fromarray(cells.astype(np.uint8)).resize(size, Image.Resampling.NEAREST).save(path)
    return path


def make_mask(path: Path, size: tuple[int, int], left: str = "black", right: str = "white") -> Path:
    mask = Image.new("RGB", size, left)
    mask.paste(Image.new("RGB", (size[0] // 2, size[1]), right), (size[0] // 2, 0))
    mask.save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with ``photo.jpg`` and ``style.png``."""
    make_photo(tmp_path / "photo.jpg")
    make_style(tmp_path / "style.png")
    return tmp_path


def test_it_writes_one_image_in_a_new_folder_and_says_so(folder: Path) -> None:
    out = folder / "new" / "out.png"
    result = run(folder / "photo.jpg", folder / "style.png", "-o", out, *QUICK)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"wrote {out}\n"
    assert re.search(r"3 iterations in \d+ s: content [\d.]+, style [\d.]+", result.stderr)
    assert [path.name for path in out.parent.iterdir()] == ["out.png"]
    with Image.open(out) as image, Image.open(folder / "photo.jpg") as photo:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (48, 32))
        changed = np.abs(np.asarray(image, float) - np.asarray(photo.resize((48, 32)), float))
        assert changed.mean() > 5


def test_a_seed_repeats_and_another_one_does_not(folder: Path) -> None:
    for name, seed in (("1.png", "1"), ("2.png", "1"), ("3.png", "2")):
        arguments = (folder / "photo.jpg", folder / "style.png", "-o", folder / name)
        assert run(*arguments, *QUICK, "--init", "noise", "--seed", seed).exit_code == 0
    images = [(folder / name).read_bytes() for name in ("1.png", "2.png", "3.png")]
    assert images[0] == images[1] != images[2]


def test_transparency_is_kept(folder: Path) -> None:
    with Image.open(folder / "photo.jpg") as photo:
        photo.putalpha(make_alpha := Image.linear_gradient("L").resize(photo.size))
        photo.save(folder / "cut.png")
    out = folder / "out.png"
    result = run(folder / "cut.png", folder / "style.png", "-o", out, *QUICK[2:], "--size", "0")
    assert result.exit_code == 0, result.output
    with Image.open(out) as image:
        assert image.size == (60, 40)
        difference = np.asarray(image.getchannel("A"), int) - np.asarray(make_alpha, int)
        assert np.abs(difference).max() <= 1


def test_a_bundled_style_has_a_name_and_styles_can_be_blended(folder: Path) -> None:
    out = folder / "out.webp"
    styles = (folder / "style.png", "starry_night")
    result = run(folder / "photo.jpg", *styles, "--blend", "1,2.5", "-o", out, *QUICK)
    assert result.exit_code == 0, result.output
    assert out.is_file()


def test_previews_are_written_beside_the_result(folder: Path) -> None:
    out = folder / "out.png"
    arguments = (folder / "photo.jpg", folder / "style.png", "-o", out, "--preview-every", "2")
    result = run(*arguments, "--size", "128", "--iterations", "5", "--levels", "2")
    assert result.exit_code == 0, result.output
    written = sorted(path.name for path in folder.glob("out*"))
    assert written == ["out.png", "out_0002.png", "out_0004.png"]
    for name in written:  # those of a smaller level too
        with Image.open(folder / name) as image:
            assert image.size == (192, 128)


def test_luminance_leaves_a_gray_photo_gray(folder: Path) -> None:
    with Image.open(folder / "photo.jpg") as photo:
        photo.convert("L").save(folder / "gray.png")
    out = folder / "out.png"
    arguments = (folder / "gray.png", folder / "style.png", "-o", out)
    result = run(*arguments, *QUICK, "--preserve-color", "luminance")
    assert result.exit_code == 0, result.output
    with Image.open(out) as image:
        pixels = np.asarray(image, int)
    assert np.abs(pixels - pixels[..., :1]).max() <= 1


def test_masks_choose_the_regions(folder: Path) -> None:
    content_mask = make_mask(folder / "cm.png", (60, 40))
    results = []
    for name, colors in (("same", ("black", "white")), ("crossed", ("white", "black"))):
        style_mask = make_mask(folder / f"{name}.png", (48, 48), *colors)
        out = folder / f"out_{name}.png"
        masks = ("--content-mask", content_mask, "--style-mask", style_mask)
        result = run(folder / "photo.jpg", folder / "style.png", *masks, "-o", out, *QUICK)
        assert result.exit_code == 0, result.output
        results.append(out.read_bytes())
    assert results[0] != results[1]


@pytest.mark.parametrize("name", ["f.safetensors", "f.ckpt", "f.onnx"])
def test_a_filters_painting_is_where_it_starts(folder: Path, filter_file: Path, name: str) -> None:
    golden = Path(__file__).resolve().parents[1] / "golden"
    files = {"f.ckpt": golden / "quarter.ckpt", "f.onnx": golden / "quarter.onnx"}
    file = files.get(name, filter_file)
    photo, out, painted = folder / "photo.jpg", folder / "out.png", folder / "painted.png"
    assert CliRunner().invoke(
        main, ["stylize", "--ckpt", str(file), str(photo), "-o", str(painted)]
    ).exit_code == 0  # fmt: skip
    arguments = ("-o", out, "--init", file, "--size", "0", "--iterations", "1", "--device", "cpu")
    result = run(photo, folder / "style.png", *arguments, "--preview-every", "1")
    assert result.exit_code == 0, result.output
    # Before the first step, the best image is the start.
    with Image.open(folder / "out_0001.png") as start, Image.open(painted) as expected:
        difference = np.abs(np.asarray(start, int) - np.asarray(expected, int))
    assert difference.max() <= 1


def test_a_predicted_filters_painting_is_where_it_starts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAST_NST_CACHE", str(folder / "cache"))
    photo, painted = folder / "photo.jpg", folder / "painted.png"
    assert CliRunner().invoke(
        main, ["stylize", "--style", "great_wave", str(photo), "-o", str(painted)]
    ).exit_code == 0  # fmt: skip
    arguments = ("-o", folder / "out.png", "--init", "predicted", "--size", "0")
    result = run(photo, "great_wave", *arguments, "--iterations", "1", "--preview-every", "1")
    assert result.exit_code == 0, result.output
    with Image.open(folder / "out_0001.png") as start, Image.open(painted) as expected:
        difference = np.abs(np.asarray(start, int) - np.asarray(expected, int))
    assert difference.max() <= 1


def test_from_a_filter_there_is_one_level_unless_more_are_asked_for(
    folder: Path, filter_file: Path
) -> None:
    sizes = {}
    for levels in ((), ("--levels", "2")):
        out = folder / "out.png"
        arguments = ("-o", out, "--init", filter_file, "--size", "128", "--iterations", "2")
        result = run(
            folder / "photo.jpg", folder / "style.png", *arguments, *levels, "--preview-every", "1"
        )
        assert result.exit_code == 0, result.output
        with Image.open(folder / "out_0001.png") as image:
            sizes[levels] = len(np.unique(np.asarray(image)))
        assert "2 iterations" in result.stderr
    assert len(set(sizes.values())) == 2, "the first of two levels sees the painting made smaller"


def test_ctrl_c_writes_the_best_image_so_far(folder: Path) -> None:
    out, third = folder / "out.png", folder / "out_0003.png"
    arguments = [folder / "photo.jpg", folder / "style.png", "-o", out, "--preview-every", "3"]
    endless = ["--size", "32", "--iterations", "1000000"]
    program = subprocess.Popen(
        [sys.executable, "-m", "fast_nst", "optimize", *map(str, arguments), *endless],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not third.is_file() and program.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        program.send_signal(signal.SIGINT)
        stdout, stderr = program.communicate(timeout=60)
    finally:
        program.kill()
    assert program.returncode == 130, stderr
    assert re.fullmatch(
        rf"interrupted after \d+ of 1000000 iterations; wrote {re.escape(str(out))}, "
        r"the best image so far\n",
        stdout,
    )
    assert "Traceback" not in stderr
    with Image.open(out) as image:
        assert image.size == (48, 32)


def test_ctrl_c_before_the_first_iteration_writes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fast_nst.optimize.gatys.stylize_iteratively", interrupt)
    result = run(folder / "photo.jpg", folder / "style.png", "-o", folder / "out.png", *QUICK)
    assert result.exit_code == 130
    assert result.stderr == "interrupted before the first iteration; nothing is written\n"
    assert not (folder / "out.png").exists()


def test_memory_that_does_not_suffice_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate ...")

    monkeypatch.setattr("fast_nst.optimize.gatys.stylize_iteratively", fail)
    result = run(folder / "photo.jpg", folder / "style.png", "-o", folder / "out.png", *QUICK)
    assert result.exit_code == 1
    assert "does not fit in memory. Choose a smaller --size" in result.stderr


PHOTO, STYLE, OUT = "photo.jpg", "style.png", ("-o", "out.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.jpg", STYLE, *OUT), "cannot read none.jpg: there is no such file"),
        (("folder", STYLE, *OUT), "cannot read folder: it is a folder"),
        (("broken.jpg", STYLE, *OUT), "cannot read broken.jpg: "),
        ((PHOTO, "broken.jpg", *OUT), "cannot read broken.jpg: "),
        ((PHOTO, "stary_night", *OUT), "nor a bundled style (did you mean 'starry_night'?)"),
        ((PHOTO, "flat.png", *OUT), "flat.png is one flat color"),
        ((PHOTO, STYLE, *OUT, "--size", "12"), "photo.jpg is too small at 18x12 px; relu4_1 needs"),
        ((PHOTO, STYLE, "-o", "out.xyz"), "the ending '.xyz' is unknown"),
        ((PHOTO, STYLE, "-o", "out"), "its name has no ending"),
        ((PHOTO, STYLE, "-o", "folder.png"), "cannot write folder.png: it is a folder"),
        ((PHOTO, STYLE, "-o", "photo.jpg/out.png"), "cannot write photo.jpg/out.png: "),
        ((PHOTO, STYLE, "-o", "/proc/none/out.png"), "cannot write /proc/none/out.png: "),
        ((PHOTO, STYLE, "-o", PHOTO), "overwrite the input photo.jpg"),
        ((PHOTO, STYLE, "-o", STYLE), "overwrite the input style.png"),
        (
            (PHOTO, "style_0001.png", "-o", "style.png", "--preview-every", "1"),
            "would overwrite the input style_0001.png",
        ),
        ((PHOTO, STYLE, *OUT, "--blend", "1,2"), "blend has 2 shares for 1 styles"),
        ((PHOTO, STYLE, *OUT, "--content-mask", STYLE), "1 content masks and 0 style masks"),
        (
            (PHOTO, STYLE, *OUT, "--content-mask", STYLE, "--style-mask", STYLE),
            "the mask of photo.jpg is 48x48 px, and photo.jpg is 60x40 px",
        ),
        ((PHOTO, STYLE, *OUT, "--encoder", "vgg_light"), "did you mean 'vgg_lite'"),
        ((PHOTO, STYLE, *OUT, "--encoder", "vgg19_distilled"), "Give a file: --encoder-weights"),
        ((PHOTO, STYLE, *OUT, "--encoder-weights", STYLE), "Leave --encoder-weights unset"),
        ((PHOTO, STYLE, *OUT, "--iterations", "0"), "iterations is 0; it must be 1 or more"),
        ((PHOTO, STYLE, *OUT, "--device", "abacus"), "device 'abacus' cannot be used"),
        ((PHOTO, STYLE, *OUT, "--init", "nose"), "init is 'nose', which is no file and none of"),
        ((PHOTO, STYLE, *OUT, "--init", "nose"), "(did you mean 'noise'?)"),
        ((PHOTO, STYLE, *OUT, "--init", "none.ckpt"), "Give one of these, or the file of a filter"),
        ((PHOTO, STYLE, *OUT, "--init", "folder"), "init is 'folder', which is no file"),
        ((PHOTO, STYLE, *OUT, "--init", PHOTO), "photo.jpg is a picture, not a filter"),
        ((PHOTO, STYLE, *OUT, "--init", "broken.onnx"), "broken.onnx is not an ONNX model"),
        ((PHOTO, STYLE, *OUT, "--init", "broken.ckpt"), "broken.ckpt is not a checkpoint"),
        ((PHOTO, STYLE, *OUT, "--levels", "0"), "levels is 0; it must be 1 or more"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(folder)
    (folder / "folder").mkdir()
    (folder / "folder.png").mkdir()
    for name in ("broken.jpg", "broken.onnx", "broken.ckpt"):
        (folder / name).write_text("no image")
    make_style(folder / "style_0001.png")
    Image.new("RGB", (40, 40), "teal").save("flat.png")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "arguments",
    [
        (PHOTO, STYLE),
        (PHOTO, *OUT),
        (PHOTO, STYLE, *OUT, "--optimizer", "sgd"),
        (PHOTO, STYLE, *OUT, "--blend", "1;2"),
        (PHOTO, STYLE, *OUT, "--preview-every", "0"),
        (PHOTO, STYLE, *OUT, "--size", "big"),
    ],
)
def test_a_command_that_cannot_be_understood_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_help_shows_every_encoder_and_the_defaults_that_python_has() -> None:
    shown = " ".join(run("--help").stdout.split())
    assert all(f" {name}" in shown for name in ENCODERS)
    assert "[default: 3; 1 from a filter]" in shown
    for name in ("size", "iterations", "style-weight", "tile", "init"):
        default = getattr(TransferOptions, name.replace("-", "_"))
        assert re.search(rf"--{name} .*?\[default: {default}\]", shown)
