"""``fast-nst evaluate``: how good filters are, in numbers and images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fast_nst.cli.options import checkpoints_option, device_option
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
@checkpoints_option
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
    help="Style image of all filters; without it, the ones that they were trained with.",
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
@click.pass_context
def evaluate(
    ctx: click.Context, /, checkpoints: tuple[Path, ...], output: Path, **choices: Any
) -> None:
    """Say how good filters are: losses, equivalent iterations, artefacts, time and memory.

    Writes a page with plots and images, and the figures as JSON beside it. Ctrl-C ends early and
    keeps what was measured by then.

    \b
    Examples:
      fast-nst evaluate --ckpt starry_night.safetensors --images holiday/
      fast-nst evaluate --ckpt a.safetensors --ckpt b.safetensors --images holiday/ \\
          --sizes 256 --judge vgg16 -o a_and_b.html
    """  # noqa: D301 - click looks for the character, not for the two
    from fast_nst.evaluation import InterruptedEvaluation

    page = output.with_suffix(".html")
    try:
        report = _run_with_progress(checkpoints, output, choices)
    except InterruptedEvaluation as interrupted:
        report = interrupted.report
    except KeyboardInterrupt:
        click.echo("interrupted before the first photo was measured; nothing is written", err=True)
        ctx.exit(130)
    _print_report(report)
    click.echo(f"wrote {page} and {page.with_suffix('.json')}")
    if report.partial:
        click.echo(report.partial, err=True)
        ctx.exit(130)


def _run_with_progress(
    checkpoints: tuple[Path, ...], output: Path, choices: dict[str, Any]
) -> Report:
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

        return run(checkpoints, output, **choices, on_progress=show)


def _print_report(report: Report) -> None:
    from fast_nst.evaluation.report import FIGURES

    columns = [(each, at) for each in report.filters for at in each.sizes]
    rows = [
        [FIGURES[name].label, *(report.show(name, at.figures) for _, at in columns)]
        for name in report.names()
    ]
    if any(each.flicker for each in report.filters):
        ratios = [f"{each.flicker.ratio:.2f}" if each.flicker else "-" for each, _ in columns]
        rows.append(["flicker", *ratios])
    print_table("median", [f"{each.name}\n{at.size} px" for each, at in columns], rows)
    for name, why in report.left_out.items():
        click.echo(f"{name}: left out, {why}")
    for note in report.notes:
        click.echo(note)
