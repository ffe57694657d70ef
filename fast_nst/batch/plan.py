"""Decide which file is written for which, before the long work: one planner for all commands.

It plans images and videos, on disks and behind URLs; it knows of them only what a
:class:`Medium` and a ``Place`` say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fast_nst.batch.places import PathLike, Place, open_place
from fast_nst.batch.skipped import say_skipped
from fast_nst.errors import FastNSTError, ImageError
from fast_nst.image.extras import NEEDED, is_missing
from fast_nst.image.formats import CAMERA_SUFFIXES, MAIN_READ_SUFFIXES
from fast_nst.image.io import READ_SUFFIXES, WRITE_FORMATS, image_format, open_image


@dataclass(frozen=True)
class Medium:
    """A kind of file, such as images: the endings of inputs and results.

    Attributes:
        name: of one such file, in messages.
        reads: endings that can be read.
        writes: endings that can be written.
        shown: the usual ones of ``reads``, for messages.
        otherwise: the ending of a result where that of its source cannot be written.
        becomes: the same for some endings of sources.
        is_missing: whether files of an ending need a package that is not installed.
        check_target: raises an error for the name of a result that cannot be written.
        is_target: whether a file of this name can only be a result of this kind, whatever the
            ending of the input.
    """

    name: str
    reads: tuple[str, ...]
    writes: Collection[str]
    otherwise: str
    check_target: Callable[[str], object]
    is_target: Callable[[str], bool]
    shown: tuple[str, ...] = ()
    becomes: Mapping[str, str] = field(default_factory=dict, hash=False)
    is_missing: Callable[[str], bool] = lambda _: False


IMAGES = Medium(
    name="image",
    reads=READ_SUFFIXES,
    writes=WRITE_FORMATS,
    otherwise=".png",
    check_target=image_format,
    is_target=lambda name: Path(name).suffix.lower() in WRITE_FORMATS,
    shown=MAIN_READ_SUFFIXES,
    becomes=dict.fromkeys(CAMERA_SUFFIXES, ".jpg"),
    is_missing=is_missing,
)


@dataclass(frozen=True)
class Planned:
    """A file that is to be read from ``source`` and written to ``target``."""

    source: Place
    target: Place
    medium: Medium = IMAGES

    def on_disk(self) -> StylizedFile:
        """The same with paths; for local places only."""
        return StylizedFile(Path(self.source.name), Path(self.target.name))


@dataclass(frozen=True)
class StylizedFile:
    """An image that was read from ``source``, or is to be, and written to ``target``."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Found:
    """An input file.

    Attributes:
        place: where it is.
        relative: its path below the folder whose structure is kept.
        medium: its kind.
    """

    place: Place
    relative: Path
    medium: Medium


def plan(
    inputs: Sequence[PathLike],
    output: PathLike,
    suffix: str | None = None,
    media: Sequence[Medium] = (IMAGES,),
    on_skipped: Callable[[str], None] | None = None,
) -> tuple[Planned, ...]:
    """Decide which file is written for which; nothing is read or written.

    Args:
        inputs: files, folders, which are searched with their subfolders, and patterns such as
            ``holiday/**/*.jpg``, each a path or a URL. A file that is named twice is taken once.
            Files in ``output`` are no inputs of a folder or a pattern.
        output: for one file, the name of the result, or a folder (one that exists, or a name
            without an ending). For several files, a folder or a pattern, a folder: names are kept,
            and the structure below an input folder or the fixed part of a pattern. The
            second of two equal names becomes ``name-2``.
        suffix: the ending that images get in a folder, such as ``.webp``; None to keep theirs.
        media: what is looked for. A file that is named is taken for the first of them, unless its
            ending, or that of ``output``, says another.
        on_skipped: called at most once, with a sentence on the files of folders and patterns that
            are taken for none of ``media``.

    Raises:
        ClusterError: If the file system of a URL cannot be used.
        ImageError: If an input is missing, no file of ``media`` is found, ``output`` is a file but
            there are several inputs, or an input would be overwritten.
        FastNSTError: What ``check_target`` raises.
    """
    if suffix is not None:
        image_format(f"image{suffix}")
    into = open_place(output)
    is_folder, is_file = into.is_folder(), into.is_file()
    named_folder = is_folder or os.fspath(output).endswith(("/", os.sep))
    is_folder = named_folder or not (is_file or Path(into.path).suffix)
    places = [open_place(each) for each in inputs]
    name = None if named_folder else into.name
    found = find_files(places, into, media, becomes=name, on_skipped=on_skipped)
    if len(places) == 1 and places[0].is_file() and not is_folder:
        found[0].medium.check_target(into.name)
        planned = [Planned(found[0].place, into, found[0].medium)]
    elif is_file or (not is_folder and _medium_of_target(into.name, media)):
        medium = _medium_of_target(into.name, media) or media[0]
        many = "there are several" if len(found) > 1 else "the inputs may be several"
        raise ImageError(f"{output} is the name of one {medium.name}, and {many}. Name a folder.")
    else:
        names = _name_results(found, suffix)
        planned = [
            Planned(file.place, into.child(name), file.medium)
            for file, name in zip(found, names, strict=True)
        ]
    refuse_overwriting(planned)
    return tuple(planned)


def plan_files(
    inputs: Sequence[PathLike], output: PathLike, suffix: str | None = None
) -> tuple[StylizedFile, ...]:
    """:func:`plan` for images on disks.

    Raises:
        ImageError: As there.
    """
    return tuple(file.on_disk() for file in plan(inputs, output, suffix))


