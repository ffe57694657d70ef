"""The figures of one filter at one size, gathered photo by photo."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from fast_nst.evaluation import artefacts, strokes
from fast_nst.evaluation.artfid import ArtFID
from fast_nst.evaluation.faces import Face, faces_kept, still_found
from fast_nst.evaluation.iterations import median_iterations, weighted_losses
from fast_nst.evaluation.report import ITERATIONS, Value
from fast_nst.evaluation.subjects import JudgedFilter
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.functional import gram_matrix
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.losses.strength import (
    AGREEMENT_LAYER,
    OVER_STYLIZED,
    UNDER_STYLIZED,
    content_agreement,
    style_left,
)

GLANCE = 256  # px, short side at which it is judged whether one sees what a photo shows


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
        faces: of each photo, how many faces are found in the stylized one, and in the photo.
    """

    subject: JudgedFilter
    count: int
    without: dict[str, str]
    photos: list[dict[str, Any]] = field(default_factory=list)
    grids: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    peaks: list[Tensor] = field(default_factory=list)
    shifts: list[Tensor] = field(default_factory=list)
    faces: list[tuple[int, int]] = field(default_factory=list)

    @torch.inference_mode()
    def __post_init__(self) -> None:
        style = self.subject.style
        self._artfid = ArtFID(style, self.count, self.without)
        self._style_grams = self._grams(style)
        calm = strokes.color_windows(style)[strokes.calm_windows(style)]
        self._strokes = strokes.stroke_size(calm), strokes.stroke_coherence(calm)

    @torch.inference_mode()
    def add(
        self, photo: str, content: Tensor, stylized: Tensor, faces: Sequence[Face] = ()
    ) -> None:
        """Measure one photo.

        Args:
            photo: its name.
            content: (1, 3, H, W) in [0, 1].
            stylized: what the filter made of it.
            faces: in the content.
        """
        row: dict[str, Any] = {"photo": photo}
        row |= plain_losses(self.subject.plain, content, stylized)
        row["agreement"] = self._agreement(content, stylized)
        if self.subject.judge is not None:
            judged = plain_losses(self.subject.judge, content, stylized)
            row |= {f"judge_{name}": value for name, value in judged.items()}
        row["structure"] = artefacts.structure_kept(content, stylized)
        if self.subject.metadata.paints:
            row |= self._paint(content, stylized)
        self.faces.append((still_found(faces, stylized), len(faces)))
        if faces:
            row["face_edges"] = faces_kept(faces, content, stylized)
            row |= self._faces_found(slice(-1, None))
        row |= self._artfid.add(content, stylized)
        self.photos.append(row)

    def figures(self, done: int | None = None) -> dict[str, Value]:
        """Medians over photos; artefacts and faces are of all photos together, shares of photos.

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
        if self.subject.metadata.paints:
            found["under_stylized"] = _share([row["style_left"] > UNDER_STYLIZED for row in photos])
            found |= self._artefacts(slice(done))
        found["over_stylized"] = _share([row["agreement"] < OVER_STYLIZED for row in photos])
        found |= self._faces_found(slice(done))
        if done is None:
            found |= self._artfid.figures()
        return found

    def _paint(self, content: Tensor, stylized: Tensor) -> dict[str, Value]:
        """Figures of strokes and of their faults in one photo."""
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
        return {
            "style_left": float(style_left(self._grams(stylized), self._style_grams)),
            **self._artefacts(slice(-1, None)),
            **self._stroke_figures(strokes.color_windows(stylized)[flat]),
        }

    def _grams(self, image: Tensor) -> dict[str, Tensor]:
        """The Gram matrices of (1, 3, H, W) at the layers of the filter's own plain loss."""
        loss = self.subject.plain
        features = loss.encoder(image, loss.layers)
        return {layer: gram_matrix(features[layer]) for layer in loss.layers}

    def _agreement(self, content: Tensor, stylized: Tensor) -> float:
        one, other = (
            self.subject.plain.encoder(_at_a_glance(each), (AGREEMENT_LAYER,))[AGREEMENT_LAYER]
            for each in (stylized, content)
        )
        return float(content_agreement(one, other))

    def _stroke_figures(self, painted: Tensor) -> dict[str, Value]:
        """Strokes in windows of a stylized photo, (K, 3, 64, 64), beside those of the style."""
        size, coherence = self._strokes
        return {
            "stroke_size": strokes.stroke_size(painted) / size,
            "stroke_coherence": strokes.stroke_coherence(painted) - coherence,
        }

    def _faces_found(self, which: slice) -> dict[str, Value]:
        found, total = (sum(each) for each in zip(*self.faces[which], strict=True))
        return {"faces_found": found / total} if total else {}

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


def _at_a_glance(image: Tensor) -> Tensor:
    """The image, reduced to a short side of ``GLANCE`` if it is larger."""
    return resize_short_side(image, min(GLANCE, *image.shape[-2:]))


def _share(cases: list[bool]) -> float:
    return sum(cases) / len(cases)


def _median(values: list[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return statistics.median(known) if known else math.nan
