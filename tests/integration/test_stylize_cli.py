"""The command line, as a person uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from fast_nst.cli.main import COMMANDS, main


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def make_image(path: Path, size: tuple[int, int] = (20, 12)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").resize(size).convert("RGB").save(path)
    return path


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )


# The group


HEAVY = "{'torch', 'lightning', 'pytorch_lightning', 'wandb', 'PIL', 'numpy'}"


def test_importing_the_package_and_printing_help_load_nothing_heavy() -> None:
    done = python(
        "import sys, fast_nst; from fast_nst.cli.main import main\n"
        "try: main(['--help'])\n"
        f"finally: print('LOADED', sorted({HEAVY} & set(sys.modules)))"
    )
    assert "LOADED []" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_no_command_loads_torch_before_it_runs() -> None:
    done = python(
        "import sys; from fast_nst.cli.main import main, COMMANDS\n"
        "for name in COMMANDS: main.get_command(None, name)\n"
        f"print('LOADED', sorted({HEAVY} & set(sys.modules)))"
    )
    assert "LOADED []" in done.stdout, done.stdout + done.stderr


def test_the_package_offers_the_stylizer_and_its_version() -> None:
    import fast_nst
    from fast_nst.inference.stylizer import Stylizer

    assert fast_nst.Stylizer is Stylizer
    assert isinstance(fast_nst.__version__, str)
    with pytest.raises(AttributeError, match="nonsense"):
        fast_nst.nonsense  # noqa: B018


def test_help_lists_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "train"])
def test_every_command_explains_itself(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_the_module_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fast_nst", "--version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("fast-nst ")


def test_a_mistyped_command_is_a_usage_error_with_a_suggestion() -> None:
    result = run("stylise")
    assert result.exit_code == 2
    assert "did you mean 'stylize'" in result.stderr


# stylize


def test_stylize_writes_one_image_of_the_same_size(filter_file: Path, tmp_path: Path) -> None:
    photo = make_image(tmp_path / "photo.jpg")
    out = tmp_path / "new" / "out.png"
    result = run("stylize", "--ckpt", filter_file, photo, "-o", out)
    assert result.exit_code == 0, result.output
    assert f"wrote {out}" in result.stdout
    with Image.open(out) as stylized:
        assert (stylized.format, stylized.size) == ("PNG", (20, 12))
        # Not the photo again: the filter did something.
        assert stylized.convert("RGB").tobytes() != Image.open(photo).convert("RGB").tobytes()


def test_stylize_is_deterministic(filter_file: Path, tmp_path: Path) -> None:
    photo = make_image(tmp_path / "photo.jpg")
    for name in ("1.png", "2.png"):
        assert run("stylize", "--ckpt", filter_file, photo, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()


def test_stylize_takes_a_folder_and_files_together(filter_file: Path, tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "sub" / "a.jpg")
    make_image(tmp_path / "in" / "b.png", size=(1, 1))
    single = make_image(tmp_path / "c [with] brackets & ünïcode.jpg")
    out = tmp_path / "out"
    result = run("stylize", "--ckpt", filter_file, tmp_path / "in", single, "-o", out)
    assert result.exit_code == 0, result.output
    assert f"wrote 3 images to {out}" in result.stdout
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert written == ["b.png", single.name, "sub/a.jpg"]


def test_a_broken_image_is_one_line_and_the_others_are_written(
    filter_file: Path, tmp_path: Path
) -> None:
    good = make_image(tmp_path / "good.jpg")
    bad = tmp_path / "bad.jpg"
    bad.write_text("no image")
    result = run("stylize", "--ckpt", filter_file, bad, good, "-o", tmp_path / "out")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("error: ")
    assert str(bad) in lines[0]
    assert lines[1] == "1 of 2 images failed."
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.jpg"]


def test_a_missing_filter_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    photo = make_image(tmp_path / "photo.jpg")
    arguments = ("stylize", "--ckpt", tmp_path / "no.safetensors", photo, "-o", tmp_path / "o.png")
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert "no.safetensors" in result.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fast_nst", "--debug", "info", str(tmp_path / "no.safetensors")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "CheckpointError" in done.stderr


def test_an_input_is_never_overwritten(filter_file: Path, tmp_path: Path) -> None:
    photo = make_image(tmp_path / "photo.jpg")
    before = photo.read_bytes()
    result = run("stylize", "--ckpt", filter_file, photo, "-o", tmp_path)
    assert result.exit_code == 1
    assert "would overwrite" in result.stderr
    assert photo.read_bytes() == before


@pytest.mark.parametrize("missing", ["--ckpt", "-o", "INPUT"])
def test_a_missing_argument_is_a_usage_error(
    filter_file: Path, tmp_path: Path, missing: str
) -> None:
    photo = make_image(tmp_path / "photo.jpg")
    parts: dict[str, list[str | Path]] = {
        "--ckpt": ["--ckpt", filter_file],
        "-o": ["-o", tmp_path / "o.png"],
        "INPUT": [photo],
    }
    del parts[missing]
    result = run("stylize", *(argument for part in parts.values() for argument in part))
    assert result.exit_code == 2


# info, styles, train


def test_info_shows_what_a_filter_is(filter_file: Path) -> None:
    result = run("info", filter_file)
    assert result.exit_code == 0, result.output
    for text in ("test_style", "johnson", "0.25", "CC0-1.0", "lr"):
        assert text in result.stdout


def test_info_prints_json_that_holds_everything(filter_file: Path) -> None:
    result = run("info", "--json", filter_file)
    document = json.loads(result.stdout)
    assert document["styles"][0]["name"] == "test_style"
    assert document["losses"] == {"content": 0.5, "style": 0.25}
    assert document["network_arguments"] == {"width": 4, "blocks": 1}


def test_info_of_something_else_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "other.safetensors").write_text("other")
    result = run("info", tmp_path / "other.safetensors")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_styles_lists_every_bundled_style() -> None:
    from fast_nst.config import list_styles

    result = run("styles")
    assert result.exit_code == 0, result.output
    rows = result.stdout.splitlines()
    for style in list_styles():
        assert any(style.name in row and style.title in row for row in rows)


def stand_in_for_training(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Replace the training; the list grows by the arguments of every call."""
    seen: list[list[str]] = []
    monkeypatch.setattr("fast_nst.train.main", lambda: seen.append(sys.argv[1:]))
    return seen


@pytest.mark.parametrize(
    "arguments",
    [
        ["style=starry_night", "trainer.max_steps=1"],
        ["--help"],
        ["-h"],
        ["-m", "style=a,b", "--config-dir", "./mine", "-cn", "train"],
        ["style.image=a b.jpg", "--cfg", "job", "~logger", "+x=[1,2]"],
    ],
)
def test_train_forwards_every_argument_untouched(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    seen = stand_in_for_training(monkeypatch)
    before = list(sys.argv)
    result = run("train", *arguments)
    assert result.exit_code == 0, result.output
    assert seen == [arguments]
    assert sys.argv == before


def test_debug_before_train_reaches_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = stand_in_for_training(monkeypatch)
    assert run("--debug", "train", "style=a").exit_code == 0
    assert seen == [["style=a", "--debug"]]


def test_closing_the_pipe_early_is_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "fast_nst", "--help"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )
    os.close(writer)
    assert "Traceback" not in done.stderr
