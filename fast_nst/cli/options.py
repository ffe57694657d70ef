"""Options that several commands share."""

from __future__ import annotations

import click

device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="cpu, cuda, mps, or auto for the fastest of them that is there.",
)
