"""Options that several commands share."""

from __future__ import annotations

from typing import Any

import click

# Of ``--device``, for commands whose options stand under headings.
DEVICE: dict[str, Any] = {
    "default": "auto",
    "show_default": True,
    "metavar": "NAME",
    "help": "cpu, cuda, mps, or auto for the fastest of them that is there.",
}
device_option = click.option("--device", **DEVICE)
