"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

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
