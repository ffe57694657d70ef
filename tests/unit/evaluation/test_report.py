import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch

from fast_nst.errors import ConfigError, DataError
from fast_nst.evaluation.artfid import left_out, squares
from fast_nst.evaluation.charts import curve_chart, strip_chart
from fast_nst.evaluation.flicker import Flicker
from fast_nst.evaluation.page import render_page
from fast_nst.evaluation.photos import evenly_spaced, find_photos
from fast_nst.evaluation.progress import EvaluateProgress, Work
from fast_nst.evaluation.report import (
    FIGURES,
    Curve,
    FilterFigures,
    Report,
    SizeFigures,
    plan_output,
    write_files,
)
from fast_nst.image.io import write_image


@pytest.fixture(scope="module")
def report() -> Report:
    """With everything that can be in one: awkward names, figures that are not there."""
    rows: list[dict[str, Any]] = [
        {"photo": "a & <b>.jpg", "content": 0.5, "grid": float("nan"), "paper": None},
        {"photo": "c.jpg", "content": 0.7, "grid": 1.2, "paper": 40},
        {"photo": "d.jpg", "content": 0.6, "grid": 1.0},
    ]
    figures = {"content": 0.6, "grid": 1.1, "border": float("nan"), "paper": 40, "strict": None}
    filters = [
        FilterFigures(
            name=name,
            file=f"{name}.safetensors",
            style="s",
            style_file="s.webp",
            encoder="vgg_lite",
            sizes=[SizeFigures(64, figures, rows)],
            flicker=Flicker(0.2, 0.1, 3, 1),
        )
        for name in ("<script>", "two")
    ]
    image = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0))
    curve = Curve(64, "c.jpg", [9.0, 3.0, 1.0], {"<script>": 2.0, "two": 0.5}, [("x", image)])
    return Report(
        created="now",
        settings={
            "sizes": [64], "photos": 3, "optimized_photos": 2, "iterations": 300, "judge": None,
            "device": "cpu",
            "resampler": {"kind": "cubic", "antialias": False, "library": "some 1.0"},
        },
        machine={"processor": "p", "threads": 1, "gpu": None, "torch": "t"},
        notes=["note & note"],
        left_out={"ArtFID": "reason"},
        filters=filters,
        curves=[curve],
    )  # fmt: skip


def test_the_json_has_every_figure_and_no_nan_and_no_images(report: Report) -> None:
    text = report.to_json()
    assert "NaN" not in text
    document = json.loads(text)
    at = document["filters"][0]["sizes"][0]
    assert at["figures"] == {
        "content": 0.6, "grid": 1.1, "border": None, "paper": 40, "strict": None
    }  # fmt: skip
    assert at["photos"][1]["paper"] == 40
    assert document["curves"][0]["totals"] == [9.0, 3.0, 1.0]
    assert "sheet" not in document["curves"][0]


def test_figures_as_text_tell_not_reached_from_not_there(report: Report) -> None:
    figures = report.filters[0].sizes[0].figures
    assert report.show("paper", figures) == "40"
    assert report.show("strict", figures) == ">300"
    assert report.show("border", figures) == "-"
    assert report.show("style", figures) == "-"
    assert report.names() == ["paper", "strict", "content", "grid", "border"]


class Page(HTMLParser):
    """Notes what a page loads, and whether its tags are balanced."""

    VOID = ("meta", "img", "br", "line", "circle", "polyline")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(report: Report) -> None:
    html = render_page(report)
    page = Page()
    page.feed(html)
    assert page.open == []
    assert "svg" in page.tags
    assert page.loaded
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.loaded)
    assert page.tags.isdisjoint({"script", "link", "iframe"})
    assert "url(" not in html
    assert not re.search(r"https?://", html)


def test_a_report_that_was_interrupted_says_so_first(report: Report) -> None:
    partial = replace(report, unmeasured=["3 of 40 photos at 256 px", "flicker"])
    said = "Interrupted: this lacks 3 of 40 photos at 256 px, flicker."
    assert said in render_page(partial).split("<h2>")[0]
    assert json.loads(partial.to_json())["partial"] is True
    assert json.loads(report.to_json())["partial"] is False
    assert "Interrupted" not in render_page(report)


