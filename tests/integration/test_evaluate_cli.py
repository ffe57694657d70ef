"""``fast-nst evaluate``, as a person uses it."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from fast_nst.checkpoint import FilterMetadata, save_filter
from fast_nst.cli.main import main
from fast_nst.evaluation import EvaluateProgress, evaluate
from fast_nst.image.io import write_image
from fast_nst.networks import create_network
from fast_nst.paths import asset_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def picture(seed: int, height: int, width: int) -> torch.Tensor:
    """Soft blobs of color, and a flat sky."""
    cells = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(seed))
    blobs = torch.nn.functional.interpolate(cells, (height, width), mode="bicubic")[0].clamp(0, 1)
    blobs[:, : height // 3] = 0.8
    return blobs


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_image(folder / "wide.png", picture(0, 96, 128))
    write_image(folder / "sub" / "tall & thin.png", picture(1, 72, 64))
    (folder / "broken.jpg").write_text("no picture")
    return folder


def make_filter(file: Path, seed: int = 0, **config: Any) -> Path:
    style_file = asset_path("styles/great_wave.webp")
    arguments = {"width": 4, "blocks": 1}
    metadata = FilterMetadata(
        style="great_wave",
        network="johnson",
        network_arguments=arguments,
        style_sha256=hashlib.sha256(style_file.read_bytes()).hexdigest(),
        config={
            "style": {"name": "great_wave", "image": None, "size": 64},
            "encoder": {"name": "vgg_lite", "weights": None},
            "loss": {"style_weight": 20.0, "grid_weight": 10.0},
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
                "judge_style", "structure", "grid", "hatching", "border", "seconds", "memory_mib",
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


def test_filters_trained_alike_share_one_curve_and_the_page_shows_pictures(
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
    assert "80 px: 1 of 2 photos were enlarged." in document["notes"]
    assert any("broken.jpg" in note for note in document["notes"])
    assert "flicker: left out" in done[0].stdout


def test_the_function_does_the_same_reports_progress_and_may_write_nothing(
    filters: list[Path], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        write_image(tmp_path / "clip" / f"frame_{number}.png", picture(number, 40, 48))
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
    assert f"{tmp_path / 'empty'} holds no pictures" in line


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


def test_an_unknown_judge(filters: list[Path], photos: Path, tmp_path: Path) -> None:
    line = bad(tmp_path, "--ckpt", filters[0], "--images", photos, "--judge", "vgg_16")
    assert "no encoder of that name (did you mean 'vgg16'?)" in line


def test_a_style_picture_that_is_not_at_hand(photos: Path, tmp_path: Path) -> None:
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
        ("--clip", "gone", "at least two pictures"),
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
