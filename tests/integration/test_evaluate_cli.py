"""``fast-nst evaluate``, as a person uses it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from fast_nst.cli.main import main
from fast_nst.data.photos import bundled_photos
from fast_nst.evaluation import EvaluateProgress, InterruptedEvaluation, evaluate
from fast_nst.filters.checkpoint import FilterMetadata, Style, save_filter
from fast_nst.image.io import write_image
from fast_nst.networks import create_network
from fast_nst.paths import asset_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def image(seed: int, height: int, width: int) -> torch.Tensor:
    """Soft blobs of color, and a flat sky."""
    cells = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(seed))
    blobs = torch.nn.functional.interpolate(cells, (height, width), mode="bicubic")[0].clamp(0, 1)
    blobs[:, : height // 3] = 0.8
    return blobs


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_image(folder / "wide.png", image(0, 96, 128))
    write_image(folder / "sub" / "tall & thin.png", image(1, 72, 64))
    (folder / "broken.jpg").write_text("no image")
    return folder


def make_filter(file: Path, seed: int = 0, **config: Any) -> Path:
    style_file = asset_path("styles/great_wave.webp")
    arguments = {"width": 4, "blocks": 1}
    metadata = FilterMetadata(
        styles=(Style("great_wave", hashlib.sha256(style_file.read_bytes()).hexdigest()),),
        network="johnson",
        network_arguments=arguments,
        config={
            "style": {"name": "great_wave", "image": None, "size": 64},
            "encoder": {"name": "vgg_lite", "weights": None},
            "loss": {"content_weight": 1.0, "style_weight": 20.0, "grid_weight": 10.0},
            **config,
        },
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = create_network("johnson", **arguments)
    return save_filter(file, network, metadata)


@pytest.fixture(scope="module")
def filters(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("filters")
    return [make_filter(folder / name / "wave.safetensors", n) for n, name in enumerate("ab")]


@pytest.fixture(scope="module")
def done(
    filters: list[Path], photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Result, Path]:
    folder = tmp_path_factory.mktemp("report")
    result = run(
        "evaluate", "--ckpt", filters[0], "--ckpt", filters[1], "--images", photos,
        "--sizes", "64,80", "--photos", 1, "--iterations", 4,
        "--judge", asset_path("vgg_lite.safetensors"), "-o", folder / "new" / "both",
    )  # fmt: skip
    return result, folder


def figures(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "new" / "both.json").read_text())
    return document


def test_a_page_and_figures_are_written_and_a_table_printed(done: tuple[Result, Path]) -> None:
    result, folder = done
    assert result.exit_code == 0, result.output
    page = folder / "new" / "both.html"
    assert f"wrote {page} and {page.with_suffix('.json')}" in result.stdout
    assert sorted(path.name for path in page.parent.iterdir()) == ["both.html", "both.json"]
    resampler = figures(folder)["settings"]["resampler"]
    assert resampler["kind"] == "bicubic"
    assert resampler["library"].startswith("torch ")
    assert f"resized by {resampler['library']}, bicubic, with antialiasing" in page.read_text()
    for text in ("a/wave", "b/wave", "64 px", "iterations, paper's way", "grid", "seconds"):
        assert text in result.stdout
        assert text.replace("'", "&#39;") in page.read_text()


def test_every_filter_has_every_figure_at_every_size(done: tuple[Result, Path]) -> None:
    document = figures(done[1])
    assert [each["name"] for each in document["filters"]] == ["a/wave", "b/wave"]
    for each in document["filters"]:
        assert [at["size"] for at in each["sizes"]] == [64, 80]
        for at in each["sizes"]:
            assert at["figures"].keys() == {
                "paper", "strict", "strict_judge", "content", "style", "judge_content",
                "judge_style", "style_left", "under_stylized", "agreement", "over_stylized",
                "structure", "grid", "hatching", "border", "stroke_size", "stroke_coherence",
                "seconds", "memory_mib",
            }  # fmt: skip
            assert at["figures"]["seconds"] > 0
            if sys.platform == "linux":
                assert 0 < at["figures"]["memory_mib"] < 500
            names = [row["photo"] for row in at["photos"]]
            assert names == [str(Path("sub", "tall & thin.png")), "wide.png"]
            # Equivalent iterations only where they were asked for.
            assert ["paper" in row for row in at["photos"]] == [True, False]


def test_the_judge_that_is_the_trained_encoder_says_the_same_and_it_is_noted(
    done: tuple[Result, Path],
) -> None:
    document = figures(done[1])
    for each in document["filters"]:
        for at in each["sizes"]:
            assert at["figures"]["judge_style"] == at["figures"]["style"]
            assert at["figures"]["strict_judge"] == at["figures"]["strict"]
    assert any("was trained with the judge's kind of encoder" in n for n in document["notes"])


def test_filters_trained_alike_share_one_curve_and_the_page_shows_images(
    done: tuple[Result, Path],
) -> None:
    document = figures(done[1])
    assert [curve["size"] for curve in document["curves"]] == [64, 80]
    for curve in document["curves"]:
        assert curve["filters"].keys() == {"a/wave", "b/wave"}
        assert len(curve["totals"]) <= 5
    html = (done[1] / "new" / "both.html").read_text()
    assert html.count("<img") == 2 * 3  # content and two filters; 4 iterations show no step


def test_what_is_left_out_or_broken_is_named_and_enlarged_photos_are_counted(
    done: tuple[Result, Path],
) -> None:
    document = figures(done[1])
    assert "flicker" in document["left_out"]
    assert document["left_out"]["faces"] == "none were found in the photos"
    assert "80 px: 1 of 2 photos were enlarged." in document["notes"]
    assert any("broken.jpg" in note for note in document["notes"])
    assert "flicker: left out" in done[0].stdout


def test_the_function_does_the_same_reports_progress_and_may_write_nothing(
    filters: list[Path], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        write_image(tmp_path / "clip" / f"frame_{number}.png", image(number, 40, 48))
    seen: list[EvaluateProgress] = []
    report = evaluate(
        filters[:1],
        images=photos / "wide.png",
        sizes=[64],
        photos=0,
        clip=tmp_path / "clip",
        on_progress=seen.append,
    )
    assert report.filters[0].name == "wave"
    assert report.filters[0].flicker is not None
    assert report.filters[0].flicker.estimated == 1
    assert "paper" not in report.filters[0].sizes[0].figures
    assert report.curves == []
    assert seen[-1].fraction <= 1
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


# Bad input: one line, exit code 1, nothing written


def bad(tmp_path: Path, *arguments: str | Path) -> str:
    output = tmp_path / "out"
    result = run("evaluate", *arguments, "-o", output / "r.html")
    assert result.exit_code == 1, result.output
    assert not output.exists()
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def test_an_empty_folder_of_photos(filters: list[Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    line = bad(tmp_path, "--ckpt", filters[0], "--images", tmp_path / "empty")
    assert f"{tmp_path / 'empty'} holds no images" in line


def test_sizes_too_small_for_the_deepest_layer(
    filters: list[Path], photos: Path, tmp_path: Path
) -> None:
    line = bad(tmp_path, "--ckpt", filters[0], "--images", photos, "--sizes", "256,8")
    assert "8 px is too small: relu4_1" in line


def test_a_filter_whose_encoder_is_not_at_hand(photos: Path, tmp_path: Path) -> None:
    gone = {"name": "vgg16", "weights": str(tmp_path / "gone.pth")}
    file = make_filter(tmp_path / "vgg.safetensors", encoder=gone)
    line = bad(tmp_path, "--ckpt", file, "--images", photos)
    assert "trained with the encoder vgg16, whose weights are not at hand" in line
    assert f"Put {gone['weights']} back." in line


def test_a_filter_of_torchvisions_encoder_whose_weights_cannot_be_fetched(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody listens
    file = make_filter(tmp_path / "vgg.safetensors", encoder={"name": "vgg16", "weights": None})
    line = bad(tmp_path, "--ckpt", file, "--images", photos)
    assert f"{file} was trained with the encoder vgg16, whose weights are not at hand" in line
    assert "cannot be downloaded" in line
    assert "Try again online" in line


def test_a_style_of_one_flat_color(filters: list[Path], photos: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "flat.png", torch.full((3, 40, 40), 0.5))
    line = bad(tmp_path, "--ckpt", filters[0], "--images", photos, "--style", tmp_path / "flat.png")
    assert "flat.png is one flat color" in line


def test_a_text_file_is_no_filter(photos: Path, tmp_path: Path) -> None:
    for name in ("notes.txt", "notes.safetensors", "notes.ckpt"):
        (tmp_path / name).write_text("just some words")
        line = bad(tmp_path, "--ckpt", tmp_path / name, "--images", photos)
        assert f"{tmp_path / name} is not a" in line


def test_an_unknown_judge(filters: list[Path], photos: Path, tmp_path: Path) -> None:
    line = bad(tmp_path, "--ckpt", filters[0], "--images", photos, "--judge", "vgg_16")
    assert "no encoder of that name (did you mean 'vgg16'?)" in line


def test_a_style_image_that_is_not_at_hand(photos: Path, tmp_path: Path) -> None:
    style = {"name": "mine", "image": "gone.jpg", "size": 64}
    file = make_filter(tmp_path / "mine.safetensors", style=style)
    assert "Give it: --style FILE" in bad(tmp_path, "--ckpt", file, "--images", photos)
    line = bad(tmp_path, "--ckpt", file, "--images", photos, "--style", tmp_path / "no.jpg")
    assert "no.jpg" in line


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--ckpt", "gone.safetensors", "no such file"),
        ("--images", "gone", "does not exist"),
        ("--clip", "gone", "at least two images"),
        ("--device", "tpu", "cannot be used"),
        ("--sizes", "64,64", "must be different"),
    ],
)
def test_what_is_not_there(
    option: str, value: str, said: str, filters: list[Path], photos: Path, tmp_path: Path
) -> None:
    line = bad(tmp_path, "--ckpt", filters[0], "--images", photos, option, value)
    assert said in line
    assert value.split(",")[0] in line


def test_a_filter_without_its_training_configuration(filter_file: Path, tmp_path: Path) -> None:
    assert "cannot be judged" in bad(tmp_path, "--ckpt", filter_file)


def test_an_output_that_cannot_be_written(
    filters: list[Path], photos: Path, tmp_path: Path
) -> None:
    for output in (tmp_path, tmp_path / "r.pdf"):
        result = run("evaluate", "--ckpt", filters[0], "--images", photos, "-o", output)
        assert result.exit_code == 1
        assert str(output) in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [(), ("--ckpt", "a", "--sizes", "256,big")])
def test_a_mistyped_command_line_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    assert run("evaluate", *arguments).exit_code == 2


# Ctrl-C: what is measured by then is kept, and marked


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of its own")
@pytest.mark.parametrize(
    ("sizes", "kept", "said"),
    [
        ("64,1024", [64], "Interrupted: this lacks 1024 px."),
        ("1024", None, "interrupted before the first photo was measured; nothing is written"),
    ],
)
def test_ctrl_c_keeps_what_was_measured(
    sizes: str, kept: list[int] | None, said: str, filters: list[Path], photos: Path, tmp_path: Path
) -> None:
    import pty

    terminal, stderr = pty.openpty()  # for the progress to be shown, which says when to interrupt
    arguments = (
        "--ckpt", filters[0], "--images", photos, "--sizes", sizes, "--photos", 2,
        "--iterations", 2, "-o", tmp_path / "new" / "r.html",
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "fast_nst", "evaluate", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=stderr, text=True, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    os.close(stderr)
    shown = b""
    while b"1024 px" not in shown:
        shown += os.read(terminal, 4096)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while more := os.read(terminal, 4096):
            shown += more
    stdout, _ = process.communicate()
    os.close(terminal)
    assert process.returncode == 130
    assert said.encode() in shown
    assert b"Traceback" not in shown
    page = tmp_path / "new" / "r.html"
    assert ("wrote" in stdout) == page.exists() == (kept is not None)
    if kept is not None:
        document = json.loads(page.with_suffix(".json").read_text())
        assert document["partial"] is True
        assert [at["size"] for at in document["filters"][0]["sizes"]] == kept
        assert said in page.read_text()


@pytest.mark.parametrize(
    ("stage", "photos_kept", "lacks"),
    [("wide.png", 1, "1 of 2 photos at 64 px"), ("time and memory", 2, "time and memory at 64 px")],
)
def test_an_interruption_within_a_size_keeps_its_whole_photos(
    stage: str, photos_kept: int, lacks: str, filters: list[Path], photos: Path, tmp_path: Path
) -> None:
    def interrupt(progress: EvaluateProgress) -> None:
        if stage in progress.stage:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedEvaluation) as interrupted:
        evaluate(
            filters, tmp_path / "r.html", images=photos, sizes=[64, 80], photos=0,
            on_progress=interrupt,
        )  # fmt: skip
    report = interrupted.value.report
    assert report.unmeasured == [lacks, "80 px"]
    for each in report.filters:
        (at,) = each.sizes
        assert len(at.photos) == photos_kept
        assert at.figures["content"] is not None
        assert "seconds" not in at.figures
    assert report.partial in (tmp_path / "r.html").read_text()


def test_why_memory_could_not_be_measured_is_said(photos: Path, tmp_path: Path) -> None:
    file = make_filter(tmp_path / "wave.safetensors")

    def remove(progress: EvaluateProgress) -> None:
        if "time and memory" in progress.stage:
            file.unlink(missing_ok=True)

    report = evaluate(
        [file], images=photos / "wide.png", sizes=[64], photos=0, device="cpu", on_progress=remove
    )
    assert "memory_mib" not in report.filters[0].sizes[0].figures
    (note,) = [note for note in report.notes if note.startswith("Memory of wave at 64 px")]
    assert "its process failed" in note
    assert "no such file" in note


def test_faces_are_looked_at_where_there_are_some(filters: list[Path], tmp_path: Path) -> None:
    astronaut = torch.from_numpy(bundled_photos()[0][0]).permute(2, 0, 1) / 255
    write_image(tmp_path / "astronaut.png", astronaut)
    report = evaluate(filters[:1], images=tmp_path / "astronaut.png", sizes=[256], photos=0)
    (at,) = report.filters[0].sizes
    (row,) = at.photos
    for figures in (row, at.figures):
        assert figures["faces_found"] in (0, 1)
        assert figures["face_edges"] is not None
        assert -1 <= figures["face_edges"] < 0.9
    assert "faces" not in report.left_out
    assert "256 px: faces searched, 1 found in 1 photos." in report.notes


@pytest.mark.shared
def test_broken_images_are_named_and_the_others_measured(
    filters: list[Path], shared_data: Path, tmp_path: Path
) -> None:
    result = run(
        "evaluate", "--ckpt", filters[0], "--images", shared_data / "odd", "--sizes", "32",
        "--photos", 0, "-o", tmp_path / "r.html",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "r.json").read_text())
    measured = {row["photo"] for row in document["filters"][0]["sizes"][0]["photos"]}
    left_out = "\n".join(note for note in document["notes"] if note.startswith("left out"))
    broken = ("truncated.jpg", "text_file.jpg", "zero_byte.png", "tall_3x2000.png")
    assert measured.isdisjoint(broken)
    assert all(name in left_out for name in broken)
    assert {"one_pixel.png", "all_black.png", "cmyk.jpg", "gray16.png"} <= measured
    assert left_out in result.stdout
