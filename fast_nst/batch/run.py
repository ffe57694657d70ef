"""Apply a trained filter to image files, folders of them, and images in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from fast_nst.batch.paint import Encoder, Loaded, Saving, paint
from fast_nst.batch.pipeline import Stages, run_stages
from fast_nst.batch.places import PathLike
from fast_nst.batch.plan import Planned, StylizedFile, is_done, plan
from fast_nst.errors import ConfigError, FastNSTError, ImageError, is_out_of_memory
from fast_nst.image.animation import is_animated, read_frames
from fast_nst.image.depths import check_depth
from fast_nst.image.io import image_format, open_image, write_bytes
from fast_nst.inference.controls import Controls
from fast_nst.inference.image_filter import ArrayFilter, ArrayPainter

FileT = TypeVar("FileT")  # an image and its result
SourceT = TypeVar("SourceT")  # where an image is


@dataclass(frozen=True)
class StylizeFailure(Generic[SourceT]):
    """An image that could not be stylized, and why, in one sentence or two."""

    source: SourceT
    message: str


@dataclass(frozen=True)
class StylizeProgress(Generic[SourceT]):
    """``done`` of ``total`` images are finished, failures included; ``source`` was the last."""

    done: int
    total: int
    source: SourceT


@dataclass(frozen=True)
class StylizeReport(Generic[FileT, SourceT]):
    """What became of every image, in the order of the inputs.

    Attributes:
        written: stylized.
        failures: not stylized.
        skipped: stylized before, with ``resume``.
        notes: remarks to the user on images that were written, one line each.
    """

    written: tuple[FileT, ...]
    failures: tuple[StylizeFailure[SourceT], ...]
    skipped: tuple[FileT, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stream:
    """Computes image files in strips, each by itself.

    Attributes:
        write: makes one file of another, and says what is left out, as parts of sentences.
        takes: which files it is for; the others are loaded as a whole.
    """

    write: Callable[[Path, Path], tuple[str, ...]]
    takes: Callable[[Path], bool] = lambda _: True


def stylize_files(
    stylizer: ArrayFilter,
    inputs: Sequence[PathLike],
    output: PathLike,
    *,
    controls: Controls | None = None,
    saving: Saving | None = None,
    suffix: str | None = None,
    resume: bool = False,
    memory: float | None = None,
    on_progress: Callable[[StylizeProgress[Path]], None] | None = None,
) -> StylizeReport[StylizedFile, Path]:
    """Stylize image files; one that fails is reported, and the others go on.

    Args:
        stylizer: the filter.
        inputs: files, folders and patterns, as :func:`fast_nst.batch.plan.plan` takes them.
        output: a file or a folder, likewise.
        controls: how the filter is applied.
        saving: how results are written.
        suffix: the ending that results get in a folder, such as ``.webp``.
        resume: skip images that have a complete result which is no older than they are.
        memory: bytes that the process may hold; images are then computed in strips, one after
            the other, as :func:`fast_nst.tiling.stream.stylize_file_streamed` does. Animations
            are not: their frames are computed whole.
        on_progress: called after every image.

    Raises:
        ConfigError: If ``memory`` is given with controls other than LUTs, or a filter that cannot
            be cut.
        ImageError: Before anything is written, if the inputs and ``output`` do not fit together
            (see :func:`fast_nst.batch.plan.plan`), or a format holds fewer bits than asked for.
    """
    skipped: list[str] = []
    report = stylize_planned(
        stylizer,
        plan(inputs, output, suffix, on_skipped=skipped.append),
        controls=controls,
        saving=saving,
        resume=resume,
        memory=memory,
        on_progress=on_progress,
    )
    return replace(report, notes=(*skipped, *report.notes))


def stylize_planned(
    stylizer: ArrayPainter,
    files: Sequence[Planned],
    *,
    controls: Controls | None = None,
    saving: Saving | None = None,
    resume: bool = False,
    memory: float | None = None,
    stream: Stream | None = None,
    verb: str = "stylize",
    on_progress: Callable[[StylizeProgress[Path]], None] | None = None,
) -> StylizeReport[StylizedFile, Path]:
    """Stylize local images that are planned already; else as :func:`stylize_files`.

    ``stream`` is another way to stay within memory: what it takes is not loaded as a whole.
    ``verb`` says what is done, in messages.
    """
    planned = [file.on_disk() for file in files]
    controls, saving = controls or Controls(), saving or Saving()
    check_depths(files, saving)
    if memory is not None:
        if not isinstance(stylizer, ArrayFilter):
            raise ConfigError("a memory limit is for filters. Leave it out.")
        stream = _stream(stylizer, controls, saving, memory)
    skipped: set[int] = set()
    failures: dict[int, StylizeFailure[Path]] = {}
    notes: dict[int, str] = {}
    done = 0

    def load(number: int) -> Loaded | Path | None:
        source = planned[number].source
        if resume and is_done(files[number]):
            skipped.add(number)
            return None
        if stream is not None and stream.takes(source) and not is_animated(source):
            return source  # it is read, computed and written at once, when its turn comes
        return read_frames(source)

    def work(number: int, loaded: Loaded | Path | None) -> Encoder | None:
        if loaded is None:
            return None
        encoder: Encoder | None = None
        if stream is not None and isinstance(loaded, Path):
            lost = stream.write(loaded, planned[number].target)
        else:
            assert not isinstance(loaded, Path)
            kind = image_format(planned[number].target)
            encoder, lost = paint(stylizer, loaded, kind, controls, saving)
        if lost:
            notes[number] = f"{planned[number].source} {'; '.join(lost)}."
        return encoder

    def store(number: int, encoder: Encoder | None) -> None:
        if encoder is None:
            return
        target = planned[number].target
        try:
            content = encoder()
        except (ImageError, OSError) as error:
            raise ImageError(f"cannot write {target}: {error}") from error
        write_bytes(target, content)

    def finish(number: int, error: Exception | None) -> None:
        nonlocal done
        source = planned[number].source
        if error is not None:
            notes.pop(number, None)
            failures[number] = StylizeFailure(source, explain_failure(source, error, verb))
        done += 1
        if on_progress is not None:
            on_progress(StylizeProgress(done, len(planned), source))

    stages = Stages(lambda number: _count_pixels(planned[number].source), load, work, store)
    run_stages(stages, range(len(planned)), finish)
    return StylizeReport(
        written=tuple(
            file
            for number, file in enumerate(planned)
            if number not in failures and number not in skipped
        ),
        failures=tuple(failures[number] for number in sorted(failures)),
        skipped=tuple(planned[number] for number in sorted(skipped)),
        notes=tuple(notes[number] for number in sorted(notes)),
    )


def stylize_bytes(
    stylizer: ArrayFilter,
    source: PathLike | bytes,
    kind: str = "PNG",
    *,
    controls: Controls | None = None,
    saving: Saving | None = None,
    name: str | None = None,
    target: str | None = None,
) -> tuple[bytes, str]:
    """Stylize one image file, or the content of one, and keep the result in memory.

    Args:
        stylizer: the filter.
        source: the file, or its content.
        kind: format of the result, such as ``"PNG"``.
        controls: how the filter is applied.
        saving: how the result is written.
        name: what errors and notes call the source; None for its path, or ``the input``.
        target: what errors call the result, if it is to become a file.

    Returns:
        The bytes of the resulting file, and a remark to the user, or an empty text.

    Raises:
        ImageError: If ``source`` is no image, or the result too large for the format or memory.
    """
    controls, saving = controls or Controls(), saving or Saving()
    name = name or ("the input" if isinstance(source, bytes) else str(source))
    try:
        loaded = read_frames(source, name)
        encoder, lost = paint(stylizer, loaded, kind, controls, saving)
        try:
            encoded = encoder()
        except (ImageError, OSError) as error:
            what = f"write {target}" if target else f"encode the result as {kind}"
            raise ImageError(f"cannot {what}: {error}") from error
    except (MemoryError, RuntimeError) as error:
        raise ImageError(explain_failure(name, error)) from error
    return encoded, f"{name} {'; '.join(lost)}." if lost else ""


def check_depths(files: Iterable[Planned], saving: Saving) -> None:
    """Check that the formats of results hold as many bits as the user asked for.

    Raises:
        ImageError: If one does not.
    """
    for file in files:
        try:
            check_depth(image_format(file.target.name), saving.depth)
        except ImageError as error:
            raise ImageError(f"cannot write {file.target}: {error}") from error


def _stream(stylizer: ArrayFilter, controls: Controls, saving: Saving, memory: float) -> Stream:
    """What stylizes all files in strips."""
    from fast_nst.tiling.stream import Grading, stylize_file_streamed
    from fast_nst.tiling.strips import cut_network

    if not controls.without_luts.plain:
        raise ConfigError(
            "a memory limit takes a filter as it is, with no strength, preserved color, scale or "
            "mask. Leave them out, or leave the limit out."
        )
    write = partial(
        stylize_file_streamed,
        cut_network(stylizer.to_torch().network),
        memory=memory,
        quality=saving.quality,
        depth=saving.depth,
        keep_metadata=saving.keep_metadata,
        grading=Grading(controls.lut_before, controls.lut),
    )
    return Stream(write)


def _count_pixels(source: Path) -> int:
    try:
        with open_image(source) as image:
            return image.width * image.height
    except ImageError:
        return 0  # it will be reported when its turn comes


def explain_failure(source: Path | str, error: Exception, verb: str = "stylize") -> str:
    """The message on an image that failed at what ``verb`` says.

    Raises:
        Exception: ``error`` itself, if it is a fault of the program.
    """
    if isinstance(error, ImageError):
        return str(error)  # it names the file that it is about
    if isinstance(error, FastNSTError):
        return f"cannot {verb} {source}: {error}"
    if is_out_of_memory(error):
        other = "Use --memory, a smaller copy, or another device."
        if verb != "stylize":
            other = "Use a smaller copy."
        return f"cannot {verb} {source}: it does not fit in memory. {other}"
    raise error
