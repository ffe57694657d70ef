"""Export a filter: write a temporary file, check it, and only then rename it."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fast_nst.errors import ConfigError, ExportError, suggest
from fast_nst.export.formats import FORMATS, PRECISIONS, ExportedFile, write_onnx
from fast_nst.export.precision import (
    KEPT,
    MIN_PSNR_DB,
    Int8Check,
    check_int8,
    example_images,
    to_fp16,
    to_int8,
)
from fast_nst.filter_metadata import Binding
from fast_nst.filters.checkpoint import Filter, load_filter, load_unbound
from fast_nst.networks.styled import StyledNetwork
from fast_nst.onnx.convert import OPSET, OPSETS, to_open_onnx
from fast_nst.onnx.parity import SHAPES, Difference, compare
from fast_nst.onnx.session import OnnxSession

# Settings that a model with an open setting is compared at.
CHECKED_KNOBS: tuple[dict[str, float], ...] = (
    {},
    {"strength": 0.7, "stroke_size": 2.2},
    {"strength": 0.3, "stroke_size": 0.5},
)
LIMITS = {"fp32": 1e-3, "fp16": 2e-2}  # largest difference of a value in [0, 1]


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how it was checked.

    Attributes:
        path: the file.
        format: a key of ``FORMATS``.
        precision: one of ``PRECISIONS``.
        size_bytes: of the file.
        differences: from PyTorch, one for each size; empty if the format does not run here.
        int8: error and speed of an int8 model; None for other precisions.
    """

    path: Path
    format: str
    precision: str
    size_bytes: int
    differences: tuple[Difference, ...]
    int8: Int8Check | None = None


def export(
    checkpoint: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002 - the option's name
    precision: str = "fp32",
    opset: int = OPSET,
    calibrate: str | os.PathLike[str] | None = None,
    force: bool = False,
    style: str | None = None,
    knobs: Mapping[str, float] | None = None,
    mix: Mapping[str, float] | None = None,
    keep_knobs: bool = False,
    on_progress: Callable[[str], None] | None = None,
) -> ExportReport:
    """Write a filter in a format that other runtimes read; it takes any height, width and batch.

    Args:
        checkpoint: a filter file.
        output: the file to write, or to replace. Nothing is written if the check fails.
        format: a key of ``FORMATS``; None to choose by the ending of ``output``.
        precision: one of ``PRECISIONS``; formats other than ONNX have ``fp32`` only.
        opset: the version of ONNX's operators, one of ``onnx.convert.OPSETS``.
        calibrate: a folder of photographs to calibrate int8 on; synthetic images if None.
        force: write an int8 model even if it is not faster or not close to fp32.
        style: which of the filter's styles; the first if None.
        knobs: values for its knobs, by name; they are fixed in the written file.
        mix: shares of its styles by name, instead of ``style``.
        keep_knobs: write an ONNX model of all its styles, whose setting is an input: see
            ``fast_nst.onnx.convert.to_open_onnx``.
        on_progress: called with the name of each step.

    Raises:
        CheckpointError: If ``checkpoint`` cannot be loaded.
        ConfigError: If an option is unknown, or options contradict each other.
        ExportError: If the conversion or its check fails, or ``output`` cannot be written.
    """
    tell = on_progress or (lambda _: None)
    output = Path(output)
    name = _find_format(output, format)
    _check_options(name, precision, opset, calibrate)
    if keep_knobs:
        if name != "onnx" or precision != "fp32" or style or knobs or mix:
            raise ConfigError(
                "--keep-knobs is for .onnx with --precision fp32, and leaves the setting open. "
                "Leave it out, or what chooses a setting."
            )
        return _export_open(Path(checkpoint), output, opset, tell)
    binding = Binding.of(style, knobs, mix)
    if binding.style_map is not None:
        raise ConfigError(
            "an exported file holds one setting for the whole image, and no map of styles. Give "
            "shares that are numbers."
        )
    trained = load_filter(os.fspath(checkpoint), binding)
    with _partial(output) as partial:
        tell("converting")
        int8 = None
        if name != "onnx":
            made = FORMATS[name].write(trained, partial)
        elif precision == "int8":
            made, int8 = _write_int8(trained, partial, opset, calibrate, tell)
            if int8.refusal and not force:
                raise ExportError(
                    f"the int8 model is {int8.refusal}. Use --precision fp32, or --force."
                )
        else:
            made = _write_onnx(trained, partial, opset, precision)
        tell("checking")
        differences = compare(trained.network, made.run) if made.run else []
        limit = LIMITS.get(precision)
        if limit:
            _check_differences(differences, limit)
        size = _bytes(partial)
        _move(partial, output)
    return ExportReport(output, name, precision, size, tuple(differences), int8)


