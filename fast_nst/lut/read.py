"""Read the LUTs of other programs."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fast_nst.errors import ImageError, LutError, one_line
from fast_nst.lut.depth_3dl import find_depths
from fast_nst.lut.hald import read_hald
from fast_nst.lut.opencolorio import load_opencolorio
from fast_nst.lut.table import UNIT, Lut, grid, numbers

SUFFIXES = (".cube", ".3dl", ".csp", ".spi3d", ".spi1d")
_MAX_BYTES = 200_000_000  # of a text file; 129 points to a side take about 80 MB
_MAX_CURVE = 65536  # points of curves that are put together
_WHITE = {"UINT8": 255, "UINT10": 1023, "UINT12": 4095, "UINT14": 16383, "UINT16": 65535}
_SLIGHT = 0.001  # less is not worth a note
_NEXT = "Export it again, as .cube with 33 points."


def read_lut(path: str | os.PathLike[str]) -> Lut:
    """Read a LUT.

    Args:
        path: a ``.cube`` (of Adobe and Iridas, with a domain; of Resolve, with a shaper, or curves
            only), ``.3dl``, ``.csp``, ``.spi3d`` or ``.spi1d`` file; or a Hald CLUT: an image, of 8
            or 16 bits.

    Returns:
        The LUT; its notes say what was guessed, and what it does not cover.

    Raises:
        LutError: If the file cannot be read, or is no LUT.
        ConfigError: If OpenColorIO is not installed.

    References:
        .cube: Adobe, "Cube LUT Specification 1.0", 2013.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    try:
        lut = _read_text(path, suffix) if suffix in SUFFIXES else _read_picture(path)
    except LutError as error:
        if str(error).startswith(("cannot read", str(path))):
            raise
        raise LutError(f"{path} cannot be used as a LUT: {error}") from error
    return replace(lut, notes=(*lut.notes, *_describe(lut)))


def _read_picture(path: Path) -> Lut:
    from fast_nst.image.formats import READ_SUFFIXES

    if path.suffix.lower() not in READ_SUFFIXES:
        raise LutError(
            f"{path} is no LUT by its name; expected {', '.join(SUFFIXES)}, or a picture that is a "
            "Hald CLUT."
        )
    try:
        return read_hald(path)
    except ImageError as error:
        raise LutError(str(error)) from error  # it names the file


def _read_text(path: Path, suffix: str) -> Lut:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= _MAX_BYTES else b""
    except OSError as error:
        raise LutError(f"cannot read {path}: {error.strerror}. Check the name.") from error
    if size > _MAX_BYTES:
        raise LutError(f"it has {size / 1e6:.0f} MB; expected at most {_MAX_BYTES / 1e6:.0f}.")
    if not content.strip():
        raise LutError("it is empty. Export it again.")
    if b"\0" in content:
        raise LutError("it is not a text file. Check the name.")
    text = content.decode("utf-8-sig", "replace")
    title, notes = "", list[str]()
    if suffix == ".cube":
        title, text = _take_title(text)
        if re.search(r"^\s*LUT_(IN|OUT)_VIDEO_RANGE", text, re.MULTILINE):
            raise LutError("it is for video levels (16 to 235). Export it for full (data) levels.")
    depths = find_depths(text) if suffix == ".3dl" else None
    operations = _parse(path, suffix, text)
    if depths is not None:
        notes += depths.notes
    table: Any = None
    shaper: Any = None
    scale, offset = np.ones(3), np.zeros(3)  # of inputs
    for operation in operations:
        kind = type(operation).__name__
        if kind == "MatrixTransform" and table is None:
            factor, shift = _diagonal(operation)
            if shaper is None:
                scale, offset = scale * factor, offset * factor + shift
            else:
                shaper = shaper * factor + shift
        elif kind == "Lut1DTransform" and table is None and not operation.getInputHalfDomain():
            curves = np.array(operation.getData(), np.float64).reshape(-1, 3)
            if depths is not None:
                curves *= _white(operation) / depths.shaper_white
            shaper = curves if shaper is None else _follow(shaper, curves)
        elif kind == "Lut3DTransform" and table is None:
            points = operation.getGridSize()
            table = np.array(operation.getData(), np.float32).reshape(points, points, points, 3)
            if depths is not None:
                table *= np.float32(_white(operation) / depths.white)
        else:
            raise LutError(f"it holds more than curves before one table ({kind}). {_NEXT}")
    if table is None:
        # Curves only, or a table that changes nothing, which OpenColorIO leaves out.
        notes += () if shaper is None else _beyond(shaper)
        table = grid(2)
    return Lut(table, _domain(scale, offset), shaper, title, tuple(notes))


