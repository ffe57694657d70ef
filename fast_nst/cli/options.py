"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    MadeT = TypeVar("MadeT", bound=DataclassInstance)

# Of ``--device``, for commands whose options stand under headings.
DEVICE: dict[str, Any] = {
    "default": "auto",
    "show_default": True,
    "metavar": "NAME",
    "help": "cpu, cuda, mps, or auto for the fastest of them that is there.",
}
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
