"""The end of a sweep: its filters compared in a table, a contact sheet and a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from fast_nst.errors import FastNSTError, one_line

if TYPE_CHECKING:
    from fast_nst.evaluation.report import FilterFigures, Report

SHOWN = ("strict", "content", "style", "grid", "border")
ROWS = 3  # photographs on the contact sheet


class SweepReport(Callback):
    """Hydra's callback at the end of ``-m``; ``conf/hydra/default.yaml`` gives its arguments.

    Writes ``report.html``, ``report.json`` and ``contact_sheet.png`` (a column per job after the
    content's, in the table's order) into the sweep's folder, and prints a table, best first: by
    strict equivalent iterations, then by style loss.

    Args:
        images: a folder of photographs that were not trained on; None for scikit-image's.
        size: short side that they are resized to, px.
        photos: on so many of them equivalent iterations are counted; 0 leaves that out.
        iterations: at most so many.
    """

    def __init__(self, images: str | None, size: int, photos: int, iterations: int) -> None:
        self.images = images
        self.size = size
        self.photos = photos
        self.iterations = iterations

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Compare what the jobs left in the sweep's folder, if there are at least two filters."""
        folder = Path(config.hydra.sweep.dir)
        files = sorted(folder.glob("*/*.safetensors"))
        if len(files) < 2:
            return
        try:
            self._compare(folder, files)
        except FastNSTError as error:  # the filters are there all the same
            print(f"error: no report: {one_line(error)}", file=sys.stderr)

    def _compare(self, folder: Path, files: list[Path]) -> None:
        from fast_nst.evaluation import evaluate

        print(f"comparing {len(files)} filters ...", file=sys.stderr)
        page = folder / "report.html"
        report = evaluate(
            files,
            page,
            images=self.images,
            sizes=(self.size,),
            photos=self.photos,
            iterations=self.iterations,
        )
        ranked = sorted(report.filters, key=_rank)
        sheet = folder / "contact_sheet.png"
        _write_sheet(sheet, [Path(each.file) for each in ranked], self.images, self.size)
        _print_table(report, ranked)
        print(f"report: {page}")
        print(f"contact sheet: {sheet}")


def _rank(each: FilterFigures) -> tuple[float, float]:
    figures = each.sizes[0].figures
    if "strict" not in figures:
        iterations = 0.0
    else:  # None: more than were tried
        strict = figures["strict"]
        iterations = float("inf") if strict is None else float(strict)
    return -iterations, float(figures["style"] or 0)


def _print_table(report: Report, ranked: list[FilterFigures]) -> None:
    from fast_nst.cli.table import print_table
    from fast_nst.evaluation.report import FIGURES

    told = {each.file: _overrides(Path(each.file).parent) for each in ranked}
    common = set.intersection(*(set(overrides) for overrides in told.values()))
    names = [name for name in SHOWN if name in report.names()]
    rows = []
    for each in ranked:
        own = "\n".join(o for o in told[each.file] if o not in common)
        figures = each.sizes[0].figures
        rows.append([own or each.name, *(report.show(name, figures) for name in names)])
    print_table("job", [FIGURES[name].label for name in names], rows)


def _overrides(job: Path) -> list[str]:
    """The overrides of a job, which Hydra keeps in the job's folder."""
    file = job / ".hydra" / "overrides.yaml"
    return [str(each) for each in OmegaConf.load(file)] if file.is_file() else []


def _write_sheet(target: Path, files: list[Path], images: str | None, size: int) -> None:
    import torch

    from fast_nst.evaluation.photos import evenly_spaced, find_photos
    from fast_nst.filters.checkpoint import load_filter
    from fast_nst.image.io import write_image
    from fast_nst.image.resize import resize_short_side

    photos, _ = find_photos(images)
    squares = []
    for index in evenly_spaced(len(photos), ROWS):
        rgb = resize_short_side(photos[index].read(), size)
        top, left = (rgb.shape[2] - size) // 2, (rgb.shape[3] - size) // 2
        squares.append(rgb[:, :, top : top + size, left : left + size])
    content = torch.cat(squares)
    columns = [content]
    with torch.inference_mode():
        columns += [load_filter(file).network(content) for file in files]
    rows = [torch.cat(list(row), dim=2) for row in zip(*columns, strict=True)]
    write_image(target, torch.cat(rows, dim=1))