def find_files(
    places: Sequence[Place],
    into: Place,
    media: Sequence[Medium] = (IMAGES,),
    becomes: str | None = None,
    on_skipped: Callable[[str], None] | None = None,
) -> list[Found]:
    """Find the files of all inputs; each once.

    Args:
        places: as :func:`plan` takes them.
        into: the output; files in it are no inputs of a folder or a pattern around it.
        media: what is looked for.
        becomes: the name of the result, if it may be a single file.
        on_skipped: as :func:`plan` takes it.

    Raises:
        ImageError: If an input is missing, or no file is found.
    """
    endings = {ending: medium for medium in media for ending in medium.reads}
    found: dict[object, Found] = {}
    skipped: dict[object, str] = {}  # of folders and patterns
    missing: dict[object, str] = {}  # the same, for want of a package
    for place in places:
        if place.is_file():
            file = Path(place.path)
            medium = (becomes and _any_becomes(becomes, media)) or endings.get(file.suffix.lower())
            found.setdefault(place.key, Found(place, Path(file.name), medium or media[0]))
            continue
        base, others = place.base(), list[str]()
        listed, pattern = place.find(endings, others.append), place.is_pattern()
        skipped |= {(base.key, name): name for name in others}
        suffixes = {relative.suffix.lower() for _, relative in listed}
        lacking = {suffix for suffix in suffixes if endings[suffix].is_missing(suffix)}
        files = [each for each in listed if each[1].suffix.lower() not in lacking]
        missing |= {
            each.key: str(relative)
            for each, relative in listed
            if relative.suffix.lower() in lacking
        }
        if pattern and not files:
            wanted = f"{NEEDED}." if missing else _looked_for(media)
            raise ImageError(f"no {_names(media)} match {place}. {wanted}")
        results_within = into.lies_in(base)
        for each, relative in files:
            if results_within and each.lies_in(into):
                continue  # the result of an earlier run
            medium = endings[relative.suffix.lower()]
            found.setdefault(each.key, Found(each, relative, medium))
    if not found:
        where = ", ".join(map(str, places)) or "nothing"
        if missing:
            raise ImageError(f"{where} has only files that need another package. {NEEDED}.")
        raise ImageError(f"no {_names(media)} in {where}. {_looked_for(media)}")
    if on_skipped is not None and (missing or skipped):
        on_skipped(say_skipped(list(missing.values()), list(skipped.values()), _names(media)))
    return list(found.values())


def is_done(file: Planned) -> bool:
    """Whether the result exists, is no older than its source and, for images, complete.

    A source of unknown age, as on some web servers, is assumed not to change. Videos are always
    complete.
    """
    try:
        ages = file.source.modified_ns(), file.target.modified_ns()
        if ages[0] is not None and ages[1] is not None and ages[1] < ages[0]:
            return False
        return file.medium is not IMAGES or is_whole(content(file.target))
    except ImageError:
        return False


def content(place: Place) -> Path | bytes:
    """What decoders read: the path of a local file, or the bytes of any other.

    Raises:
        ImageError: If it cannot be read.
    """
    return Path(place.path) if place.is_local else place.read()


def is_whole(source: PathLike | bytes) -> bool:
    """Whether an image file, or the content of one, can be read to its end."""
    try:
        with open_image(source) as image:
            for frame in range(getattr(image, "n_frames", 1)):
                image.seek(frame)
                image.load()
    except (OSError, FastNSTError):
        return False
    return True


def refuse_overwriting(planned: Iterable[Planned]) -> None:
    """Refuse a result that would overwrite an input, also by another name or a link.

    Raises:
        ImageError: If there is one.
    """
    planned = list(planned)
    sources = {file.source.identity: file.source for file in planned}
    sources.pop(None, None)
    for file in planned:
        if source := sources.get(file.target.identity):
            raise ImageError(
                f"{file.target} would overwrite the input {source}. Choose another output."
            )


def _name_results(found: Iterable[Found], suffix: str | None) -> list[Path]:
    """Name the results in a folder, each differently: the second of equal names is ``name-2``."""
    names = []
    taken: set[str] = set()
    for file in found:
        relative, medium = file.relative, file.medium
        suffix_read = relative.suffix.lower()
        other = medium.becomes.get(suffix_read, medium.otherwise)
        kept = relative.suffix if suffix_read in medium.writes else other
        ending = (suffix if medium is IMAGES else None) or kept
        name = relative.with_suffix(ending)
        number = 1
        while str(name).casefold() in taken:  # many file systems do not tell a.jpg from A.JPG
            number += 1
            name = relative.with_name(f"{relative.stem}-{number}{ending}")
        taken.add(str(name).casefold())
        names.append(name)
    return names


def _any_becomes(target: str, media: Sequence[Medium]) -> Medium | None:
    """The medium of every input if the result's name decides it; never the first one."""
    return next((medium for medium in media[1:] if medium.is_target(target)), None)


def _medium_of_target(target: str, media: Sequence[Medium]) -> Medium | None:
    return next((medium for medium in media if medium.is_target(target)), None)


def _names(media: Sequence[Medium]) -> str:
    return " or ".join(f"{medium.name}s" for medium in media)


def _looked_for(media: Sequence[Medium]) -> str:
    endings = ", ".join(", ".join(medium.shown or medium.reads) for medium in media)
    return f"Looked for {endings}."