def test_the_page_shows_names_notes_and_what_was_left_out(report: Report) -> None:
    html = render_page(report)
    assert "resized by some 1.0, cubic, without antialiasing" in html
    for text in ("&lt;script&gt;", "note &amp; note", "ArtFID", "reason", "&gt;300", "2.00"):
        assert text in html
    assert "a &amp; &lt;b&gt;.jpg: more than 300" in html


def test_charts_stand_any_numbers() -> None:
    assert "polyline" in curve_chart([5.0], [("a", 5.0, "red")])
    assert "polyline" in curve_chart([1e9, 1e-9], [])
    assert strip_chart([("a", "red", [("p", None)])]) == ""
    assert strip_chart([("a", "red", [("p", float("nan"))])]) == ""
    assert strip_chart([("a", "red", [("p", 3.0), ("q", 3.0)])]).count("<circle") == 2
    assert 'fill="none"' in strip_chart([("a", "red", [("p", None)])], limit=300)


def test_every_figure_has_a_format_that_works() -> None:
    for name, figure in FIGURES.items():
        value: Any = 3 if figure.form == "d" else 3.0
        assert "3" in f"{value:{figure.form}}", name


@pytest.mark.parametrize(
    ("given", "page"),
    [("r", "r.html"), ("r.html", "r.html"), ("new/folder/r", "new/folder/r.html")],
)
def test_the_page_and_the_json_lie_side_by_side(given: str, page: str, tmp_path: Path) -> None:
    assert plan_output(tmp_path / given) == (
        tmp_path / page, (tmp_path / page).with_suffix(".json")
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for output, message in (
        (tmp_path, "is a folder"),
        (tmp_path / "r.pdf", "ends in '.pdf'"),
        (tmp_path / "file" / "r.html", "cannot be written"),
    ):
        with pytest.raises(ConfigError, match=message):
            plan_output(output)


def test_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    write_files([(tmp_path / "a" / "r.json", "{}")])
    assert (tmp_path / "a" / "r.json").read_text() == "{}"
    with pytest.raises(ConfigError, match="cannot be written"):
        write_files([(tmp_path / "a" / "r.json" / "x", "{}")])
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["r.json"]


def test_chosen_photos_are_evenly_spaced() -> None:
    assert evenly_spaced(40, 8) == [0, 5, 10, 15, 20, 25, 30, 35]
    assert evenly_spaced(3, 8) == [0, 1, 2]
    assert evenly_spaced(3, 0) == []


def test_photos_that_cannot_be_read_are_named_and_passed_over(tmp_path: Path) -> None:
    write_image(tmp_path / "sub" / "a.png", torch.rand(3, 8, 9))
    (tmp_path / "broken.jpg").write_text("no image")
    write_image(tmp_path / "strip.png", torch.rand(3, 2, 20))
    photos, broken = find_photos(tmp_path)
    assert [(photo.name, photo.read().shape) for photo in photos] == [("sub/a.png", (1, 3, 8, 9))]
    assert len(broken) == 2
    assert "broken.jpg" in broken[0]
    assert "strip.png is 20x2 px" in broken[1]
    (tmp_path / "sub" / "a.png").unlink()
    with pytest.raises(DataError, match="no images that can be used"):
        find_photos(tmp_path)


def test_without_a_folder_there_are_photographs_all_the_same() -> None:
    photos, _ = find_photos(None)
    assert len(photos) >= 3
    assert all(photo.read().min() >= 0 and photo.read().max() <= 1 for photo in photos)


def test_progress_rises_to_one() -> None:
    seen: list[EvaluateProgress] = []
    work = Work([("photo", 256), ("strict", 256), ("cost", 512)], seen.append)
    work.begin("a", "photo", 256)
    work.begin("b", "strict", 256)
    for k in (0, 30, 60, 900):
        work.iteration(k)
    work.begin("c", "cost", 512)
    fractions = [each.fraction for each in seen]
    assert fractions == sorted(fractions)
    assert 0 == fractions[0] < fractions[-1] <= 1
    assert seen[-1].stage == "c"


def test_terms_that_need_networks_of_others_are_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    reasons = left_out()
    assert reasons.keys() == {"LPIPS", "FID", "ArtFID"}
    assert "not at hand" in reasons["LPIPS"]


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_squares_are_cut_from_all_over(count: int) -> None:
    image = torch.rand(1, 3, 20, 31)
    cut = squares(image, 8, count)
    assert cut.shape == (count, 3, 8, 8)
    if count > 1:
        assert not torch.equal(cut[0], cut[-1])