def _export_open(
    checkpoint: Path, output: Path, opset: int, tell: Callable[[str], None]
) -> ExportReport:
    """Write an ONNX model whose setting is an input, and check it at several settings."""
    unbound = load_unbound(checkpoint)
    if not isinstance(unbound.network, StyledNetwork):
        raise ConfigError(
            f"{checkpoint}: its network {unbound.metadata.network} has no knobs. Leave "
            "--keep-knobs out."
        )
    differences = []
    with _partial(output) as partial:
        tell("converting")
        model = to_open_onnx(unbound.network, unbound.metadata, opset)
        partial.write_bytes(model.SerializeToString())
        session = OnnxSession(partial)
        tell("checking")
        names = [style.name for style in unbound.metadata.styles]
        for number, knobs in enumerate(CHECKED_KNOBS):
            binding = Binding(names[number % len(names)], knobs)
            session.bind(binding)
            network = unbound.bind(binding).network
            differences += compare(network, session.run, SHAPES[2 * number : 2 * number + 2])
        _check_differences(differences, LIMITS["fp32"])
        size = _bytes(partial)
        _move(partial, output)
    return ExportReport(output, "onnx", "fp32", size, tuple(differences))


def _check_differences(differences: Sequence[Difference], limit: float) -> None:
    worst = max(differences, key=lambda each: each.largest, default=None)
    if worst and worst.largest > limit:
        raise ExportError(
            f"the exported network differs from PyTorch's by {worst.largest:.2g} at "
            f"{worst.shape[2]}x{worst.shape[1]} px; {limit:g} is allowed. Nothing was written. "
            "Try another --opset, --precision fp32 or --format."
        )


def _write_onnx(trained: Filter, path: Path, opset: int, precision: str) -> ExportedFile:
    made = write_onnx(trained, path, opset)
    if precision == "fp16":
        import onnx

        path.write_bytes(to_fp16(onnx.load(str(path))).SerializeToString())
        made = ExportedFile(OnnxSession(path).run)
    return made


def _write_int8(
    trained: Filter,
    path: Path,
    opset: int,
    calibrate: str | os.PathLike[str] | None,
    tell: Callable[[str], None],
) -> tuple[ExportedFile, Int8Check]:
    images, checks = example_images(None if calibrate is None else Path(calibrate))
    exact = path.with_name(f"{path.name}.fp32")
    try:
        write_onnx(trained, exact, opset)
        for kept in KEPT:
            tell("calibrating")
            to_int8(exact, path, images, kept)
            tell("measuring")
            check = check_int8(exact, path, checks)
            if check.psnr_db >= MIN_PSNR_DB:
                break
        _keep_metadata(exact, path)
        return ExportedFile(OnnxSession(path).run), check
    finally:
        exact.unlink(missing_ok=True)


def _keep_metadata(source: Path, target: Path) -> None:
    """Copy the metadata, which quantization drops."""
    import onnx

    model = onnx.load(str(target))
    del model.metadata_props[:]
    model.metadata_props.extend(onnx.load(str(source)).metadata_props)
    target.write_bytes(model.SerializeToString())


def _find_format(output: Path, requested: str | None) -> str:
    endings = {each.suffix: name for name, each in FORMATS.items()}
    listed = ", ".join(f"{suffix} ({name})" for suffix, name in endings.items())
    if requested is not None and requested not in FORMATS:
        raise ConfigError(
            f"no format {requested!r}{suggest(requested, FORMATS)}. Formats: {', '.join(FORMATS)}."
        )
    suffix = output.suffix.lower()
    if suffix not in endings:
        got = f"the ending {suffix!r} is unknown" if suffix else "its name has no ending"
        raise ConfigError(f"cannot export to {output}: {got}. Use one of {listed}.")
    if requested is not None and endings[suffix] != requested:
        raise ConfigError(
            f"the ending of {output} means the format {endings[suffix]}, but --format says "
            f"{requested}. Use one of {listed}."
        )
    return endings[suffix]


def _check_options(
    name: str, precision: str, opset: int, calibrate: str | os.PathLike[str] | None
) -> None:
    if precision not in PRECISIONS:
        raise ConfigError(
            f"no precision {precision!r}{suggest(precision, PRECISIONS)}. "
            f"Precisions: {', '.join(PRECISIONS)}."
        )
    if name != "onnx" and precision != "fp32":
        raise ConfigError(
            f"--precision {precision} is for ONNX only, not for {name}. Leave --precision out."
        )
    if opset not in OPSETS:
        raise ConfigError(f"--opset {opset}: expected {OPSETS[0]} to {OPSETS[-1]}. Use {OPSET}.")
    if calibrate is not None and precision != "int8":
        raise ConfigError("--calibrate is for --precision int8 only. Leave --calibrate out.")


@contextlib.contextmanager
def _partial(output: Path) -> Iterator[Path]:
    """A temporary name beside ``output``; a file left under it is removed at the end."""
    partial = output.with_name(f".{uuid.uuid4().hex}{output.suffix.lower()}")
    try:
        if output.is_dir() and output.suffix.lower() != ".mlpackage":
            raise IsADirectoryError(f"{output} is a folder")
        output.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()  # fails now rather than after the work
        partial.unlink()
        yield partial
    except OSError as error:
        why = error.strerror or str(error)
        raise ExportError(
            f"cannot write {output}: {why}. Check the folder's permissions and the free space."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # if a parent is a file, nothing was written
            if partial.is_dir():
                shutil.rmtree(partial)
            else:
                partial.unlink(missing_ok=True)


def _move(partial: Path, output: Path) -> None:
    if partial.is_dir() and output.is_dir():  # a package is a folder, which a rename cannot replace
        shutil.rmtree(output)
    partial.replace(output)


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return path.stat().st_size
