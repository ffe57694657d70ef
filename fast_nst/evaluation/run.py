"""``evaluate``: from filter files to a report."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fast_nst.errors import ConfigError, LayerError
from fast_nst.evaluation.artfid import left_out as artfid_left_out
from fast_nst.evaluation.comparison import Comparison
from fast_nst.evaluation.cost import forward_s, peak_memory
from fast_nst.evaluation.flicker import Flicker, frames, measure_flicker
from fast_nst.evaluation.iterations import STYLE_WEIGHTS
from fast_nst.evaluation.measure import Samples
from fast_nst.evaluation.page import render_page
from fast_nst.evaluation.photos import evenly_spaced, find_photos
from fast_nst.evaluation.progress import EvaluateProgress, Work
from fast_nst.evaluation.report import (
    Curve,
    FilterFigures,
    Report,
    SizeFigures,
    plan_output,
    write_files,
)
from fast_nst.evaluation.subjects import Subject, find_judge, load_subjects
from fast_nst.hardware import fast_bf16, find_device
from fast_nst.image.resize import resize_short_side

SHOWN_PHOTOS = 3  # rows of the contact sheet at 256 px; fewer at larger sizes


def evaluate(
    checkpoints: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str] | None = None,
    *,
    images: str | os.PathLike[str] | None = None,
    sizes: Sequence[int] = (256, 512, 1024),
    photos: int = 8,
    iterations: int = 300,
    style: str | os.PathLike[str] | None = None,
    judge: str | None = None,
    clip: str | os.PathLike[str] | None = None,
    device: str = "auto",
    on_progress: Callable[[EvaluateProgress], None] | None = None,
) -> Report:
    """Say how good filters are, in numbers and pictures.

    Args:
        checkpoints: filter files, judged side by side.
        output: the page to write, FILE.html; the JSON file goes beside it. None writes nothing.
        images: a folder of photographs that were not trained on; None for scikit-image's, which
            ``data=synthetic`` trains on.
        sizes: short sides, px, that the photos are resized to, enlarged if need be.
        photos: on so many of them, evenly spaced, pictures are optimised; 0 leaves that out.
        iterations: at most so many in each optimisation.
        style: the style picture of all filters; None for the ones that they were trained with.
        judge: name of an encoder, or a file of its weights, that the filters were not trained with.
        clip: a folder of frames; see :func:`measure_flicker`.
        device: cpu, cuda, mps, or auto for the fastest of them that is there.
        on_progress: called now and then.

    Raises:
        FastNSTError: For whatever the user can put right; nothing is written then.
    """
    files = plan_output(output) if output is not None else None
    _check_numbers(checkpoints, sizes, photos, iterations)
    where = find_device(device)
    pictures, notes = find_photos(images)
    encoder = find_judge(judge).to(where) if judge else None
    style_file = Path(style) if style is not None else None
    subjects = load_subjects([Path(each) for each in checkpoints], style_file, encoder, where)
    check_sizes(sizes, subjects)
    clip_folder = Path(clip) if clip is not None else None
    if clip_folder is not None:
        frames(clip_folder)
    comparison = Comparison(subjects, iterations, bf16=fast_bf16(where))
    chosen = evenly_spaced(len(pictures), photos)
    each_size = ["photo"] * len(pictures) + comparison.stages() * len(chosen) + ["cost"]
    work = Work([(kind, size) for size in sizes for kind in each_size], on_progress)

    left_out = artfid_left_out()
    curves: list[Curve] = []
    found: list[list[SizeFigures]] = [[] for _ in subjects]
    for size in sizes:
        samples = [Samples(subject, len(pictures), left_out) for subject in subjects]
        shown = chosen[: max(1, SHOWN_PHOTOS * 256 // size)]
        enlarged = 0
        for index, photo in enumerate(pictures):
            work.begin(f"{size} px, {photo.name}", "photo", size)
            original = photo.read()
            enlarged += min(original.shape[-2:]) < size
            content = resize_short_side(original, size).to(where)
            with torch.no_grad():
                stylized = [subject.network(content).float() for subject in subjects]
            for sample, picture in zip(samples, stylized, strict=True):
                sample.add(photo.name, content, picture)
            if index in chosen:
                counts, drawn = comparison.photo(
                    photo.name, size, content, stylized, work, show=index in shown
                )
                curves += drawn
                for sample, count in zip(samples, counts, strict=True):
                    sample.photos[-1] |= count
        if enlarged:
            notes.append(f"{size} px: {enlarged} of {len(pictures)} photos were enlarged.")
        work.begin(f"{size} px, time and memory", "cost", size)
        for sample, at_sizes in zip(samples, found, strict=True):
            figures = sample.figures() | _cost(sample.subject, content)
            at_sizes.append(SizeFigures(size, figures, sample.photos))

    flicker: list[Flicker | None] = [None] * len(subjects)
    if clip_folder is None:
        left_out["flicker"] = "no clip was given (--clip)"
    else:
        flicker = [*measure_flicker([each.network for each in subjects], clip_folder, where)]
    report = Report(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        settings={
            "images": str(images) if images is not None else None,
            "sizes": list(sizes),
            "photos": len(pictures),
            "optimized_photos": len(chosen),
            "iterations": iterations,
            "style_weights": list(STYLE_WEIGHTS),
            "style": str(style) if style is not None else None,
            "judge": judge,
            "clip": str(clip) if clip is not None else None,
            "device": str(where),
            "iterations_precision": "bfloat16" if comparison.bf16 else "float32",
        },
        machine=_machine(),
        notes=notes + _notes(subjects, images, len(chosen), len(pictures)),
        left_out=left_out,
        filters=[
            FilterFigures(
                name=subject.name,
                file=str(subject.file),
                style=subject.metadata.style,
                style_file=str(subject.style_file),
                encoder=subject.metadata.config["encoder"]["name"],
                sizes=at_sizes,
                flicker=flickers,
            )
            for subject, at_sizes, flickers in zip(subjects, found, flicker, strict=True)
        ],
        curves=curves,
    )
    if files is not None:
        page, figures_file = files
        write_files([(figures_file, report.to_json()), (page, render_page(report))])
    return report


def check_sizes(sizes: Sequence[int], subjects: Sequence[Subject]) -> None:
    """Raise ``LayerError`` for the first size that is too small for a loss's deepest layer."""
    for subject in subjects:
        for loss in subject.losses:
            least = loss.encoder.minimum_size(loss.layers)
            if min(sizes) < least:
                deepest = max(loss.layers, key=loss.encoder.layers.index)
                raise LayerError(
                    f"a size of {min(sizes)} px is too small: {deepest} of {subject.name}'s losses "
                    f"needs at least {least} px. Choose larger --sizes."
                )


