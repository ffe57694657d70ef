"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from fast_nst.lut import Lut

    MadeT = TypeVar("MadeT", bound=DataclassInstance)

# Of ``--device``, for commands whose options stand under headings.
DEVICE: dict[str, Any] = {
    "default": "auto",
    "show_default": True,
    "metavar": "NAME",
    "help": "cpu, cuda, mps, or auto for the fastest of them that is there.",
}
LUT_FILES = ".cube, .3dl, .csp, .spi3d, .spi1d, or a Hald CLUT picture"
# Of commands that take several filters, ONNX models too.
checkpoints_option = click.option(
    "--ckpt",
    "checkpoints",
    required=True,
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A filter: .safetensors, .ckpt of a training, or .onnx of fast-nst export or import. May "
    "be given several times.",
)
device_option = click.option("--device", **DEVICE)


def check_cube(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Refuse a name that does not end in ``.cube``: a callback of options."""
    if value is not None and value.suffix.lower() != ".cube":
        raise click.BadParameter(f"{value} does not end in .cube, which is what is written.")
    return value


def make(kind: type[MadeT], values: Mapping[str, Any]) -> MadeT:
    """Make a dataclass of the values that have its fields' names.

    Args:
        kind: the dataclass.
        values: of options, by their names in Python; more than ``kind`` has fields.

    Returns:
        An instance; a field without a value keeps its default.
    """
    names = [field.name for field in fields(kind)]
    return kind(**{name: values[name] for name in names if name in values})


def read_chosen_lut(path: Path | None) -> Lut | None:
    """Read the LUT that an option names, and print what is to be known of it.

    Raises:
        LutError: If it cannot be read, or is none.
        ConfigError: If OpenColorIO is not installed.
    """
    if path is None:
        return None
    from fast_nst.lut import read_lut
    from fast_nst.lut.opencolorio import load_opencolorio

    load_opencolorio()  # if it is missing, that is said before the first image
    lut = read_lut(path)
    for note in lut.notes:
        click.echo(f"note: {path}: {note}", err=True)
    return lut
