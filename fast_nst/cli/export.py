"""``fast-nst export``: a filter for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fast_nst.cli.stylize.values import MIXTURE
from fast_nst.cli.table import print_differences

if TYPE_CHECKING:
    from fast_nst.export import ExportReport

PATH = click.Path(path_type=Path)


@click.command()
@click.option(
    "--ckpt",
    "checkpoint",
    required=True,
    metavar="FILE",
    type=PATH,
    help="The filter: a .safetensors file, or a .ckpt of a training.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=PATH,
    help="The file: .onnx, .pt2 (exported), .pt (torchscript), .mlpackage (coreml), or "
    ".safetensors: a plain filter of one style of several.",
)
@click.option(
    "--format",
    metavar="FORMAT",
    help="onnx, exported, torchscript, coreml or filter; without it, the ending of OUT decides.",
)
@click.option(
    "--precision",
    default="fp32",
    show_default=True,
    metavar="PRECISION",
    help="fp32, fp16 or int8; the last two for ONNX only.",
)
@click.option("--opset", default=18, show_default=True, metavar="N", help="Of ONNX: 18 to 23.")
@click.option(
    "--calibrate",
    metavar="FOLDER",
    type=PATH,
    help="Photographs on which int8 measures its ranges. Without it, synthetic images.",
)
@click.option(
    "--force", is_flag=True, help="Write int8 although it is slower than fp32 or looks different."
)
@click.option(
    "--keep-knobs",
    is_flag=True,
    help="Write an ONNX model with all styles, whose shares, strength and stroke size are inputs.",
)
@click.option("--style", metavar="NAME", help="Of a filter of several styles: which.")
@click.option("--mix", type=MIXTURE, metavar="SHARES", help="Instead of it: a=0.6,b=0.4.")
@click.option("--strength", type=float, metavar="SHARE", help="Of a filter with this knob.")
@click.option("--stroke-size", type=float, metavar="FACTOR", help="Likewise.")
def export(
    checkpoint: Path,
    output: Path,
    style: str | None,
    strength: float | None,
    stroke_size: float | None,
    **settings: Any,
) -> None:
    """Write a filter in a format that other runtimes read, and check it against this one.

    A filter of several styles is written with one, and with its knobs where they are set to.
    The result takes images of any height and width. It is compared with PyTorch at six sizes;
    if it differs, nothing is written.

    \b
    Examples:
      fast-nst export --ckpt starry_night.safetensors -o starry_night.onnx
      fast-nst export --ckpt starry_night.safetensors -o small.onnx --precision fp16
      fast-nst export --ckpt many.safetensors --style waves --strength 0.7 -o waves.onnx
    """  # noqa: D301 - click looks for the character, not for the two
    from rich.console import Console

    from fast_nst.cli.kept import refuse_to_overwrite
    from fast_nst.export import export as run

    refuse_to_overwrite([checkpoint], [output])
    knobs = {"strength": strength, "stroke_size": stroke_size}
    console = Console(stderr=True)
    with console.status("loading") as status:
        report = run(
            checkpoint,
            output,
            style=style,
            knobs={name: value for name, value in knobs.items() if value is not None},
            **settings,
            on_progress=status.update,
        )
    _print(report)


def _print(report: ExportReport) -> None:
    print_differences(report.differences)
    if not report.differences:
        click.echo(f"not checked: {report.format} does not run on this machine")
    if report.int8 is not None:
        click.echo(
            f"int8 at 256x256 px: {1e3 * report.int8.int8_s:.0f} ms, fp32 "
            f"{1e3 * report.int8.fp32_s:.0f} ms; {report.int8.psnr_db:.1f} dB against fp32"
        )
        if report.int8.refusal:
            click.echo(f"warning: the int8 model is {report.int8.refusal}.", err=True)
    click.echo(f"wrote {report.path} ({report.size_bytes / 1e6:.1f} MB, {report.precision})")
