"""``fast-nst import``: another program's filter, as one of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fast_nst.cli.table import print_differences

if TYPE_CHECKING:
    from fast_nst.filters.import_onnx import ImportReport


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="The file: .safetensors for a state dict, .onnx for an ONNX model.",
)
@click.option("--style", metavar="NAME", help="The style's name; without it, the file's name.")
@click.option(
    "--range",
    "value_range",
    metavar="RANGE",
    help="Values that an ONNX model takes and returns: 0-255, 0-1, or imagenet.",
)
def import_(file: Path, output: Path, style: str | None, value_range: str | None) -> None:
    """Turn another program's filter into a file that every command takes.

    FILE is a state dict (.pth or .model) of the PyTorch examples' fast_neural_style, or any ONNX
    model (.onnx) from one image to one. No code of the file is run. What becomes of an ONNX model
    is compared with it at six sizes; if it differs by more than 1/255, nothing is written.

    \b
    Examples:
      fast-nst import candy.pth -o candy.safetensors
      fast-nst import mosaic.onnx --range 0-255 -o mosaic_filter.onnx
    """  # noqa: D301 - click looks for the character, not for the two
    from fast_nst.errors import CheckpointError
    from fast_nst.runtimes.select import check_range

    check_range(file, value_range)
    is_graph = file.suffix.lower() == ".onnx"
    ending, kind = (".onnx", "an ONNX model") if is_graph else (".safetensors", "a state dict")
    if output.suffix.lower() != ending:
        raise CheckpointError(
            f"cannot write {output}: what {kind} becomes has a name that ends in {ending}."
        )
    if is_graph:
        from rich.console import Console

        from fast_nst.filters.import_onnx import import_graph

        with Console(stderr=True).status("loading") as status:
            report = import_graph(file, output, value_range, style, on_progress=status.update)
        _print(report)
        return
    from fast_nst.filters.checkpoint import save_filter
    from fast_nst.filters.import_state_dict import import_filter

    loaded = import_filter(file, style)
    save_filter(output, loaded.network, loaded.metadata)
    arguments = ", ".join(
        f"{key} {value}" for key, value in loaded.metadata.network_arguments.items()
    )
    click.echo(f"wrote {output} ({loaded.metadata.network}, {arguments})")


def _print(report: ImportReport) -> None:
    print_differences(report.differences)
    for batch, height, width in report.refused:
        click.echo(f"{f'{batch}x3x{height}x{width}':<14} not checked: the model itself fails on it")
    if report.batch > 1:
        click.echo(
            f"warning: the model computes {report.batch} images at once, of which one is used.",
            err=True,
        )
    click.echo(f"wrote {report.path} ({report.size_bytes / 1e6:.1f} MB)")
