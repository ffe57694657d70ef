"""Import other programs' ONNX models: nodes around their graphs convert to our conventions."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fast_nst import atomic
from fast_nst.errors import CheckpointError, ConfigError, ExportError, one_line
from fast_nst.filter_metadata import KEY, FilterMetadata, Style
from fast_nst.onnx.convert import NEEDED
from fast_nst.onnx.parity import SHAPES, Array, Difference, difference
from fast_nst.onnx.session import OnnxSession, is_surplus
from fast_nst.onnx.wrap import OPSET, opset_of, wrap

if TYPE_CHECKING:
    import onnx

NETWORK = "onnx"  # in the metadata, in place of a key of NETWORKS
MAX_DIFFERENCE = 1 / 255  # of a value in [0, 1]; twice that where uint8 images are resized
_ROUNDING = 1e-6  # a step of an 8-bit result is a little more than 1/255 in 32-bit floats


@dataclass(frozen=True)
class ImportReport:
    """What was written, and how it was checked.

    Attributes:
        path: the file.
        metadata: those in the file.
        size_bytes: of the file.
        differences: from the original model, run by ``OnnxSession``; one for each size it takes.
        refused: the sizes on which the original model fails, (batch, height, width).
        batch: the model's fixed batch size: it computes so many images to stylize one.
    """

    path: Path
    metadata: FilterMetadata
    size_bytes: int
    differences: tuple[Difference, ...]
    refused: tuple[tuple[int, int, int], ...]
    batch: int


@dataclass(frozen=True)
class _Example:
    content: Array
    stylized: Array


def import_graph(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    value_range: str | None,
    style: str | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> ImportReport:
    """Turn another program's ONNX model into one like those of ``fast-nst export``.

    Args:
        path: the model, as ``OnnxSession`` takes it.
        output: the file to write, or to replace. Nothing is written if the check fails.
        value_range: what the model takes and returns, one of ``onnx.session.RANGES``.
        style: the style's name; the file's name if None.
        on_progress: called with the name of each step.

    Raises:
        CheckpointError: If ``path`` is not a model from images to images.
        ConfigError: If ``value_range`` is missing or unknown, or fast_nst wrote the model.
        ExportError: If the result's images differ from the model's, or it cannot be written.
    """
    path, output = Path(path), Path(output)
    tell = on_progress or (lambda _: None)
    tell("loading")
    session = OnnxSession(path, value_range)
    if session.metadata is not None:
        raise ConfigError(f"{path} is a model of fast_nst already. Use it as it is: --ckpt {path}.")
    model = _load(path)
    metadata = FilterMetadata(
        styles=(Style(style or path.stem),),
        network=NETWORK,
        network_arguments={},
        config={
            "imported": {
                "file": path.name,
                "from": f"an ONNX model of {model.producer_name or 'an unknown program'}",
                "range": session.value_range,
            }
        },
        versions={"onnx": _version()},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        license="unknown: that of the file it was imported from",
    )
    tell("running the model")
    examples, refused, resizes = _run(session)
    tell("converting")
    converted = wrap(model, session, resizes)
    converted.metadata_props.add(key=KEY, value=json.dumps(asdict(metadata)))
    content = converted.SerializeToString()
    try:
        with atomic.replacing(output, durable=True) as partial:
            partial.write_bytes(content)
            tell("checking")
            differences = _check(partial, session, examples)
    except OSError as error:
        raise ExportError(
            f"cannot write {output} ({error.strerror or error}). Choose a folder that you may "
            "write to."
        ) from error
    return ImportReport(
        output, metadata, len(content), differences, refused, batch=session.batch or 1
    )


def _version() -> str:
    import onnx

    return str(onnx.__version__)


def _load(path: Path) -> onnx.ModelProto:
    """The model with its weights, in an opset that has all operators of the nodes around it."""
    try:
        import onnx
        from onnx import version_converter
    except ImportError as error:
        raise ConfigError(f"{NEEDED} ({error}).") from error
    try:
        model = onnx.load(path)
        if opset_of(model) < OPSET:
            model = version_converter.convert_version(model, OPSET)
    except Exception as error:  # the converter raises errors of many types
        raise CheckpointError(
            f"{path} cannot be converted to ONNX's opset {OPSET} ({one_line(error)}). "
            f"Export it again with that opset, or stylize with it as it is: --range."
        ) from error
    return model


def _run(
    session: OnnxSession,
) -> tuple[list[_Example], tuple[tuple[int, int, int], ...], bool]:
    """Try a model on images.

    Returns:
        The images with its results; the sizes that it fails on; whether it returns images of
        another size than it gets, apart from a surplus of a few px (see ``is_surplus``).

    Raises:
        CheckpointError: If it fails on all sizes.
    """
    rng = np.random.default_rng(0)
    examples, refused, resizes = [], [], False
    for batch, height, width in SHAPES:
        shape = (1 if session.batch else batch, height, width)
        content = rng.random((shape[0], 3, height, width), np.float32)
        try:
            examples.append(_Example(content, session.run(content)))
        except CheckpointError as error:
            refused.append(shape)
            failure = error
            continue
        inside = (session.sides[0] or height, session.sides[1] or width)
        got = session.run_model(rng.random((1, 3, *inside), np.float32)).shape
        resizes |= not is_surplus((got[2], got[3]), inside)
    if not examples:
        raise failure
    return examples, tuple(refused), resizes


def _check(partial: Path, session: OnnxSession, examples: list[_Example]) -> tuple[Difference, ...]:
    # A resized value halfway between two whole numbers may become either of them.
    steps = 2 if session.dtype is np.uint8 and any(session.sides) else 1
    path = session.path
    try:
        wrapped = OnnxSession(partial)
        found = tuple(difference(each.stylized, wrapped.run(each.content)) for each in examples)
    except CheckpointError as error:
        reason = str(error).replace(str(partial), "the result")
        raise ExportError(f"{path} cannot be imported: {reason} Nothing was written.") from error
    worst = max(found, key=lambda each: each.largest)
    if worst.largest > steps * MAX_DIFFERENCE + _ROUNDING:
        raise ExportError(
            f"the imported model differs from {path} by {worst.largest:.2g} at "
            f"{worst.shape[2]}x{worst.shape[1]} px; {steps}/255 is allowed. Nothing was written. "
            "Stylize with it as it is: --range."
        )
    return found
