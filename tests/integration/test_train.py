"""Training through the real command, and through ``train(config)``."""

import contextlib
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
from fast_nst.train import break_between
from fast_nst.training.callbacks import TrainProgress
from fast_nst.training.run import train

SMOKE = ["experiment=smoke", "trainer.accelerator=cpu"]


def command(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fast_nst.train", *arguments],
        cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={k: v for k, v in (os.environ | {"WANDB_MODE": "offline"} | variables).items() if v},
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
    cfg.callbacks.validation_images = 2
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


def test_any_image_can_be_the_style(tmp_path: Path) -> None:
    Image.effect_noise((90, 70), 60).convert("RGB").save(tmp_path / "me.png")
    ran = command(
        *SMOKE, "style=custom", "style.image=me.png", "style.name=mine", cwd=tmp_path
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert read_metadata(tmp_path / "checkpoints" / "mine.safetensors").style == "mine"


def make_style(kind: str) -> Image.Image:
    """Images that people have, and that are nothing like a painting."""
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
def test_every_kind_of_image_can_be_the_style_with_no_tuning(tmp_path: Path, kind: str) -> None:
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
        image = Image.effect_noise((100, 80), 40 + number).convert("RGB")
        image.save(tmp_path / "photos" / "nested" / f"{number}.jpg")
    (tmp_path / "photos" / "broken.jpg").write_text("not an image")
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
        (["style=custom", "style.image=strip.png"], "strip.png is 90x1 px"),
        (["data.held_out=3"], "no option 'held_out'; it is one of data=folder and data=hub"),
        (["data.held_out=0"], "data=synthetic has no option 'held_out'"),
        (["data.path=empty"], "no option 'path'; it is one of data=folder"),
        (["data.name=coco"], "no option 'name'; it is one of data=hub"),
        (["data.cache=true"], "no option 'cache'; it is one of data=folder"),
        (["data=folder", "data.path=empty", "data.name=x"], "data=folder has no option 'name'"),
        (["data=hub", "data.path=empty"], "data=hub has no option 'path'"),
        (["data.kind=folder"], "no option 'photo_share'; it is one of data=synthetic"),
        (["style.image=flat.png"], "style=custom style.image=FILE style.name=NAME"),
        (["style.texture=great_wave"], "Choose the style itself: style=great_wave"),
        (["style.texture=great_wav"], "no bundled image has that name"),
        (["resume=text.jpg"], "set network.start=FILE"),
        (["style.name='a/b'"], "style.name is 'a/b', which is no name of a file"),
        (["resume=broken.ckpt"], "broken.ckpt"),
    ],
)
def test_bad_input_is_one_line_and_writes_no_filter(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "broken.ckpt").write_text("hello")
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


def key_free(home: Path) -> dict[str, str]:
    """Variables of a person who never used wandb."""
    home.mkdir()
    return {"HOME": str(home), "NETRC": str(home / "none"), "WANDB_API_KEY": "", "WANDB_MODE": ""}


