"""``fast-nst evaluate``: how good filters are, in numbers and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fast_nst.cli.options import device_option
from fast_nst.cli.table import print_table

if TYPE_CHECKING:
    from fast_nst.evaluation import Report

PATH = click.Path(path_type=Path)


def _sizes(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of numbers such as 256,512.") from None


@click.command()
@click.option(
    "--ckpt",
    "checkpoints",
    required=True,
    multiple=True,
    metavar="FILE",
    type=PATH,
    help="A filter: a .safetensors file, or a .ckpt of a training. Several are judged side by "
    "side: --ckpt A --ckpt B.",
)
@click.option(
    "--images",
    metavar="FOLDER",
    type=PATH,
    help="Photographs that no filter was trained on. Without it, scikit-image's are taken, which "
    "data=synthetic trains on.",
)
@click.option(
    "-o",
    "--output",
    default="report.html",
    show_default=True,
    metavar="REPORT",
    type=PATH,
    help="The page; the figures go beside it, as .json.",
)
@click.option(
    "--sizes",
    default="256,512,1024",
    show_default=True,
    callback=_sizes,
    help="Short sides of the photographs, px.",
)
@click.option(
    "--photos",
    default=8,
    show_default=True,
    metavar="N",
    type=click.IntRange(min=0),
    help="Count equivalent iterations on N of the photographs; this takes nearly all the time.",
)
@click.option(
    "--iterations",
    default=300,
    show_default=True,
    metavar="N",
    type=click.IntRange(min=1),
    help="Where to stop counting.",
)
@click.option(
    "--style",
    metavar="FILE",
    type=PATH,
    help="Style picture of all filters; without it, the ones that they were trained with.",
)
@click.option(
    "--judge",
    metavar="ENCODER|FILE",
    help="A second encoder to judge by: vgg16, vgg19, or a file of an encoder's weights.",
)
@click.option(
    "--clip",
    metavar="FOLDER",
    type=PATH,
    help="Frames of a video, with .flo files of optical flow if there are; for flicker.",
)
@device_option
def evaluate(
    checkpoints: tuple[Path, ...],
    images: Path | None,
    output: Path,
    sizes: tuple[int, ...],
    photos: int,
    iterations: int,
    style: Path | None,
    judge: str | None,
    clip: Path | None,
    device: str,
) -> None:
    """Say how good filters are: losses, equivalent iterations, artefacts, time and memory.

    Writes a page with plots and pictures, and the figures as JSON beside it.

    \b
    Examples:
      fast-nst evaluate --ckpt starry_night.safetensors --images holiday/
      fast-nst evaluate --ckpt a.safetensors --ckpt b.safetensors --images holiday/ \\
          --sizes 256 --judge vgg16 -o a_and_b.html
    """  # noqa: D301 - click looks for the character, not for the two
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from fast_nst.evaluation import EvaluateProgress
    from fast_nst.evaluation import evaluate as run

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("evaluating", total=1.0)

        def show(progress: EvaluateProgress) -> None:
            bar.update(task, completed=progress.fraction, description=escape(progress.stage))

        report = run(
            checkpoints,
            output,
            images=images,
            sizes=sizes,
            photos=photos,
            iterations=iterations,
            style=style,
            judge=judge,
            clip=clip,
            device=device,
            on_progress=show,
        )
    _print_table(report)
    page = output.with_suffix(".html")
    click.echo(f"wrote {page} and {page.with_suffix('.json')}")


def _print_table(report: Report) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from fast_nst.evaluation.report import FIGURES

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("median")
    columns = [(each, at) for each in report.filters for at in each.sizes]
    for each, at in columns:
        table.add_column(f"{each.name}\n{at.size} px", justify="right")
    for name in report.names():
        table.add_row(FIGURES[name].label, *(report.show(name, at.figures) for _, at in columns))
    if any(each.flicker for each in report.filters):
        ratios = [f"{each.flicker.ratio:.2f}" if each.flicker else "-" for each, _ in columns]
        table.add_row("flicker", *ratios)
    # Piped into another program, lines are not wrapped at 80 columns.
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 1000
    console.print(table)
    for name, why in report.left_out.items():
        click.echo(f"{name}: left out, {why}")
    for note in report.notes:
        click.echo(note)
