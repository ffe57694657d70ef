"""``fast-nst``: the group of commands, and how errors reach the user."""

from __future__ import annotations

import atexit
import gc
import importlib
import keyword
import sys
from typing import Any

import click

from fast_nst.errors import FastNSTError, one_line, suggest

# Each lies in the module fast_nst.cli.<name>, as a function <name> (with an underscore behind it if
# the name is a Python keyword); the text is its short help.
# The help comes from here, so that it loads no command.
COMMANDS: dict[str, str] = {
    "make": "Make a filter of a picture, in seconds.",
    "train": "Train a filter from one image.",
    "stylize": "Apply a filter to images and folders.",
    "enhance": "Give photos and videos the light and color of a better photo.",
    "optimize": "Repaint one image by optimizing its pixels.",
    "evaluate": "Say how good filters are, in numbers and images.",
    "export": "Write a filter for other runtimes, checked.",
    "web": "Filters in the browser: a page for camera, photos and videos.",
    "import": "Turn another program's filter into one of ours.",
    "info": "Show what a filter file is.",
    "styles": "List the bundled styles.",
}


@atexit.register
def _leave_at_once() -> None:
    """Skip garbage collection of PyTorch's modules at exit, which takes 0.3 s."""
    if "triton" not in sys.modules:  # its bindings would complain of what was not freed
        gc.freeze()


class LazyGroup(click.Group):
    """A group that imports a command when it runs, and prints expected errors as one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of a person's work rather than of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command = getattr(importlib.import_module(f"fast_nst.cli.{name}"), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"fast_nst.cli.{name}.{name} is no click command.")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            ctx.fail(
                f"no command {name!r}{suggest(name, COMMANDS)}. Commands: {', '.join(COMMANDS)}."
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run; an error that the user can put right is one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except FastNSTError as error:
            if ctx.params["debug"]:
                raise
            click.echo(f"error: {one_line(error)}", err=True)
            ctx.exit(1)


def _print_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        import fast_nst

        click.echo(f"fast-nst {fast_nst.__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def main(debug: bool) -> None:
    """Train one image into a real-time filter, and use it.

    `fast-nst COMMAND --help` explains a command.
    """
