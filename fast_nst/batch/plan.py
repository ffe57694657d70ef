"""Decide which files are read and written, before the long work."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fast_nst.errors import FastNSTError, ImageError
from fast_nst.image.io import (
    READ_SUFFIXES,
    WRITE_FORMATS,
    image_format,
    list_images,
    open_image,
)

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class StylizedFile:
    """A picture that was read from ``source``, or is to be, and written to ``target``."""

    source: Path
    target: Path


def plan_files(
    inputs: Sequence[PathLike], output: PathLike, suffix: str | None = None
) -> tuple[StylizedFile, ...]:
    """Decide which file is written for which picture; nothing is read or written.

    Args:
        inputs: picture files, folders, which are searched with their subfolders, and patterns
            such as ``holiday/**/*.jpg``. A picture that is named twice is taken once. What lies in
            ``output`` is no input of a folder or a pattern.
        output: for one file, the name of the result, or a folder (one that exists, or a name
            without an ending). For several files, a folder or a pattern, a folder: names stay, and
            below an input folder, or the part of a pattern that is no pattern, its structure. A
            format that cannot be written becomes ``.png``; the second of two equal names becomes
            ``name-2``.
        suffix: the ending that results get in a folder, such as ``.webp``; None to keep theirs.

    Raises:
        ImageError: If an input is missing, there is no picture, ``output`` is a file but several
            pictures came, its ending is unknown, or an input would be overwritten.
    """
    into = Path(output)
    if suffix is not None:
        image_format(f"picture{suffix}")
    found = find_pictures(inputs, into)
    try:
        is_folder, is_file = into.is_dir(), into.is_file()
    except OSError as error:  # a name too long, or a folder that may not be entered
        raise ImageError(f"cannot use {output}: {error.strerror}. Choose another.") from error
    single = len(inputs) == 1 and Path(inputs[0]).is_file()
    is_folder = is_folder or str(output).endswith(("/", os.sep)) or not (is_file or into.suffix)
    if single and not is_folder:
        image_format(into)
        planned = [StylizedFile(found[0][0], into)]
    elif is_file or (into.suffix.lower() in WRITE_FORMATS and not is_folder):
        raise ImageError(
            f"{output} is the name of one picture, and the inputs may be several. Name a folder."
        )
    else:
        names = name_results([relative for _, relative in found], suffix)
        planned = [
            StylizedFile(source, into / name)
            for (source, _), name in zip(found, names, strict=True)
        ]
    refuse_overwriting(planned)
    return tuple(planned)


def is_done(file: StylizedFile) -> bool:
    """Whether the result is there, whole, and no older than its source."""
    try:
        if file.target.stat().st_mtime_ns < file.source.stat().st_mtime_ns:
            return False
    except OSError:
        return False
    return is_whole(file.target)


def is_whole(source: PathLike | bytes) -> bool:
    """Whether a picture file, or the content of one, can be read to its end."""
    try:
        with open_image(source) as image:
            for frame in range(getattr(image, "n_frames", 1)):
                image.seek(frame)
                image.load()
    except (OSError, FastNSTError):
        return False
    return True


def find_pictures(inputs: Sequence[PathLike], into: Path | None) -> list[tuple[Path, Path]]:
    """Pair every picture with its path relative to the output folder; each picture once.

    Args:
        inputs: as :func:`plan_files` takes them.
        into: the output; what lies in it is no input. None where it lies in no folder.

    Raises:
        ImageError: If an input is missing, or there is no picture.
    """
    found: dict[str, tuple[Path, Path]] = {}
    for each in map(Path, inputs):
        base, pictures = _expand(each)
        results_within = into is not None and is_below(into, base)
        for picture in pictures:
            if into is not None and results_within and is_below(picture, into):
                continue  # the result of an earlier run
            relative = Path(picture.name) if picture == each else picture.relative_to(base)
            found.setdefault(os.path.realpath(picture), (picture, relative))
    if not found:
        raise ImageError(
            f"no pictures in {', '.join(map(str, inputs)) or 'nothing'}. "
            f"Looked for {', '.join(READ_SUFFIXES)}."
        )
    return list(found.values())


def _expand(path: Path) -> tuple[Path, list[Path]]:
    """The pictures that an input stands for, and the folder whose structure they keep."""
    if not glob.has_magic(str(path)) or os.path.lexists(path):
        return path, list_images(path)
    fixed = next(i for i, part in enumerate(path.parts) if glob.has_magic(part))
    base = Path(*path.parts[:fixed])
    pictures = []
    for match in sorted(map(Path, glob.glob(str(path), recursive=True))):
        if match.is_dir():
            # `**` names every folder below; what it finds there is named by itself.
            pictures += [] if path.name == "**" else list_images(match)
        elif match.suffix.lower() in READ_SUFFIXES:
            pictures.append(match)
    if not pictures:
        raise ImageError(f"no pictures match {path}. Looked for {', '.join(READ_SUFFIXES)}.")
    return base, pictures


def is_below(path: PathLike, folder: PathLike) -> bool:
    """Whether a file lies in a folder, or in one within, by whatever names."""
    return Path(os.path.realpath(folder)) in Path(os.path.realpath(path)).parents


def name_results(
    relatives: Iterable[Path],
    wanted: str | None = None,
    formats: Collection[str] = WRITE_FORMATS,
    otherwise: str = ".png",
) -> list[Path]:
    """Name the results in a folder, each differently: the second of equal names is ``name-2``.

    Args:
        relatives: the sources, below the folder that they are taken from.
        wanted: the ending that results get; None to keep their own.
        formats: the endings that can be written.
        otherwise: the ending where a source's own cannot be written.
    """
    names = []
    taken: set[str] = set()
    for relative in relatives:
        kept = relative.suffix if relative.suffix.lower() in formats else otherwise
        suffix = wanted or kept
        name = relative.with_suffix(suffix)
        number = 1
        while str(name).casefold() in taken:  # many file systems do not tell a.jpg from A.JPG
            number += 1
            name = relative.with_name(f"{relative.stem}-{number}{suffix}")
        taken.add(str(name).casefold())
        names.append(name)
    return names


def refuse_overwriting(planned: Sequence[StylizedFile]) -> None:
    """Stop before a result takes the place of an input, by whatever name.

    Raises:
        ImageError: If one would.
    """
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
