"""Apply a trained filter to picture files and folders of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from fast_nst.errors import FastNSTError, ImageError
from fast_nst.image.io import (
    READ_SUFFIXES,
    WRITE_FORMATS,
    image_format,
    list_images,
    read_image,
    write_image,
)
from fast_nst.inference.stylizer import Stylizer

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class StylizedFile:
    """A picture that was read from ``source``, or is to be, and written to ``target``."""

    source: Path
    target: Path


@dataclass(frozen=True)
class StylizeFailure:
    """A picture that could not be stylized, and why, in one sentence or two."""

    source: Path
    message: str


@dataclass(frozen=True)
class StylizeProgress:
    """``done`` of ``total`` pictures are finished, failures included; ``source`` was the last."""

    done: int
    total: int
    source: Path


@dataclass(frozen=True)
class StylizeReport:
    """What became of every picture, in the order of the inputs."""

    written: tuple[StylizedFile, ...]
    failures: tuple[StylizeFailure, ...]


def stylize_files(
    stylizer: Stylizer,
    inputs: Sequence[PathLike],
    output: PathLike,
    *,
    on_progress: Callable[[StylizeProgress], None] | None = None,
) -> StylizeReport:
    """Stylize picture files; one that fails is reported, and the others go on.

    Args:
        stylizer: the filter.
        inputs: files and folders, as :func:`plan_files` takes them.
        output: a file or a folder, likewise.
        on_progress: called after every picture.

    Raises:
        ImageError: Before anything is written, if the inputs and ``output`` do not fit together:
            see :func:`plan_files`.
    """
    planned = plan_files(inputs, output)
    written: list[StylizedFile] = []
    failures: list[StylizeFailure] = []
    for done, file in enumerate(planned, start=1):
        try:
            stylized = stylizer.stylize_picture(read_image(file.source))
            write_image(file.target, stylized.rgb, stylized.alpha)
            written.append(file)
        except FastNSTError as error:
            failures.append(StylizeFailure(file.source, str(error)))
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            failures.append(
                StylizeFailure(
                    file.source,
                    f"cannot stylize {file.source}: it does not fit in memory. "
                    "Use a smaller copy, or another device.",
                )
            )
        if on_progress is not None:
            on_progress(StylizeProgress(done, len(planned), file.source))
    return StylizeReport(tuple(written), tuple(failures))


def plan_files(inputs: Sequence[PathLike], output: PathLike) -> tuple[StylizedFile, ...]:
    """Decide which file is written for which picture; nothing is read or written.

    Args:
        inputs: picture files, and folders, which are searched with their subfolders. A picture
            that is named twice is taken once. What lies in ``output`` is no input of a folder.
        output: for one file, the name of the result, or a folder (one that exists, or a name
            without an ending). For several files or a folder, a folder: names stay, and below an
            input folder its structure. A format that cannot be written becomes ``.png``; the
            second of two equal names becomes ``name-2``.

    Raises:
        ImageError: If an input is missing, there is no picture, ``output`` is a file but several
            pictures came, its ending is unknown, or an input would be overwritten.
    """
    into = Path(output)
    found = _find_pictures(inputs, into)
    if not found:
        raise ImageError(
            f"no pictures in {', '.join(map(str, inputs)) or 'nothing'}. "
            f"Looked for {', '.join(READ_SUFFIXES)}."
        )
    try:
        is_folder, is_file = into.is_dir(), into.is_file()
    except OSError as error:  # a name too long, or a folder that may not be entered
        raise ImageError(f"cannot use {output}: {error.strerror}. Choose another.") from error
    single = len(inputs) == 1 and not Path(inputs[0]).is_dir()
    is_folder = is_folder or str(output).endswith(("/", os.sep)) or not (is_file or into.suffix)
    if single and not is_folder:
        image_format(into)
        planned = [StylizedFile(found[0][0], into)]
    elif is_file or (into.suffix.lower() in WRITE_FORMATS and not is_folder):
        raise ImageError(
            f"{output} is the name of one picture, and the inputs may be several. Name a folder."
        )
    else:
        planned = _name_targets(found, into)
    _refuse_overwriting(planned)
    return tuple(planned)


def _find_pictures(inputs: Sequence[PathLike], into: Path) -> list[tuple[Path, Path]]:
    """Pair every picture with its path relative to the output folder; each picture once."""
    found: dict[str, tuple[Path, Path]] = {}
    results = os.path.realpath(into)
    for each in map(Path, inputs):
        results_within = _is_below(results, os.path.realpath(each))
        for picture in list_images(each):
            place = os.path.realpath(picture)
            if results_within and _is_below(place, results):
                continue  # the result of an earlier run
            relative = Path(picture.name) if picture == each else picture.relative_to(each)
            found.setdefault(place, (picture, relative))
    return list(found.values())


def _is_below(path: str, folder: str) -> bool:
    return Path(folder) in Path(path).parents


def _name_targets(found: Sequence[tuple[Path, Path]], folder: Path) -> list[StylizedFile]:
    planned = []
    taken: set[str] = set()
    for source, relative in found:
        suffix = relative.suffix if relative.suffix.lower() in WRITE_FORMATS else ".png"
        name = relative.with_suffix(suffix)
        number = 1
        while str(name).casefold() in taken:  # many file systems do not tell a.jpg from A.JPG
            number += 1
            name = relative.with_name(f"{relative.stem}-{number}{suffix}")
        taken.add(str(name).casefold())
        planned.append(StylizedFile(source, folder / name))
    return planned


def _refuse_overwriting(planned: Sequence[StylizedFile]) -> None:
    sources = {_identity(file.source): file.source for file in planned}
    sources.pop(None, None)
    for file in planned:
        if source := sources.get(_identity(file.target)):
            raise ImageError(
                f"{file.target} would overwrite the input {source}. Choose another output."
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what is equal for two names of one file; None where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return "allocate memory" in str(error)  # how PyTorch says it on the CPU
