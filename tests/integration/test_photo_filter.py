"""A filter of the light and color of a photograph, from the training to every use of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from fast_nst.cli.main import main
from fast_nst.errors import ConfigError
from fast_nst.filters.checkpoint import read_metadata
from fast_nst.image.io import write_image
from fast_nst.tiling.strips import resident_memory
from fast_nst.train import compose_config, expand_styles
from fast_nst.training.run import train as train_in_process

SHORT = [
    "experiment=photo", "trainer.max_time_s=null", "trainer.accelerator=cpu", "network.width=4",
    "network.blocks=0", "data.num_workers=0", "data.batch_size=2", "callbacks.validation_images=1",
    "callbacks.validation_size=64", "callbacks.preview_size=64",
]  # fmt: skip


def train(cwd: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fast_nst.train", *SHORT, *overrides],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def pixels(file: Path) -> npt.NDArray[np.int16]:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"), np.int16)


def blobs(seed: int, height: int, width: int) -> torch.Tensor:
    cells = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(cells, (height, width), mode="bicubic")[0].clamp(0, 1)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dark scene in red light."""
    file = tmp_path_factory.mktemp("reference") / "dusk.png"
    write_image(file, blobs(3, 96, 120) * torch.tensor([0.6, 0.15, 0.1]).view(3, 1, 1))
    return file


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("photo") / "photo.png"
    write_image(file, blobs(1, 131, 87))
    return file


@pytest.fixture(scope="module")
def look(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("look")
    ran = train(
        folder, f"style.image={reference}", "style.name=dusk", "trainer.max_steps=15",
        "optimizer.lr=0.05",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return folder / "checkpoints" / "dusk.safetensors"


def test_a_training_gives_a_filter_that_brings_the_photo_nearer_to_the_reference(
    look: Path, photo: Path, reference: Path, tmp_path: Path
) -> None:
    metadata = read_metadata(look)
    assert metadata.network == "photo"
    assert metadata.losses.keys() == {"content", "style", "colors", "smooth"}
    out = tmp_path / "out.png"
    result = run("stylize", "--ckpt", look, photo, "-o", out)
    assert result.exit_code == 0, result.output
    before, after, wanted = (pixels(file).mean((0, 1)) for file in (photo, out, reference))
    assert np.abs(after - wanted).sum() < 0.9 * np.abs(before - wanted).sum()


def test_strength_blends_and_a_limit_of_memory_changes_nothing(
    look: Path, photo: Path, tmp_path: Path
) -> None:
    limit = f"{resident_memory() / 1e9 + 0.5:.1f}GB"
    for name, options in (
        ("whole.png", ()),
        ("half.png", ("--strength", "0.5")),
        ("strips.png", ("--memory", limit)),
    ):
        result = run("stylize", "--ckpt", look, photo, "-o", tmp_path / name, *options)
        assert result.exit_code == 0, result.output
    whole, half, strips = (pixels(tmp_path / f"{name}.png") for name in ("whole", "half", "strips"))
    assert np.abs(strips - whole).max() <= 1
    assert np.abs(half - (whole + pixels(photo)) / 2).max() <= 1
    assert np.abs(whole - pixels(photo)).max() > 20


def test_it_is_exported_with_the_usual_check(look: Path, photo: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    exported, out, wanted = (tmp_path / name for name in ("look.onnx", "out.png", "wanted.png"))
    result = run("export", "--ckpt", look, "-o", exported)
    assert result.exit_code == 0, result.output
    assert result.output.count("largest difference") == 6
    for file, target in ((look, wanted), (exported, out)):
        result = run("stylize", "--ckpt", file, photo, "-o", target)
        assert result.exit_code == 0, result.output
    assert np.abs(pixels(out) - pixels(wanted)).max() <= 1


def test_an_evaluation_speaks_of_no_strokes(look: Path, photo: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    result = run(
        "evaluate", "--ckpt", look, "--images", photo.parent, "--sizes", "64", "-o", page,
        "--iterations", "2", "--device", "cpu",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "dusk changes light and color and paints nothing" in result.output
    figures: dict[str, Any] = json.loads(page.with_suffix(".json").read_text())
    found = figures["filters"][0]["sizes"][0]["figures"]
    assert {"content", "style", "structure", "agreement", "seconds"} <= found.keys()
    for name in ("stroke_size", "hatching", "grid", "border", "under_stylized", "strict", "paper"):
        assert name not in found


def test_there_are_no_strokes_to_make_larger(look: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    result = run("stylize", "--ckpt", look, photo, "-o", out, "--stroke-size", "2")
    assert result.exit_code == 1
    assert "paints no strokes. Leave --stroke-size out" in result.output
    assert not out.exists()


def test_info_says_which_network_it_is(look: Path) -> None:
    result = run("info", look)
    assert result.exit_code == 0
    assert "photo" in result.output


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ((), "has no image. Give one: style.image=FILE"),
        (
            ("network=quarter", "network.start=null", "style.image={}"),
            "loss.smooth_weight is for network=photo",
        ),
        (("style=[starry_night,great_wave]",), "network=photo: several styles are trained from"),
        (("style.image={}", "network.stroke_scale=2"), "network=photo has no blocks that work at"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_written(
    overrides: tuple[str, ...], said: str, reference: Path, tmp_path: Path
) -> None:
    given = expand_styles([each.format(reference) for each in overrides])
    config = compose_config([*SHORT, *given])
    with pytest.raises(ConfigError, match=said):
        train_in_process(config, run_dir=tmp_path, output_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []
