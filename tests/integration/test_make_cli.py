"""``fast-nst make`` and ``stylize --style``, through the real commands."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from fast_nst import Stylizer
from fast_nst.filters.checkpoint import read_metadata
from fast_nst.paths import asset_path
from fast_nst.prediction.load import predictor_names


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fast_nst", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAST_NST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(astronaut()[::4, ::4]).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def picture(name: str) -> Path:
    return asset_path(f"styles/{name}.webp")


@pytest.mark.parametrize("network", predictor_names())
def test_a_picture_becomes_an_ordinary_filter(network: str, tmp_path: Path, photo: Path) -> None:
    Image.open(picture("great_wave")).save(tmp_path / "wave 1.jpg", quality=95)
    made = run("make", "wave 1.jpg", "-o", "wave.safetensors", "--network", network, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "wrote wave.safetensors" in made.stdout
    metadata = read_metadata(tmp_path / "wave.safetensors")
    assert (metadata.network, metadata.style) == (network, "wave 1")
    assert metadata.styles[0].thumbnail
    assert metadata.styles[0].sha256
    used = run("stylize", "--ckpt", "wave.safetensors", photo.name, "-o", "out.png", cwd=tmp_path)
    assert used.returncode == 0, used.stderr
    stylized = np.asarray(Image.open(tmp_path / "out.png")).astype(float)
    content = np.asarray(Image.open(photo)).astype(float)
    assert stylized.shape == content.shape
    assert np.abs(stylized - content).mean() > 15


def test_neither_lightning_nor_hydra_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from fast_nst.cli.main import main\n"
        "main(['make', 'starry_night', '-o', 'f.safetensors'], standalone_mode=False)\n"
        "loaded = {'pytorch_lightning', 'hydra', 'omegaconf', 'torchvision'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_pictures_of_one_hand_are_pooled(tmp_path: Path) -> None:
    names = ("starry_night", "wheatfield_with_cypresses")
    assert run("make", *names, "-o", "both.safetensors", cwd=tmp_path).returncode == 0
    weights = [
        Stylizer.from_style(style).network.head.bias
        for style in (names[0], names[1], list(names), list(reversed(names)))
    ]
    assert not weights[0].equal(weights[2])
    assert not weights[1].equal(weights[2])
    assert (weights[2] - weights[3]).abs().max() < 1e-4
    loaded = Stylizer.load(tmp_path / "both.safetensors").network.head.bias
    assert (weights[2] - loaded).abs().max() < 1e-6


def test_the_size_of_strokes_changes_the_filter(tmp_path: Path) -> None:
    for size in ("0.5", "1", "2"):
        arguments = ("make", "starry_night", "-o", f"{size}.safetensors", "--stroke-size", size)
        assert run(*arguments, cwd=tmp_path).returncode == 0
    finer, usual, larger = (
        Stylizer.load(tmp_path / f"{size}.safetensors") for size in ("0.5", "1", "2")
    )
    # Finer strokes are other weights; larger ones the same at another scale.
    assert not usual.network.head.weight.equal(finer.network.head.weight)
    assert usual.network.head.weight.equal(larger.network.head.weight)
    image = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert (usual(image) - larger(image)).abs().mean() > 0.01
    assert larger.metadata is not None
    assert larger.metadata.network_arguments["stroke_scale"] == 2
    assert larger.metadata.config["style"]["size"] == 512


@pytest.mark.parametrize(("style", "start"), [("great_wave", "trained"), ("my.webp", "predicted")])
def test_refine_trains_from_there(style: str, start: str, tmp_path: Path) -> None:
    shutil.copy(asset_path("styles/great_wave.webp"), tmp_path / "my.webp")
    ran = run("make", style, "-o", "f.safetensors", "--refine", "2s", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert " steps in " in ran.stderr
    metadata = read_metadata(tmp_path / "f.safetensors")
    assert metadata.config["network"]["start"] == start
    assert metadata.losses["style"] > 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["f.safetensors", "my.webp"]


def test_a_photo_is_stylized_by_a_picture_and_the_filter_is_kept(
    tmp_path: Path, photo: Path, cache: Path
) -> None:
    for target in ("first.png", "second.png"):
        ran = run("stylize", "--style", "the_scream", photo.name, "-o", target, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
    first, second = (Image.open(tmp_path / f"{name}.png") for name in ("first", "second"))
    assert first.tobytes() == second.tobytes()
    (kept,) = (cache / "filters").glob("*/*.safetensors")
    assert kept.name == "the_scream.safetensors"
    with Image.open(photo) as content:
        painted = Stylizer.from_style("the_scream")(content.convert("RGB"))
    difference = np.abs(np.asarray(painted).astype(int) - np.asarray(first).astype(int))
    assert difference.max() <= 1


def test_pictures_and_filters_go_together_on_a_sheet(tmp_path: Path, photo: Path) -> None:
    assert run("make", "great_wave", "-o", "w.safetensors", cwd=tmp_path).returncode == 0
    ran = run(
        *("stylize", "--ckpt", "w.safetensors", "--style", "the_scream", photo.name),
        *("--contact-sheet", "sheet.png"),
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "sheet.png").is_file()


@pytest.mark.parametrize("command", ["make", "stylize"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stary_night", "did you mean 'starry_night'?"),
        ("gone.jpg", "gone.jpg is neither a file nor a bundled style"),
        ("text.jpg", "text.jpg"),
        ("flat.png", "flat.png is one flat color"),
        ("tiny.png", "tiny.png is 8x8 px; a style image needs at least 32 px"),
        ("strip.png", "at most 8 times the short side"),
        ("f.safetensors", "f.safetensors is a filter, and a style is a picture"),
        ("folder", "folder is a folder"),
    ],
)
def test_what_is_no_style_is_one_clear_line(
    command: str, name: str, message: str, tmp_path: Path, photo: Path
) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "f.safetensors").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    Image.new("RGB", (64, 64), "red").save(tmp_path / "flat.png")
    noise = np.random.default_rng(0).integers(0, 255, (40, 400, 3), np.uint8)
    Image.fromarray(noise[:8, :8]).save(tmp_path / "tiny.png")
    Image.fromarray(noise).save(tmp_path / "strip.png")
    arguments = ("make", name) if command == "make" else ("stylize", "--style", name, photo.name)
    target = "out.safetensors" if command == "make" else "out.png"
    ran = run(*arguments, "-o", target, cwd=tmp_path)
    assert ran.returncode == 1
    assert message in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not (tmp_path / target).exists()


def test_a_picture_given_as_a_filter_is_told_of_style(tmp_path: Path, photo: Path) -> None:
    ran = run("stylize", "--ckpt", photo.name, photo.name, "-o", "out.png", cwd=tmp_path)
    assert ran.returncode == 1
    assert "--style photo.png" in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "f.onnx"], "run fast-nst export after it"),
        (["-o", "f.safetensors", "--refine", "soon"], "Write it as 20s, 3min or 1h"),
        (["-o", "f.safetensors", "--stroke-size", "9"], "0.5<=x<=3"),
    ],
)
def test_wrong_usage_of_make(arguments: list[str], message: str, tmp_path: Path) -> None:
    ran = run("make", "starry_night", *arguments, cwd=tmp_path)
    assert ran.returncode == 2
    assert message in ran.stderr


def test_a_network_without_a_predictor_is_refused(tmp_path: Path) -> None:
    ran = run("make", "starry_night", "-o", "f.safetensors", "--network", "johnson", cwd=tmp_path)
    assert ran.returncode == 1
    assert "fast-nst train network=johnson" in ran.stderr