def test_wandb_without_a_key_or_a_terminal_says_that_it_stays_offline(tmp_path: Path) -> None:
    ran = command(*SMOKE, "logger=wandb", cwd=tmp_path, **key_free(tmp_path / "home"))
    assert ran.returncode == 0, ran.stderr
    (note,) = [line for line in ran.stderr.splitlines() if line.startswith("note: ")]
    assert "wandb login, then wandb sync " in note
    pattern = note.rpartition("wandb sync ")[2]
    assert list(Path("/").glob(pattern.lstrip("/")))
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"WANDB_MODE": "online"}, "No API key configured"),
        ({"WANDB_API_KEY": "short"}, "WANDB_API_KEY invalid"),
        ({"WANDB_MODE": "sideways"}, "sideways"),
    ],
)
def test_wandb_that_cannot_go_online_as_told_is_one_line(
    tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    ran = command(*SMOKE, "logger=wandb", cwd=tmp_path, **key_free(tmp_path / "home") | variables)
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: logger=wandb: ")
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


ABSENT = """
import sys
from importlib import metadata

absent = {0!r}.split()
known = metadata.distribution

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(name + " is absent", name=name)

def distribution(name):
    if name in absent:
        raise metadata.PackageNotFoundError(name)
    return known(name)

metadata.distribution = distribution
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize(
    ("logger", "install"),
    [("wandb", "pip install wandb"), ("tensorboard", "pip install 'fast-nst[tensorboard]'")],
)
def test_a_logger_that_is_not_installed_is_one_line_and_the_others_train(
    tmp_path: Path, logger: str, install: str
) -> None:
    (tmp_path / "site").mkdir()
    code = ABSENT.format("wandb tensorboard tensorboardX datasets av")
    (tmp_path / "site" / "sitecustomize.py").write_text(code)
    before = os.environ.get("PYTHONPATH", "")
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), before])}
    ran = command(*SMOKE, f"logger={logger}", cwd=tmp_path, **path)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"error: logger={logger} needs {logger}")
    assert install in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    ran = command(*SMOKE, "trainer.max_steps=1", cwd=tmp_path, **path)
    assert ran.returncode == 0, ran.stderr


def test_a_filter_that_is_replaced_is_kept_and_each_run_keeps_its_own(tmp_path: Path) -> None:
    one_step = (*SMOKE, "trainer.max_steps=1", "seed=1")
    assert command(*one_step, cwd=tmp_path).returncode == 0
    shown = tmp_path / "checkpoints" / "starry_night.safetensors"
    first, first_preview = shown.read_bytes(), shown.with_suffix(".png").read_bytes()
    same = command(*one_step, cwd=tmp_path)
    assert "note:" not in same.stderr
    assert len(list(shown.parent.iterdir())) == 2
    again = shown.read_bytes()  # the same weights of another time
    ran = command(*SMOKE, "trainer.max_steps=2", cwd=tmp_path)
    (kept,) = set(shown.parent.glob("*.safetensors")) - {shown}
    assert re.fullmatch(r"starry_night\.\d{4}-\d\d-\d\d_\d{6}\.safetensors", kept.name)
    assert kept.read_bytes() == again
    assert kept.with_suffix(".png").read_bytes() == first_preview
    said = f"the earlier {Path('checkpoints', shown.name)} is kept as checkpoints/{kept.name}"
    assert f"note: {said}" in ran.stderr.splitlines()
    own = sorted((tmp_path / "runs").glob("*/*/starry_night.safetensors"))
    assert [file.read_bytes() for file in own] == [first, again, shown.read_bytes()]
    assert all(file.with_suffix(".png").is_file() for file in own)


def test_a_filter_that_is_no_filter_is_kept_as_well(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "starry_night.safetensors").write_bytes(b"x")
    train(
        config("trainer.max_steps=1"), run_dir=tmp_path / "a", output_dir=tmp_path / "checkpoints"
    )
    kept = [file.read_bytes() for file in (tmp_path / "checkpoints").glob("*.*.safetensors")]
    assert kept == [b"x"]


def test_another_image_does_not_inherit_where_a_bundled_style_is_from(tmp_path: Path) -> None:
    Image.effect_noise((90, 70), 60).convert("RGB").save(tmp_path / "me.png")
    ran = command(
        *SMOKE, "style.image=me.png", "style.name=mine", "style.painter=Me", cwd=tmp_path
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "note: style.image=me.png is not 'The Starry Night'" in ran.stderr
    metadata = read_metadata(tmp_path / "checkpoints" / "mine.safetensors")
    style = metadata.config["style"]
    assert style["painter"] == "Me"
    assert [style[key] for key in ("title", "year", "note", "license")] == [""] * 4
    assert metadata.license == ""


def test_a_bundled_style_can_have_filters_of_several_names(tmp_path: Path) -> None:
    ran = command(*SMOKE, "style=great_wave", "style.name=wave_strong", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    metadata = read_metadata(tmp_path / "checkpoints" / "wave_strong.safetensors")
    plain = train(config("style=great_wave"), run_dir=tmp_path / "a", output_dir=tmp_path / "a")
    assert metadata.style == "wave_strong"
    assert metadata.styles[0].sha256 == read_metadata(plain.filter).styles[0].sha256
    assert metadata.config["style"]["title"] == "The Great Wave off Kanagawa"
    assert metadata.config["resampler"]["kind"] == "bicubic"


def test_resume_says_what_it_goes_on_from(tmp_path: Path) -> None:
    afresh = command(*SMOKE, "trainer.max_steps=2", "resume=auto", cwd=tmp_path)
    line = "resume=auto: there is no earlier run to go on from; starts afresh"
    assert afresh.stderr.splitlines()[0] == line
    (last,) = tmp_path.glob("runs/starry_night/*/last.ckpt")
    for resume in ("auto", str(last)):
        ran = command(*SMOKE, "trainer.max_steps=4", f"resume={resume}", cwd=tmp_path)
        line = f"resume: goes on from {last}, step 2 (50% of the schedule)"
        assert ran.stderr.splitlines()[0] == line
        if resume == "auto":  # the first run is the newest again
            for file in set(tmp_path.glob("runs/*/*/last.ckpt")) - {last}:
                file.unlink()
    done = command(*SMOKE, "trainer.max_steps=2", f"resume={last}", cwd=tmp_path)
    assert f"{last} is at step 2, the end of this schedule, so nothing" in done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_names_are_never_parted_from_their_values(width: int) -> None:
    losses = [f"{name} 0.1234" for name in ("content", "style", "grid", "pattern", "frame")]
    lines = break_between("validation: ", losses, width)
    assert len(lines) > 1 or width == 200
    assert all(len(line) <= width or line.count(" 0.") == 1 for line in lines)
    assert re.split(r"  +", " ".join(lines).removeprefix("validation: "))[0] == losses[0]
    assert all(sum(loss in line for line in lines) == 1 for loss in losses)


def test_lines_and_paths_are_whole_however_narrow_it_is(tmp_path: Path) -> None:
    folder = tmp_path / ("a_long_name_" * 10) / ("of_a_folder_" * 8)
    photos = folder / "photos"
    photos.mkdir(parents=True)
    Image.effect_noise((100, 80), 40).convert("RGB").save(photos / "a.jpg")
    (photos / "broken.jpg").write_text("hello")
    ran = command(
        *SMOKE, "data=folder", f"data.path={photos}", f"output_dir={folder}", cwd=tmp_path,
        COLUMNS="40",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert f"  {photos / 'broken.jpg'}: " in ran.stderr
    assert f"note: {photos} has too few photographs (2) to hold out 4" in ran.stderr
    assert re.search(r"^validation: (\w+ \d+\.\d{4}( {2})?){5}$", ran.stderr, flags=re.MULTILINE)
    assert str(folder / "starry_night.safetensors") in ran.stdout


def test_a_narrow_terminal_breaks_between_losses(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="terminals are opened so on POSIX only")
    ours, theirs = pty.openpty()
    program = [sys.executable, "-m", "fast_nst.train", *SMOKE]
    with subprocess.Popen(
        program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "40", "TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the end, on Linux
            while read := os.read(ours, 4096):
                shown += read
    os.close(ours)
    assert process.returncode == 0
    tail = shown.decode().partition("validation: ")[2]
    lines = [line.strip() for line in tail.splitlines()]
    assert len(lines) > 2
    assert all(re.fullmatch(r"(\w+ \d\.\d{4}(  )?)+", line) for line in lines if line)
