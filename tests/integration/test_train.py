"""Training through the real command, and through ``train(config)``."""

import csv
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig
from PIL import Image, ImageDraw
from safetensors.torch import load_file

from fast_nst.config import register_schema
from fast_nst.errors import ConfigError, TrainingError
from fast_nst.filters.checkpoint import load_filter, read_metadata
from fast_nst.paths import config_dir
from fast_nst.training.callbacks import TrainProgress
from fast_nst.training.run import train

SMOKE = ["experiment=smoke", "trainer.accelerator=cpu"]


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fast_nst.train", *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "WANDB_MODE": "offline"},
    )  # fmt: skip


@pytest.fixture(autouse=True)
def hydra() -> Iterator[None]:
    register_schema()
    with initialize_config_dir(version_base="1.3", config_dir=str(config_dir())):
        yield
    GlobalHydra.instance().clear()


def config(*overrides: str) -> DictConfig:
    return compose(config_name="train", overrides=[*SMOKE, *overrides])


def test_the_command_writes_a_filter_a_preview_and_a_log(tmp_path: Path) -> None:
    ran = command(
        *SMOKE, "style=starry_night", "callbacks.preview_every_s=0", "callbacks.log_every_steps=1",
        cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    file = tmp_path / "checkpoints" / "starry_night.safetensors"
    metadata = read_metadata(file)
    assert metadata.style == "starry_night"
    assert metadata.losses.keys() == {"content", "style", "grid", "pattern", "frame"}
    assert metadata.config["loss"]["style_weight"] > 0
    with Image.open(file.with_suffix(".png")) as preview:
        assert preview.width > preview.height
    (run,) = (tmp_path / "runs" / "starry_night").iterdir()
    assert list((run / "previews").glob("step_*.png"))
    rows = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))
    assert {"train/content", "train/style", "validation/style"} <= rows[0].keys()
    assert str(file.relative_to(tmp_path)) in ran.stdout


def test_the_console_command_forwards_to_the_same_training(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "fast_nst", "train", *SMOKE, "style=great_wave"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "checkpoints" / "great_wave.safetensors").is_file()


