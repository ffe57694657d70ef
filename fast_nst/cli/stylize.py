"""``fast-nst stylize``: apply a filter to pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fast_nst.inference import Stylizer, StylizeReport


@click.command()
@click.option(
    "--ckpt",
    "checkpoint",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The filter: a .safetensors file, or a .ckpt of a training.",
)
@click.argument(
    "inputs",
    nargs=-1,
    required=True,
    metavar="INPUT...",
    type=click.Path(path_type=Path),
)
@click.option("-o", "--output", required=True, metavar="OUT", help="A file or a folder.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="cpu, cuda, mps, or auto for the fastest of them that is there.",
)
@click.pass_context
def stylize(
    ctx: click.Context, checkpoint: Path, inputs: tuple[Path, ...], output: str, device: str
) -> None:
    """Repaint pictures with a trained filter.

    INPUT is a picture or a folder of them; of an animated picture, the first frame is taken. OUT
    is a file for one picture; for several, a folder, where they keep their names.

    A picture that fails is reported, the others go on, and the exit code is 1.

    \b
    Examples:
      fast-nst stylize --ckpt starry_night.safetensors cat.jpg -o cat_starry.jpg
      fast-nst stylize --ckpt starry_night.safetensors holiday/ -o holiday_starry/
    """  # noqa: D301 - click looks for the character, not for the two
    from fast_nst.inference import Stylizer

    stylizer = Stylizer.load(checkpoint, device)
    report = _run_with_progress(stylizer, inputs, output)
    for failure in report.failures:
        click.echo(f"error: {' '.join(failure.message.split())}", err=True)
    total = len(report.written) + len(report.failures)
    if report.failures:
        click.echo(f"{len(report.failures)} of {total} pictures failed.", err=True)
    if len(report.written) == 1:
        click.echo(f"wrote {report.written[0].target}")
    elif report.written:
        click.echo(f"wrote {len(report.written)} pictures to {Path(output)}")
    if report.failures:
        ctx.exit(1)


def _run_with_progress(stylizer: Stylizer, inputs: tuple[Path, ...], output: str) -> StylizeReport:
    from rich.console import Console
    from rich.progress import Progress

    from fast_nst.inference import StylizeProgress, stylize_files

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("stylizing", total=None)

        def show(progress: StylizeProgress) -> None:
            bar.update(task, completed=progress.done, total=progress.total)

        return stylize_files(stylizer, inputs, output, on_progress=show)
