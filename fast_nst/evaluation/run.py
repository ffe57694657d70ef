"""``evaluate``: from filter files to a report."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from fast_nst.errors import ConfigError, LayerError
from fast_nst.evaluation.artfid import left_out as artfid_left_out
from fast_nst.evaluation.comparison import Comparison
from fast_nst.evaluation.flicker import frames
from fast_nst.evaluation.gather import gather
from fast_nst.evaluation.iterations import STYLE_WEIGHTS
from fast_nst.evaluation.page import render_page
from fast_nst.evaluation.photos import find_photos
from fast_nst.evaluation.progress import EvaluateProgress, Work
from fast_nst.evaluation.report import FilterFigures, Report, plan_output, write_files
from fast_nst.evaluation.subjects import JudgedFilter, find_judge, load_subjects, was_imported
from fast_nst.hardware import describe_machine, fast_bf16, find_device, keep_freed_memory
from fast_nst.image.resize import describe_resampler


class InterruptedEvaluation(KeyboardInterrupt):
    """Ctrl-C; ``report`` has what was measured by then."""

    def __init__(self, report: Report) -> None:
        super().__init__("interrupted")
        self.report = report


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
    """Measure how good filters are; the report has figures and images.

    Args:
        checkpoints: filter files, judged side by side.
        output: the page to write, FILE.html; the JSON file goes beside it. None writes nothing.
        images: a folder of photographs that were not trained on; None for scikit-image's, which
            ``data=synthetic`` trains on.
        sizes: short sides, px, that the photos are resized to, enlarged if need be.
        photos: number of photographs, evenly spaced, for which images are optimized; 0 for none.
        iterations: maximum of each optimization.
        style: the style image of all filters; None for the ones that they were trained with.
        judge: name of an encoder, or a file of its weights, that the filters were not trained with.
        clip: a folder of frames; see :func:`measure_flicker`.
        device: cpu, cuda, mps, or auto for the fastest that is available.
        on_progress: called as work proceeds.

    Raises:
        FastNSTError: For errors that the user can correct; nothing is written then.
        InterruptedEvaluation: After Ctrl-C, with the report of what was measured, which is written
            as well; a plain KeyboardInterrupt if nothing was measured.
    """
    files = plan_output(output) if output is not None else None
    _check_numbers(checkpoints, sizes, photos, iterations)
    where = find_device(device)
    keep_freed_memory()
    content, notes = find_photos(images)
    encoder = find_judge(judge).to(where) if judge else None
    style_file = Path(style) if style is not None else None
    subjects = load_subjects([Path(each) for each in checkpoints], style_file, encoder, where)
    check_sizes(sizes, subjects)
    clip_folder = Path(clip) if clip is not None else None
    if clip_folder is not None:
        frames(clip_folder)
    comparison = Comparison(subjects, iterations, bf16=fast_bf16(where))
    optimized = min(photos, len(content))
    stages = ["photo"] * len(content) + comparison.stages() * optimized + ["cost"]
    found = gather(
        subjects,
        content,
        sizes=sizes,
        optimized=optimized,
        comparison=comparison,
        clip=clip_folder,
        left_out=artfid_left_out(),
        work=Work([(kind, size) for size in sizes for kind in stages], on_progress),
        device=where,
    )
    report = Report(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        settings={
            "images": str(images) if images is not None else None,
            "sizes": list(sizes),
            "photos": len(content),
            "optimized_photos": optimized,
            "iterations": iterations,
            "style_weights": list(STYLE_WEIGHTS),
            "style": str(style) if style is not None else None,
            "judge": judge,
            "clip": str(clip) if clip is not None else None,
            "device": str(where),
            "iterations_precision": "bfloat16" if comparison.bf16 else "float32",
            "resampler": describe_resampler(),
        },
        machine=describe_machine(),
        notes=notes + found.notes + _notes(subjects, images, optimized, len(content)),
        left_out=found.left_out,
        filters=[
            FilterFigures(
                name=subject.name,
                file=str(subject.file),
                style=subject.metadata.style,
                style_file=str(subject.style_file),
                encoder=subject.encoder,
                sizes=at_sizes,
                flicker=flickers,
            )
            for subject, at_sizes, flickers in zip(
                subjects, found.sizes, found.flicker, strict=True
            )
        ],
        curves=found.curves,
        unmeasured=found.missing,
    )
    if files is not None:
        page, figures_file = files
        write_files([(figures_file, report.to_json()), (page, render_page(report))])
    if report.unmeasured:
        raise InterruptedEvaluation(report)
    return report


def check_sizes(sizes: Sequence[int], subjects: Sequence[JudgedFilter]) -> None:
    """Raise ``LayerError`` for the first size that is too small for a loss's deepest layer."""
    for subject in subjects:
        for loss in subject.losses:
            min_size = loss.encoder.minimum_size(loss.layers)
            if min(sizes) < min_size:
                deepest = max(loss.layers, key=loss.encoder.layers.index)
                raise LayerError(
                    f"a size of {min(sizes)} px is too small: {deepest} of {subject.name}'s losses "
                    f"needs at least {min_size} px. Choose larger --sizes."
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


def _notes(
    subjects: Sequence[JudgedFilter],
    images: str | os.PathLike[str] | None,
    optimized: int,
    total: int,
) -> list[str]:
    notes = []
    if images is None:
        notes.append(
            "The photographs are scikit-image's. Training with data=synthetic crops these: the "
            "figures are not of unseen images. Give a folder of others: --images."
        )
    if optimized < total and any(subject.metadata.paints for subject in subjects):
        notes.append(f"Equivalent iterations are those of {optimized} of {total} photos.")
    notes += [
        f"{subject.name} changes light and color and paints nothing: strokes, hatching, grid, "
        "border, style left and equivalent iterations are figures of paintings, and left out."
        for subject in subjects
        if not subject.metadata.paints
    ]
    notes += [
        f"{subject.name} is judged with {subject.style_file}, not with the very file that it was "
        "trained with."
        for subject in subjects
        if subject.style_differs and not was_imported(subject.metadata)
    ]
    notes += [
        f"{subject.name} was imported: nobody knows how it was trained, so it is judged by the "
        "loss that trainings have by default."
        for subject in subjects
        if was_imported(subject.metadata)
    ]
    notes += [
        f"{subject.name} was trained with the judge's kind of encoder."
        for subject in subjects
        if subject.judge is not None
        and type(subject.judge.encoder) is type(subject.objective.encoder)
    ]
    return notes
