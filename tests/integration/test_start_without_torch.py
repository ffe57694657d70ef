"""``fast-nst stylize`` in ONNX Runtime loads no PyTorch, and gives the images of PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from PIL import Image

from fast_nst.cli.main import main
from fast_nst.runtimes.graph_cache import cached_graph

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

HEAVY = (
    *("torch", "torchvision", "pytorch_lightning", "hydra", "wandb", "datasets", "skimage"),
    *("av", "safetensors", "rich", "importlib.metadata"),
)
PROGRAM = f"""
import atexit, sys
atexit.register(lambda: print("loaded", [m for m in {HEAVY} if m in sys.modules]))
from fast_nst.cli.main import main
main()
"""


def run(*arguments: str | Path) -> tuple[subprocess.CompletedProcess[str], str]:
    """The real command in a process of its own, and which heavy packages it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)], capture_output=True, text=True
    )
    return done, done.stdout.splitlines()[-1]


def values(file: Path) -> npt.NDArray[np.float64]:
    """What a file shows: colors, premultiplied, and opacity."""
    with Image.open(file) as image:
        rgba = np.asarray(image.convert("RGBA"), np.float64)
    return np.concatenate([rgba[..., :3] * rgba[..., 3:] / 255, rgba[..., 3:]], axis=2)


@pytest.fixture
def graph(filter_file: Path) -> Path:
    return cached_graph(filter_file)


def photo(path: Path, mode: str = "RGB") -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, len(mode)), np.uint8)
    Image.fromarray(np.kron(pixels, np.ones((2, 2, 1), np.uint8)), mode).save(path)
    return path


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_image_is_stylized_without_torch(
    filter_file: Path, graph: Path, tmp_path: Path, mode: str
) -> None:
    source = photo(tmp_path / "photo.png", mode)
    results = []
    for number, ckpt in enumerate((filter_file, graph)):
        results.append(tmp_path / f"{number}.png")
        command = ["stylize", "--ckpt", ckpt, "--engine", "onnxruntime", source]
        done, loaded = run(*command, "-o", results[-1])
        assert done.returncode == 0, done.stderr
        assert loaded == "loaded []"
    by_torch = tmp_path / "torch.png"
    command = ["stylize", "--ckpt", str(filter_file), "--engine", "torch", str(source)]
    shown = CliRunner().invoke(main, [*command, "-o", str(by_torch)])
    assert shown.exit_code == 0, shown.output
    for result in results:
        assert np.abs(values(result) - values(by_torch)).max() <= 1
    assert values(by_torch).std() > 1


def test_folders_pipes_and_sheets_load_no_torch(graph: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    source = photo(tmp_path / "in" / "photo.jpg")
    for arguments in (
        [tmp_path / "in", "-o", tmp_path / "out", "--format", "webp"],
        [source, "--contact-sheet", tmp_path / "sheet.png"],
        [source, "-o", tmp_path / "missing" / ".." / "a.gif"],
    ):
        done, loaded = run("stylize", "--ckpt", graph, *arguments)
        assert done.returncode == 0, done.stderr
        assert loaded == "loaded []"


def test_controls_load_torch_and_do_the_same_in_both_engines(
    filter_file: Path, graph: Path, tmp_path: Path
) -> None:
    source = photo(tmp_path / "photo.png")
    look = ["--strength", "0.5", "--preserve-color", "luminance"]
    done, loaded = run("stylize", "--ckpt", graph, *look, source, "-o", tmp_path / "graph.png")
    assert done.returncode == 0, done.stderr
    assert loaded.startswith("loaded ['torch'")
    command = ["stylize", "--ckpt", str(filter_file), "--engine", "torch", *look, str(source)]
    shown = CliRunner().invoke(main, [*command, "-o", str(tmp_path / "torch.png")])
    assert shown.exit_code == 0, shown.output
    assert np.abs(values(tmp_path / "graph.png") - values(tmp_path / "torch.png")).max() <= 1


def test_luts_load_no_torch_and_do_the_same_in_both_engines(
    filter_file: Path, graph: Path, tmp_path: Path
) -> None:
    pytest.importorskip("PyOpenColorIO")
    from fast_nst.lut import Lut, write_cube
    from fast_nst.lut.table import grid

    write_cube(tmp_path / "look.cube", Lut(1 - 0.8 * grid(3)))
    source = photo(tmp_path / "photo.png")
    look = ["--lut", str(tmp_path / "look.cube"), "--lut-before", str(tmp_path / "look.cube")]
    done, loaded = run("stylize", "--ckpt", graph, *look, source, "-o", tmp_path / "graph.png")
    assert done.returncode == 0, done.stderr
    assert loaded == "loaded []"
    command = ["stylize", "--ckpt", str(filter_file), "--engine", "torch", *look, str(source)]
    shown = CliRunner().invoke(main, [*command, "-o", str(tmp_path / "torch.png")])
    assert shown.exit_code == 0, shown.output
    assert np.abs(values(tmp_path / "graph.png") - values(tmp_path / "torch.png")).max() <= 1


@pytest.mark.shared
def test_odd_images_come_out_the_same_without_torch(
    filter_file: Path, graph: Path, shared_data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "odd"  # all but the largest
    folder.mkdir()
    for file in (shared_data / "odd").iterdir():
        if not file.name.startswith("bomb_valid"):
            (folder / file.name).symlink_to(file)
    done, loaded = run("stylize", "--ckpt", graph, folder, "-o", tmp_path / "graph")
    assert done.returncode == 1  # some of them are damaged
    assert loaded == "loaded ['rich']"  # for the bar of many images
    command = ["stylize", "--ckpt", str(filter_file), "--engine", "torch", str(folder)]
    shown = CliRunner().invoke(main, [*command, "-o", str(tmp_path / "torch")])
    assert shown.exit_code == 1
    assert sorted(done.stderr.splitlines()) == sorted(shown.stderr.splitlines())
    results = sorted((tmp_path / "torch").iterdir())
    assert len(results) > 25
    assert [file.name for file in results] == sorted(
        file.name for file in (tmp_path / "graph").iterdir()
    )
    for file in results:
        if file.suffix in (".png", ".bmp", ".tif"):  # JPEG and palettes amplify a last bit
            apart = np.abs(values(file) - values(tmp_path / "graph" / file.name)).max()
            assert apart <= 1, file.name
