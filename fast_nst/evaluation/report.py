"""Results of an evaluation, and their JSON file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from fast_nst import atomic
from fast_nst.errors import ConfigError
from fast_nst.evaluation.flicker import Flicker
from fast_nst.losses.strength import OVER_STYLIZED, UNDER_STYLIZED

Value = float | int | None


@dataclass(frozen=True)
class Figure:
    """How a figure is shown: its ``label``, what it ``means``, and how it is formatted."""

    label: str
    means: str
    form: str = ".3f"


ITERATIONS = ("paper", "strict", "strict_judge")

# name -> how it is shown; the order is that of tables
FIGURES: dict[str, Figure] = {
    "paper": Figure(
        "iterations, paper's way",
        "L-BFGS iterations from white noise to the filter's own total training loss",
        "d",
    ),
    "strict": Figure(
        "iterations, strict",
        "L-BFGS iterations from the content to an image with neither more content nor more style "
        "loss, by the encoder that the filter was trained with",
        "d",
    ),
    "strict_judge": Figure("iterations, strict, by the judge", "the same by the judge", "d"),
    "content": Figure("content", "scale-free loss at relu3_1, by the filter's own encoder"),
    "style": Figure("style", "scale-free loss at relu1_1 to relu4_1, by its own encoder", ".4f"),
    "judge_content": Figure("content, by the judge", "the same by the judge"),
    "judge_style": Figure("style, by the judge", "the same by the judge", ".4f"),
    "style_left": Figure(
        "style left",
        "normalized style loss by its own encoder, which says the same for all styles: 0 is the "
        f"style, photographs have about 0.3; above {UNDER_STYLIZED} a photo is under-stylized",
        ".4f",
    ),
    "under_stylized": Figure(
        "under-stylized", "share of the photos that are toned rather than repainted", ".0%"
    ),
    "agreement": Figure(
        "content kept",
        "correlation of features with the photo's, at a short side of at most 256 px; 1 is the "
        f"photo, 0 a texture; below {OVER_STYLIZED} a photo is over-stylized",
        ".2f",
    ),
    "over_stylized": Figure(
        "over-stylized", "share of the photos in which one hardly sees what they showed", ".0%"
    ),
    "structure": Figure("structure kept", "SSIM of luminance edges with the content's; 1 is best"),
    "grid": Figure(
        "grid",
        "energy at the network's stride frequencies in flat areas over that around them, relative "
        "to the content's; 1 means no grid, above 1.1 may be visible",
        ".2f",
    ),
    "hatching": Figure(
        "hatching",
        "the strongest other pattern of 2.5 to 12 px in flat areas, relative to the style image's",
        ".1f",
    ),
    "border": Figure(
        "border",
        "differences of color or contrast between the outermost 8 px and the inside, relative to "
        "the same place away from a border; 1 means no frame, above 1.1 may be visible",
        ".2f",
    ),
    "stroke_size": Figure(
        "stroke size",
        "typical period of strokes in the photo's flat areas, relative to the style image's calm "
        "ones; 1 is right, below 1 strokes are finer",
        ".2f",
    ),
    "stroke_coherence": Figure(
        "stroke direction",
        "coherence of strokes (0: any direction, 1: one) in the same places, minus the style "
        "image's; 0 is right",
        "+.2f",
    ),
    "face_edges": Figure(
        "face edges", "correlation of faces' edges with the photo's; 1 is best", ".2f"
    ),
    "faces_found": Figure(
        "faces found", "share of the photos' faces that are found in the stylized ones", ".0%"
    ),
    "lpips": Figure("LPIPS", "ArtFID's content term, between content and stylized"),
    "fid": Figure("FID", "ArtFID's style term, between stylized photos and crops of the style"),
    "artfid": Figure("ArtFID", "(1 + LPIPS) (1 + FID)"),
    "seconds": Figure("seconds", "of one forward pass, median of 5"),
    "memory_mib": Figure("memory, MiB", "that the forward pass adds at its peak", ".0f"),
}


@dataclass(frozen=True)
class SizeFigures:
    """Figures of one filter at one size.

    Attributes:
        size: short side of the photos, px.
        figures: by name, see ``FIGURES``. Medians over the photos, or shares of them, but grid,
            hatching, border and faces found over all photos together. None for iterations that did
            not suffice, and for what could not be measured.
        photos: the same for each photo, with its name under "photo"; iterations only for those
            that were optimized.
    """

    size: int
    figures: dict[str, Value]
    photos: list[dict[str, Any]]


@dataclass(frozen=True)
class FilterFigures:
    """Figures of one filter; ``flicker`` where there was a clip."""

    name: str
    file: str
    style: str
    style_file: str
    encoder: str
    sizes: list[SizeFigures]
    flicker: Flicker | None = None


@dataclass(frozen=True)
class Curve:
    """An optimization the paper's way, with the filters that share its loss.

    Attributes:
        size: short side, px.
        photo: its name.
        totals: item k is the total loss after k iterations.
        filters: total loss of each filter, by name.
        sheet: (label, (3, H, W) in [0, 1]): content, filters, iterations; not in the JSON file.
    """

    size: int
    photo: str
    totals: list[float]
    filters: dict[str, float]
    sheet: list[tuple[str, Tensor]] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Report:
    """All of an evaluation.

    Attributes:
        created: ISO 8601, UTC.
        settings: the options of the evaluation.
        machine: what it was measured on.
        notes: what a reader should know of the figures.
        left_out: name -> why, of the figures that are not there.
        filters: in the order in which they were given.
        curves: of some photos.
        unmeasured: what an interruption left out; a report with any is marked as partial.
    """

    created: str
    settings: dict[str, Any]
    machine: dict[str, Any]
    notes: list[str]
    left_out: dict[str, str]
    filters: list[FilterFigures]
    curves: list[Curve]
    unmeasured: list[str] = field(default_factory=list)

    @property
    def partial(self) -> str:
        """One sentence on what an interruption left out; else empty."""
        return f"Interrupted: this lacks {', '.join(self.unmeasured)}." if self.unmeasured else ""

    def to_json(self) -> str:
        """One JSON object; NaN and infinity become null."""
        document = {"partial": bool(self.partial)} | asdict(self)
        for curve in document["curves"]:
            del curve["sheet"]
        return json.dumps(_finite(document), indent=2, ensure_ascii=False) + "\n"

    def show(self, name: str, figures: Mapping[str, Value]) -> str:
        """A figure as text: ">300" for iterations that did not suffice, "-" if missing."""
        if name not in figures:
            return "-"
        value = figures[name]
        if name in ITERATIONS:
            return f">{self.settings['iterations']}" if value is None else f"{value:d}"
        if value is None or not math.isfinite(value):
            return "-"
        return f"{value:{FIGURES[name].form}}"

    def names(self) -> list[str]:
        """The figures that some filter has, in order."""
        present = {n for each in self.filters for at in each.sizes for n in at.figures}
        return [name for name in FIGURES if name in present]


def plan_output(output: str | os.PathLike[str]) -> tuple[Path, Path]:
    """The paths of the page and the JSON file, after a check that they can be written.

    Args:
        output: name of the page, ending in .html or without an ending.

    Raises:
        ConfigError: If its ending is another, it is a folder, or nothing can be written there.
    """
    page = Path(output)
    if page.is_dir():
        raise ConfigError(f"{page} is a folder. Name a file in it: {page / 'report.html'}.")
    if page.suffix.lower() not in ("", ".html"):
        raise ConfigError(f"{page} ends in {page.suffix!r}; the report is an .html page.")
    page = page.with_suffix(".html")
    folder = page.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ConfigError(f"{page} cannot be written. Choose a folder that you may write to.")
    return page, page.with_suffix(".json")


def write_files(files: Sequence[tuple[Path, str]]) -> None:
    """Write texts, each completely or not at all; missing folders are created.

    Raises:
        ConfigError: If that fails.
    """
    for path, text in files:
        try:
            atomic.write_bytes(path, text.encode())
        except OSError as error:
            raise ConfigError(f"{path} cannot be written ({error.strerror}).") from error


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return value
