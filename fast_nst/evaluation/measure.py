"""The figures of one filter at one size, gathered photo by photo."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from fast_nst.evaluation import artefacts
from fast_nst.evaluation.artfid import ArtFID
from fast_nst.evaluation.iterations import median_iterations, weighted_losses
from fast_nst.evaluation.report import ITERATIONS, Value
from fast_nst.evaluation.subjects import JudgedFilter
from fast_nst.losses.perceptual import PerceptualLoss


@dataclass
class Samples:
    """Figures of one filter so far, at one size.

    Attributes:
        subject: the filter.
        count: how many photos there will be.
        without: name -> why, of ArtFID's terms that are left out.
        photos: a row of figures per photo.
        grids: of each photo, :func:`artefacts.grid_excess` of stylized and content.
        peaks: of each photo, :func:`artefacts.pattern_peak` of the stylized flat areas.
        shifts: of each photo, :func:`artefacts.border_shift`.
    """

    subject: JudgedFilter
    count: int
    without: dict[str, str]
    photos: list[dict[str, Any]] = field(default_factory=list)
    grids: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    peaks: list[Tensor] = field(default_factory=list)
    shifts: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._artfid = ArtFID(self.subject.style, self.count, self.without)

    @torch.inference_mode()
    def add(self, photo: str, content: Tensor, stylized: Tensor) -> None:
        """Measure one photo.

        Args:
            photo: its name.
            content: (1, 3, H, W) in [0, 1].
            stylized: what the filter made of it.
        """
        row: dict[str, Any] = {"photo": photo}
        row |= plain_losses(self.subject.plain, content, stylized)
        if self.subject.judge is not None:
            judged = plain_losses(self.subject.judge, content, stylized)
            row |= {f"judge_{name}": value for name, value in judged.items()}
        row["structure"] = artefacts.structure_kept(content, stylized)
        flat = artefacts.flat_windows(content)
        painted = artefacts.windows(stylized)[flat]
        grids = [
            artefacts.grid_excess(windows, self.subject.stride)
            for windows in (painted, artefacts.windows(content)[flat])
        ]
        self.grids.append((grids[0], grids[1]))
        self.peaks.append(artefacts.pattern_peak(painted))
        if min(content.shape[-2:]) > 2 * artefacts.BORDER_CROP:
            crop_first = self.subject.network(artefacts.crop(content)).float()
            self.shifts.append(artefacts.border_shift(crop_first, artefacts.crop(stylized)))
        else:
            self.shifts.append(content.new_zeros(0, 2))
        row |= self._artefacts(slice(-1, None))
        row |= self._artfid.add(content, stylized)
        self.photos.append(row)

    def figures(self, done: int | None = None) -> dict[str, Value]:
        """Medians over photos; artefacts are computed over all photos together.

        Args:
            done: number of photos to use, from the first on; ArtFID, which cannot forget a photo,
                is then left out. None for all.
        """
        found: dict[str, Value] = {}
        photos = self.photos[:done]
        for name in dict.fromkeys(key for row in photos for key in row):
            values = [row[name] for row in photos if name in row]
            if name in ITERATIONS:
                found[name] = median_iterations(values)
            elif name != "photo":
                found[name] = _median(values)
        found |= self._artefacts(slice(done))
        if done is None:
            found |= self._artfid.figures()
        return found

    def _artefacts(self, which: slice) -> dict[str, Value]:
        grids = [torch.stack(each) for each in zip(*self.grids[which], strict=True)]
        stylized, content = (artefacts.grid_figure(each) for each in grids)
        own = artefacts.pattern_peak(artefacts.windows(self.subject.style))
        peaks = torch.cat(self.peaks[which])
        known = len(own) and len(peaks)
        shifts = [shift for shift in self.shifts[which] if len(shift)]
        return {
            "grid": stylized / content,
            "hatching": float(peaks.median() / own.median()) if known else math.nan,
            "border": artefacts.border_figure(torch.stack(shifts)) if shifts else math.nan,
        }


@torch.inference_mode()
def plain_losses(loss: PerceptualLoss, content: Tensor, stylized: Tensor) -> dict[str, float]:
    """The named losses of one image, as floats."""
    return {name: float(value) for name, value in weighted_losses(loss, content)(stylized).items()}


def _median(values: list[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return statistics.median(known) if known else math.nan
