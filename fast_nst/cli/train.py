"""``fast-nst train``: the same as ``python -m fast_nst.train``."""

from __future__ import annotations

import sys

import click


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def train(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Train a filter; every argument goes to Hydra untouched, --help and -m included.

    \b
    Examples:
      fast-nst train style=starry_night
      fast-nst train style=custom style.image=me.jpg
    """  # noqa: D301 - click looks for the character, not for the two
    from fast_nst import train as training

    # Hydra reads the command line itself; training handles its own errors, and --debug with them.
    before = sys.argv
    debug = ["--debug"] if ctx.find_root().params.get("debug") else []
    # With several devices, Lightning starts this file and these arguments again, once for each.
    sys.argv = [training.__file__, *arguments, *debug]
    try:
        training.main()
    finally:
        sys.argv = before