def _take_title(text: str) -> tuple[str, str]:
    """The title, and the file without it: OpenColorIO knows none in Resolve's files."""
    title, lines = "", list[str]()
    for line in text.splitlines():  # also at CR alone, as old editors on the Mac write it
        if line.strip().upper().startswith("TITLE"):
            title = line.strip()[5:].strip().strip('"')
            line = "#"  # so that lines keep their numbers, which messages name
        lines.append(line)
    return title, "\n".join((*lines, ""))


def _parse(path: Path, suffix: str, text: str) -> Iterable[Any]:
    """What OpenColorIO makes of a file, as its transforms."""
    ocio = load_opencolorio()
    # A file of its own: in names, OpenColorIO replaces $ and %, and it caches contents by name.
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, f"lut{suffix}")
        copy.write_text(text, encoding="utf-8", newline="\n")
        transform = ocio.FileTransform(copy.as_posix())
        try:
            processor = ocio.Config.CreateRaw().getProcessor(transform)
        except ocio.Exception as error:
            resolve = suffix == ".cube" and "_INPUT_RANGE" in text
            raise LutError(f"{_explain(str(error), copy.as_posix(), resolve)} {_NEXT}") from error
        finally:
            ocio.ClearAllCaches()  # else it would hold every file that was read
        return list(processor.createGroupTransform())


def _explain(message: str, copy: str, resolve: bool) -> str:
    """The part of OpenColorIO's message that says what is wrong.

    Args:
        message: of one or two formats, one after the other.
        copy: the file that it names.
        resolve: whether the second is the one that was meant.
    """
    failures = re.split(r"'[\w.]+' failed with:", message)
    said = one_line(failures[-1 if resolve else 1] if len(failures) > 1 else message)
    said = re.sub(
        r"^Error parsing (a )?[\w ]*\.\w+ file\.?( file)?", "", said.replace(copy, "").strip(" .")
    )
    said = re.sub(r"\(\)|'? [Ii]n (file )?$|^The transform file:.*with this error:", "", said)
    return f"{said.strip(' .:')}."


def _diagonal(operation: Any) -> tuple[Any, Any]:
    matrix = np.array(operation.getMatrix(), np.float64).reshape(4, 4)
    factor = np.diag(matrix)
    if (matrix != np.diag(factor)).any() or (factor <= 0).any():
        raise LutError(f"its domain is not from less to more. {_NEXT}")
    return factor[:3], np.array(operation.getOffset(), np.float64)[:3]


def _domain(scale: Any, offset: Any) -> tuple[Any, Any]:
    if (scale == 1).all() and (offset == 0).all():
        return UNIT
    # Rounded, as OpenColorIO computes with the reciprocals of what stands in the file.
    low, high = ((bound - offset) / scale for bound in (0, 1))
    return tuple(float(f"{v:.7g}") for v in low), tuple(float(f"{v:.7g}") for v in high)


def _follow(first: Any, second: Any) -> Any:
    """Two curves, one after the other, as one."""
    even = np.linspace(0, 1, _MAX_CURVE)
    between = [np.interp(even, np.linspace(0, 1, len(first)), channel) for channel in first.T]
    places = np.linspace(0, 1, len(second))
    ends = [np.interp(x, places, channel) for x, channel in zip(between, second.T, strict=True)]
    return np.stack(ends, axis=1)


def _white(operation: Any) -> int:
    """The number that OpenColorIO took for white."""
    return _WHITE[operation.getFileOutputBitDepth().name.removeprefix("BIT_DEPTH_")]


def _describe(lut: Lut) -> tuple[str, ...]:
    """What of a picture a LUT does not cover, and what of its results a picture cannot hold."""
    low, high = lut.domain
    if max(low) <= 0 and min(high) >= 1:
        return _beyond(lut.table)
    return (
        f"it is for values from {numbers(low)} to {numbers(high)}: others are taken as those at "
        "its ends",
        *_beyond(lut.table),
    )


def _beyond(values: Any) -> tuple[str, ...]:
    low, high = float(values.min()), float(values.max())
    if low >= -_SLIGHT and high <= 1 + _SLIGHT:
        return ()
    return (f"it gives values from {low:.3g} to {high:.3g}, of which a picture holds 0 to 1",)
