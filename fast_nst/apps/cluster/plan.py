"""Which picture becomes which file, in any file systems; nothing is written and no torch."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from fast_nst.apps.cluster.places import Place, explained, open_place
from fast_nst.batch.plan import (
    StylizedFile,
    find_pictures,
    name_results,
    refuse_overwriting,
)
from fast_nst.errors import ImageError
from fast_nst.image.formats import READ_SUFFIXES, WRITE_FORMATS, image_format

_LOOKING = 16  # files that are asked for at once: object stores answer slowly, but many


@dataclass(frozen=True)
class Job:
    """A picture that is to be read from ``source`` and written to ``target``.

    Attributes:
        source: the picture.
        target: the result.
        before: the stamp of a file that was at ``target`` before the run; None for no file. A
            worker that finds another there knows that the result was written in this run.
    """

    source: Place
    target: Place
    before: str | None = None


def plan_jobs(
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    suffix: str | None = None,
) -> tuple[Job, ...]:
    """Decide which file is written for which picture, as ``batch.plan.plan_files`` does.

    Args:
        inputs: files, folders and patterns, each a path or a URL.
        output: a file or a folder, a path or a URL.
        suffix: the ending that results get in a folder, such as ``.webp``.

    Raises:
        ClusterError: If a file system cannot be used.
        ImageError: If an input is missing, there is no picture, ``output`` is a file but several
            pictures came, its ending is unknown, or an input would be overwritten.
    """
    if suffix is not None:
        image_format(f"picture{suffix}")
    into = open_place(output)
    places = [open_place(each) for each in inputs]
    found = _find(places, into)
    with explained("use", into):
        is_folder, is_file = into.system.isdir(into.path), into.system.isfile(into.path)
        single = len(places) == 1 and places[0].system.isfile(places[0].path)
    ending = PurePosixPath(into.path).suffix.lower()
    is_folder = is_folder or into.name.endswith("/") or not (is_file or ending)
    if single and not is_folder:
        image_format(into.name)
        jobs = [Job(found[0][0], into)]
    elif is_file or (ending in WRITE_FORMATS and not is_folder):
        raise ImageError(
            f"{into} is the name of one picture, and the inputs may be several. Name a folder."
        )
    else:
        names = name_results([relative for _, relative in found], suffix)
        jobs = [
            Job(source, into.child(name)) for (source, _), name in zip(found, names, strict=True)
        ]
    _refuse_overwriting(jobs)
    there = None
    if is_folder and not into.is_local:  # one listing instead of a question for each
        with explained("use", into):
            there = set(into.system.find(into.path))
    with ThreadPoolExecutor(_LOOKING) as pool:
        before = pool.map(
            lambda job: job.target.stamp() if there is None or job.target.path in there else None,
            jobs,
        )
        return tuple(replace(job, before=stamp) for job, stamp in zip(jobs, before, strict=True))


def _find(places: Sequence[Place], into: Place) -> list[tuple[Place, Path]]:
    """Pair every picture with its path relative to the output folder; each picture once."""
    found: dict[tuple[int, str], tuple[Place, Path]] = {}
    local = [place for place in places if place.is_local]
    if local:
        # Users' own names for what is on this machine: errors are to say them.
        names = [
            place.path if place.name.startswith(("file:", "local:")) else place.name
            for place in local
        ]
        for picture, relative in find_pictures(names, Path(into.path) if into.is_local else None):
            place = Place(local[0].system, os.path.abspath(picture), str(picture))
            found[id(place.system), os.path.realpath(picture)] = place, relative
    for folder in places:
        if not folder.is_local:
            for place, relative in _list_remote(folder, into):
                found.setdefault((id(place.system), place.path), (place, relative))
    if not found:
        raise ImageError(
            f"no pictures in {', '.join(map(str, places)) or 'nothing'}. "
            f"Looked for {', '.join(READ_SUFFIXES)}."
        )
    return list(found.values())


def _list_remote(place: Place, into: Place) -> list[tuple[Place, Path]]:
    """The pictures that a URL stands for, with their paths below it."""
    system, path = place.system, place.path.rstrip("/")
    with explained("read", place):
        if system.isfile(path):
            return [(place, Path(PurePosixPath(path).name))]
        if glob.has_magic(path):
            parts = path.split("/")
            fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
            base, files = "/".join(parts[:fixed]), system.glob(path)
        elif system.isdir(path):
            base, files = path, system.find(path)
        else:
            raise FileNotFoundError(path)
    results = into.path.rstrip("/") if into.system == system else None
    within = results is not None and (results == base or results.startswith(f"{base}/"))
    pictures = []
    for file in sorted(files):
        relative = Path(file[len(base) :].lstrip("/") if base else file)
        hidden = any(part.startswith(".") for part in relative.parts)
        result = within and results != base and file.startswith(f"{results}/")
        if relative.suffix.lower() in READ_SUFFIXES and not hidden and not result:
            name = system.unstrip_protocol(file)
            if base == path:  # no pattern: as the user wrote it
                name = place.child(relative).name
            pictures.append((Place(system, file, name), relative))
    return pictures


def _refuse_overwriting(jobs: Sequence[Job]) -> None:
    local = [job for job in jobs if job.source.is_local and job.target.is_local]
    refuse_overwriting(
        [StylizedFile(Path(job.source.path), Path(job.target.path)) for job in local]
    )
    sources = {(job.source.system, job.source.path): job.source for job in jobs}
    for job in jobs:
        if source := sources.get((job.target.system, job.target.path)):
            raise ImageError(
                f"{job.target} would overwrite the input {source}. Choose another output."
            )