def test_a_sweep_keeps_its_filters_apart(tmp_path: Path) -> None:
    ran = command(
        "-m", *SMOKE, "trainer.max_steps=1", "style=starry_night,great_wave",
        "loss.style_weight=10,30", cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    files = sorted((tmp_path / "multirun").rglob("*.safetensors"))
    found = [
        (read_metadata(file).style, read_metadata(file).config["loss"]["style_weight"])
        for file in files
    ]
    assert sorted(found) == [
        ("great_wave", 10), ("great_wave", 30), ("starry_night", 10), ("starry_night", 30),
    ]  # fmt: skip
    assert not (tmp_path / "checkpoints").exists()
    folder = files[0].parent.parent
    report = json.loads((folder / "report.json").read_text())
    assert {Path(each["file"]).name for each in report["filters"]} == {f.name for f in files}
    with Image.open(folder / "contact_sheet.png") as sheet:
        assert sheet.size == (5 * 96, 3 * 96)
    styles = [each["sizes"][0]["figures"]["style"] for each in report["filters"]]
    shown = re.findall(r"^ *style=\w+ .* (\d\.\d{4}) ", ran.stdout, flags=re.MULTILINE)
    assert [float(value) for value in shown] == pytest.approx(sorted(styles), abs=1e-4)


def test_the_same_seed_repeats_bit_for_bit_and_another_does_not(tmp_path: Path) -> None:
    states = []
    for number, seed in enumerate((1, 1, 2)):
        folder = tmp_path / str(number)
        result = train(config(f"seed={seed}"), run_dir=folder, output_dir=folder)
        states.append(load_file(result.filter))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not all(torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    seen: list[TrainProgress] = []
    cfg = config("network.width=8", "trainer.max_steps=60", "optimizer.lr=0.003")
    cfg.callbacks.validation_pictures = 2
    untrained = train(
        config("network.width=8", "trainer.max_steps=1"), run_dir=tmp_path / "a",
        output_dir=tmp_path / "a",
    )  # fmt: skip
    trained = train(cfg, run_dir=tmp_path / "b", output_dir=tmp_path / "b", on_progress=seen.append)
    assert trained.losses["style"] < 0.7 * untrained.losses["style"]
    assert seen
    assert all(0 <= each.fraction <= 1 for each in seen)


def test_a_time_budget_ends_the_training_and_the_learning_rate_with_it(tmp_path: Path) -> None:
    result = train(
        config("trainer.max_steps=null", "trainer.max_time_s=4", "callbacks.log_every_steps=1"),
        run_dir=tmp_path, output_dir=tmp_path,
    )  # fmt: skip
    rows = csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines())
    rates = [float(row["lr"]) for row in rows if row["lr"]]
    assert result.steps >= 2
    assert rates[-1] < 0.5 * max(rates)


def test_resume_goes_on_from_the_last_checkpoint(tmp_path: Path) -> None:
    runs = tmp_path / "runs" / "starry_night"
    train(config("trainer.max_steps=3"), run_dir=runs / "1", output_dir=tmp_path)
    progress: list[TrainProgress] = []
    steps: list[None] = []
    result = train(
        config("trainer.max_steps=5", "resume=auto"), run_dir=runs / "2", output_dir=tmp_path,
        on_progress=progress.append, on_step=lambda: steps.append(None),
    )  # fmt: skip
    assert result.steps == 5
    assert len(steps) == 2
    assert load_filter(runs / "1" / "last.ckpt").metadata.style == "starry_night"
    checkpoint = torch.load(runs / "2" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 5
    assert not [name for name in checkpoint["state_dict"] if name.startswith("loss.")]


def test_resume_refuses_another_network(tmp_path: Path) -> None:
    train(config("trainer.max_steps=1"), run_dir=tmp_path / "1", output_dir=tmp_path)
    other = config(f"resume={tmp_path / '1' / 'last.ckpt'}", "network.width=6")
    with pytest.raises(ConfigError, match="resume: the checkpoint's network_arguments"):
        train(other, run_dir=tmp_path / "2", output_dir=tmp_path)


def test_a_loss_that_is_not_finite_stops_with_its_name_and_keeps_the_last_checkpoint(
    tmp_path: Path,
) -> None:
    train(config("trainer.max_steps=2"), run_dir=tmp_path, output_dir=tmp_path)
    kept = (tmp_path / "last.ckpt").read_bytes()
    wild = config("trainer.max_steps=40", "optimizer.lr=1e30", "resume=auto", "optimizer.clip=null")
    with pytest.raises(TrainingError, match=r"the (content|style) loss is (nan|inf) at step \d+"):
        train(wild, run_dir=tmp_path, output_dir=tmp_path)
    assert (tmp_path / "last.ckpt").read_bytes() == kept


@pytest.mark.parametrize("logger", ["wandb", "tensorboard", "none"])
def test_the_other_loggers_train(tmp_path: Path, logger: str) -> None:
    ran = command(
        *SMOKE, f"logger={logger}", "logger.offline=true", "callbacks.preview_every_s=0",
        cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    (run,) = (tmp_path / "runs" / "starry_night").iterdir()
    found = {
        "wandb": list(run.glob("wandb/offline-run-*/*.wandb")),
        "tensorboard": list(run.glob("events.out.tfevents.*")),
        "none": [run],
    }
    assert found[logger]


def test_any_picture_can_be_the_style(tmp_path: Path) -> None:
    Image.effect_noise((90, 70), 60).convert("RGB").save(tmp_path / "me.png")
    ran = command(
        *SMOKE, "style=custom", "style.image=me.png", "style.name=mine", cwd=tmp_path
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert read_metadata(tmp_path / "checkpoints" / "mine.safetensors").style == "mine"


def make_style(kind: str) -> Image.Image:
    """Pictures that people have, and that are nothing like a painting."""
    logo = Image.new("RGB", (96, 80), "white")
    logo.paste("navy", (20, 20, 70, 60))
    if kind == "two flat colors":
        return logo
    if kind == "transparent logo":
        opacity = logo.convert("L").point(lambda value: 255 if value < 128 else 0)
        logo.paste("red", (20, 20, 40, 60))
        logo.putalpha(opacity)
        return logo
    if kind == "line drawing":
        drawing = Image.new("1", (96, 80), 1)
        ImageDraw.Draw(drawing).line([(5, 5), (90, 30), (10, 70), (80, 75)], fill=0, width=2)
        return drawing
    noise = Image.effect_noise((64, 48), 60)
    if kind == "strip":
        return noise.resize((8, 1))
    return noise.resize((17, 13)) if kind == "tiny" else noise


@pytest.mark.parametrize(
    "kind", ["two flat colors", "transparent logo", "line drawing", "strip", "tiny", "gray"]
)
def test_every_kind_of_picture_can_be_the_style_with_no_tuning(tmp_path: Path, kind: str) -> None:
    make_style(kind).save(tmp_path / "me.png")
    result = train(
        config("style=custom", f"style.image={tmp_path / 'me.png'}"),
        run_dir=tmp_path / "run",
        output_dir=tmp_path,
    )
    assert all(map(math.isfinite, result.losses.values()))
    assert all(value.isfinite().all() for value in load_file(result.filter).values())


def test_photos_of_a_folder_are_content(tmp_path: Path) -> None:
    (tmp_path / "photos" / "nested").mkdir(parents=True)
    for number in range(3):
        picture = Image.effect_noise((100, 80), 40 + number).convert("RGB")
        picture.save(tmp_path / "photos" / "nested" / f"{number}.jpg")
    (tmp_path / "photos" / "broken.jpg").write_text("not a picture")
    ran = command(*SMOKE, "data=folder", "data.path=photos", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "broken.jpg" in ran.stderr + ran.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["style=custom"], "Give one: style.image=FILE"),
        (["data=folder"], "data=folder needs data.path"),
        (["style=custom", "style.image=none.jpg"], "none.jpg: no such file"),
        (["style=custom", "style.image=text.jpg"], "text.jpg"),
        (["data=folder", "data.path=empty"], "empty"),
        (["data=folder", "data.path=broken"], "broken"),
        (["data=folder", "data.path=absent"], "absent"),
        (["style=custom", "style.image=me (№1).jpg"], "\"style.image='me (№1).jpg'\""),
        (["style=custom", "style.image='me (№1).jpg'"], "me (№1).jpg: no such file"),
        (["starry_night"], "Give what to set: key=value"),
        (["output_dir=text.jpg"], "text.jpg cannot be written"),
        (["loss.content_layers=[relu9_9]"], "no layer 'relu9_9'"),
        (["loss.frame_weight=-1"], "frame_weight is -1"),
        (["loss.style_wieght=1"], "did you mean 'loss.style_weight'?"),
        (["network.width=wide"], "wide"),
        (["trainer.accelerator=tpuu"], "trainer"),
        (["encoder=vgg16", "encoder.weights=absent.pth"], "absent.pth: no such file"),
        (["resume=absent.ckpt"], "absent.ckpt: no such file"),
        (["style.size=8"], "relu4_1 needs at least 16x16"),
        (["style=custom", "style.image=flat.png"], "flat.png is one flat color"),
        (["style=custom", "style.image=strip.png"], "strip.png is 1x90 px"),
        (["data.held_out=3"], "data=synthetic has no option 'held_out'"),
    ],
)
def test_bad_input_is_one_line_and_writes_no_filter(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "text.jpg").write_text("hello")
    Image.new("RGB", (40, 40), "teal").save(tmp_path / "flat.png")
    Image.linear_gradient("L").rotate(90).resize((90, 1)).save(tmp_path / "strip.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.jpg").write_text("hello")
    ran = command(*SMOKE, *arguments, cwd=tmp_path)
    assert ran.returncode == 1
    assert message in ran.stderr
    assert ran.stderr.startswith("error: ")
    assert len(ran.stderr.splitlines()) == 1
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not (tmp_path / "runs").exists()


def test_training_for_steady_videos_logs_its_term_and_tells_it_of_the_filter(
    tmp_path: Path,
) -> None:
    run = config("loss.stability_weight=2", "callbacks.log_every_steps=1")
    result = train(run, run_dir=tmp_path, output_dir=tmp_path)
    assert 0 < result.losses["stability"] < 2.5
    rows = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))
    assert float(rows[0]["train/stability"]) > 0
    assert read_metadata(result.filter).config["loss"]["stability_weight"] == 2
    with pytest.raises(ConfigError, match="stability_weight is -1"):
        train(config("loss.stability_weight=-1"), run_dir=tmp_path, output_dir=tmp_path)