def _check_numbers(
    checkpoints: Sequence[object], sizes: Sequence[int], photos: int, iterations: int
) -> None:
    if not checkpoints:
        raise ConfigError("there is no filter to evaluate. Give at least one --ckpt FILE.")
    if not sizes or min(sizes) < 1 or len(set(sizes)) < len(sizes):
        raise ConfigError(f"sizes are {list(sizes)}; they must be different, from 1 px on.")
    if photos < 0 or iterations < 1:
        raise ConfigError(
            f"photos={photos}, iterations={iterations}: photos must be 0 or more, iterations 1 "
            "or more."
        )


def _cost(subject: Subject, picture: Tensor) -> dict[str, float | None]:
    size = (picture.shape[2], picture.shape[3])
    peak = peak_memory(subject.file, subject.network, size, picture.device)
    return {
        "seconds": forward_s(subject.network, picture),
        "memory_mib": None if peak is None else peak / 2**20,
    }


def _notes(
    subjects: Sequence[Subject],
    images: str | os.PathLike[str] | None,
    optimized: int,
    total: int,
) -> list[str]:
    notes = []
    if images is None:
        notes.append(
            "The photographs are scikit-image's. Training with data=synthetic crops these: the "
            "figures are not of unseen pictures. Give a folder of others: --images."
        )
    if optimized < total:
        notes.append(f"Equivalent iterations are those of {optimized} of {total} photos.")
    notes += [
        f"{subject.name} is judged with {subject.style_file}, not with the very file that it was "
        "trained with."
        for subject in subjects
        if subject.style_differs
    ]
    notes += [
        f"{subject.name} was trained with the judge's kind of encoder."
        for subject in subjects
        if subject.judge is not None
        and type(subject.judge.encoder) is type(subject.objective.encoder)
    ]
    return notes


def _machine() -> dict[str, Any]:
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = lines[0].split(":")[1].strip() if lines else name
    return {
        "processor": name,
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "fast-nst": _version(),
    }


def _version() -> str:
    try:
        return version("fast-nst")
    except PackageNotFoundError:
        return "not installed"
