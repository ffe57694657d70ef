"""Measure all figures of filters, in an order that may be interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from fast_nst.evaluation.comparison import Comparison
from fast_nst.evaluation.cost import UnmeasuredError, forward_s, peak_memory
from fast_nst.evaluation.faces import find_faces, why_none
from fast_nst.evaluation.flicker import Flicker, measure_flicker
from fast_nst.evaluation.measure import Samples
from fast_nst.evaluation.photos import Photo, evenly_spaced
from fast_nst.evaluation.progress import Work
from fast_nst.evaluation.report import Curve, SizeFigures, Value
from fast_nst.evaluation.subjects import JudgedFilter
from fast_nst.image.resize import resize_short_side

SHOWN_PHOTOS = 3  # rows of the contact sheet at 256 px; fewer at larger sizes


@dataclass
class Findings:
    """Figures measured so far.

    Attributes:
        sizes: for each filter, its figures at each size.
        flicker: of each filter, where there is a clip.
        curves: of some photos.
        notes: what a reader should know of the figures.
        left_out: name -> why, of the figures that are not there.
        missing: what an interruption left unmeasured.
    """

    sizes: list[list[SizeFigures]]
    flicker: list[Flicker | None]
    curves: list[Curve] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def gather(
    subjects: Sequence[JudgedFilter],
    images: Sequence[Photo],
    *,
    sizes: Sequence[int],
    optimized: int,
    comparison: Comparison,
    clip: Path | None,
    left_out: dict[str, str],
    work: Work,
    device: torch.device,
) -> Findings:
    """Measure everything; after Ctrl-C, what is complete is kept.

    Args:
        subjects: the filters.
        images: the photographs.
        sizes: short sides, px.
        optimized: number of photographs, evenly spaced, for which iterations are counted.
        comparison: counts the iterations.
        clip: a folder of frames, or None.
        left_out: name -> why, of ArtFID's terms that cannot be computed here.
        work: receives the progress.
        device: where to compute.

    Raises:
        KeyboardInterrupt: If nothing is complete yet.
    """
    chosen = evenly_spaced(len(images), optimized)
    found = Findings([[] for _ in subjects], [None] * len(subjects), left_out=dict(left_out))
    if clip is None:
        found.left_out["flicker"] = "no clip was given (--clip)"
    if reason := why_none():
        found.left_out["faces"] = reason
    pending = [*(f"{size} px" for size in sizes), *(["flicker"] if clip is not None else [])]
    try:
        for size in sizes:
            _measure_size(found, subjects, images, chosen, size, comparison, work, device)
            pending.pop(0)
        if clip is not None:
            found.flicker[:] = measure_flicker([each.network for each in subjects], clip, device)
    except KeyboardInterrupt:
        if not found.sizes[0]:
            raise
        found.missing += _missing(found.sizes[0][-1], pending, len(images))
    if not any("faces_found" in at.figures for at in found.sizes[0]):
        found.left_out.setdefault("faces", "none were found in the photos")
    return found


def _missing(last: SizeFigures, pending: list[str], photos: int) -> list[str]:
    """What is pending; if the size of ``last`` is incomplete, what of it is missing."""
    if f"{last.size} px" != pending[0]:
        return pending
    unmeasured = photos - len(last.photos)
    what = f"{unmeasured} of {photos} photos" if unmeasured else "time and memory"
    return [f"{what} at {last.size} px", *pending[1:]]


def _measure_size(
    found: Findings,
    subjects: Sequence[JudgedFilter],
    images: Sequence[Photo],
    chosen: Sequence[int],
    size: int,
    comparison: Comparison,
    work: Work,
    device: torch.device,
) -> None:
    """Add all filters' figures at one size; if interrupted, those of the photos so far."""
    samples = [Samples(subject, len(images), found.left_out) for subject in subjects]
    shown = chosen[: max(1, SHOWN_PHOTOS * 256 // size)]
    enlarged = faces = done = 0

    def keep(figures: list[dict[str, Value]]) -> None:
        for sample, at_sizes, each in zip(samples, found.sizes, figures, strict=True):
            at_sizes.append(SizeFigures(size, each, sample.photos[:done]))
        if enlarged:
            found.notes.append(f"{size} px: {enlarged} of {done} photos were enlarged.")
        if faces:
            found.notes.append(f"{size} px: faces searched, {faces} found in {done} photos.")

    try:
        for index, photo in enumerate(images):
            work.begin(f"{size} px, {photo.name}", "photo", size)
            original = photo.read()
            content = resize_short_side(original, size).to(device)
            with torch.no_grad():
                stylized = [subject.network(content).float() for subject in subjects]
            inside = find_faces(content)
            for sample, image in zip(samples, stylized, strict=True):
                sample.add(photo.name, content, image, inside)
            curves: list[Curve] = []
            if index in chosen:
                counts, curves = comparison.photo(
                    photo.name, size, content, stylized, work, show=index in shown
                )
                for sample, count in zip(samples, counts, strict=True):
                    sample.photos[-1] |= count
            enlarged += min(original.shape[-2:]) < size
            faces += len(inside)
            found.curves += curves
            done += 1
        work.begin(f"{size} px, time and memory", "cost", size)
        costs = [_cost(subject, content, found.notes) for subject in subjects]
        figures = [sample.figures() | cost for sample, cost in zip(samples, costs, strict=True)]
    except KeyboardInterrupt:
        if done:
            keep([sample.figures(done) for sample in samples])
        raise
    keep(figures)


def _cost(subject: JudgedFilter, image: Tensor, notes: list[str]) -> dict[str, Value]:
    """Seconds and memory of one forward pass; why there is no memory goes into ``notes``."""
    size = (image.shape[2], image.shape[3])
    cost: dict[str, Value] = {"seconds": forward_s(subject.network, image)}
    try:
        peak = peak_memory(subject.file, subject.network, size, image.device)
        cost["memory_mib"] = peak / 2**20
    except UnmeasuredError as error:
        notes.append(f"Memory of {subject.name} at {min(size)} px could not be measured: {error}.")
    return cost
