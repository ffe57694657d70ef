"""``fast-nst import``: another program's filter, as one of ours."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="The filter file: a name that ends in .safetensors.",
)
@click.option("--style", metavar="NAME", help="The style's name; without it, the file's name.")
def import_(file: Path, output: Path, style: str | None) -> None:
    """Turn another program's filter into a filter file, which every command takes.

    FILE is a state dict (.pth or .model) of the PyTorch examples' fast_neural_style. It is loaded
    without running code from it.

    \b
    Example:
      fast-nst import candy.pth -o candy.safetensors
    """  # noqa: D301 - click looks for the character, not for the two
    from fast_nst.checkpoint import save_filter
    from fast_nst.errors import CheckpointError
    from fast_nst.imported import import_filter

    if output.suffix.lower() != ".safetensors":
        raise CheckpointError(f"cannot write {output}: a filter file's name ends in .safetensors.")
    loaded = import_filter(file, style)
    save_filter(output, loaded.network, loaded.metadata)
    arguments = ", ".join(
        f"{key} {value}" for key, value in loaded.metadata.network_arguments.items()
    )
    click.echo(f"wrote {output} ({loaded.metadata.network}, {arguments})")
