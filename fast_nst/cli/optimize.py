"""``fast-nst optimize``: repaint one picture by optimizing its pixels."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fast_nst.cli.options import device_option
from fast_nst.errors import ConfigError, WeightsError
from fast_nst.optimize.options import COLORS, INITS, OPTIMIZERS, TransferOptions

if TYPE_CHECKING:
    from torch import Tensor

    from fast_nst.encoders import Encoder
    from fast_nst.optimize.gatys import TransferProgress

_FILE = click.Path(path_type=Path)


def _parse_blend(_: click.Context, __: click.Parameter, value: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(share) for share in value.split(",")) if value else ()
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no list of numbers such as 2,1.") from error


def _option(name: str, help: str, **settings: Any) -> Callable[[Any], Any]:  # noqa: A002
    """An option of the transfer, with the default that it has in Python."""
    default = getattr(TransferOptions, name.strip("-").replace("-", "_"))
    return click.option(name, default=default, show_default=True, help=help, **settings)


@click.command()
@click.argument("content", type=_FILE)
@click.argument("styles", nargs=-1, required=True, metavar="STYLE...")
@click.option("-o", "--output", required=True, metavar="OUT", help="The picture to write.")
@_option("--size", "Short side of the result, px; 0 keeps the content's own.", type=int)
@_option("--iterations", "Steps, of all levels together.", type=int)
@_option("--levels", "Sizes to go through, each twice the last; 1 for none but the last.", type=int)
@_option("--optimizer", "How to step.", type=click.Choice(OPTIMIZERS))
@_option("--init", "What the picture starts as.", type=click.Choice(INITS))
@_option("--content-weight", "How much the content counts.", type=float)
@_option("--style-weight", "How much the style counts.", type=float)
@click.option(
    "--blend",
    metavar="A,B,...",
    callback=_parse_blend,
    help="Shares of several styles, such as 2,1.  [default: equal]",
)
@_option("--style-scale", "Size of the styles over the content's: larger strokes.", type=float)
@_option(
    "--preserve-color",
    "luminance: change only the lightness; match: recolor the styles like the content first.",
    type=click.Choice(COLORS),
)
@click.option(
    "--content-mask", type=_FILE, metavar="FILE", help="Regions of the content, each in one color."
)
@click.option(
    "--style-mask",
    "style_masks",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="Regions of a style, in the same colors; one for each STYLE, in their order.",
)
@click.option(
    "--encoder",
    "encoder_name",
    default="vgg_lite",
    show_default=True,
    help="What compares: vgg_lite, vgg16, vgg19 or vgg19_distilled.",
)
@click.option(
    "--encoder-weights", type=_FILE, metavar="FILE", help="Its weights, instead of its own."
)
@_option("--tile", "Larger pictures are evaluated in tiles of about this side, px.", type=int)
@_option("--seed", "Of the noise.", type=int)
@click.option(
    "--preview-every",
    type=click.IntRange(min=1),
    metavar="N",
    help="Write the best picture every N iterations, beside OUT: OUT_0050.png.",
)
@device_option
@click.pass_context
def optimize(
    ctx: click.Context,
    /,
    content: Path,
    styles: tuple[str, ...],
    output: str,
    content_mask: Path | None,
    style_masks: tuple[Path, ...],
    encoder_name: str,
    encoder_weights: Path | None,
    preview_every: int | None,
    device: str,
    **choices: Any,
) -> None:
    """Repaint one picture in the style of others, slowly and well.

    No filter is needed or made: the pixels themselves are optimized (Gatys et al. 2016). A STYLE
    is a picture or the name of a bundled style. Ctrl-C ends early and keeps the best picture.

    \b
    Examples:
      fast-nst optimize cat.jpg starry_night -o cat_starry.png
      fast-nst optimize cat.jpg wave.jpg the_scream --blend 2,1 -o both.png
      fast-nst optimize cat.jpg wave.jpg -o cat.png --preserve-color luminance
    """  # noqa: D301 - click looks for the character, not for the two
    options = TransferOptions(**choices)

    from fast_nst.hardware import find_device
    from fast_nst.image.io import read_image, write_image
    from fast_nst.optimize.files import check_target, find_style, preview_path, resize_alpha
    from fast_nst.optimize.gatys import stylize_iteratively

    target = Path(output)
    style_files = [find_style(style) for style in styles]
    masks = [*([content_mask] if content_mask else []), *style_masks]
    check_target(target, [content, *style_files, *masks], previews=preview_every is not None)
    place = find_device(device)
    alpha = read_image(content).alpha

    def read(file: Path) -> Tensor:
        return read_image(file).rgb[None].to(place)

    def write(file: Path, result: Tensor) -> None:
        height, width = result.shape[-2:]
        write_image(
            file, result[0], None if alpha is None else resize_alpha(alpha, (height, width))
        )

    def transfer(on_progress: Callable[[TransferProgress], None]) -> Tensor:
        return stylize_iteratively(
            read(content),
            [read(file) for file in style_files],
            _create_encoder(encoder_name, encoder_weights).to(place),
            options,
            content_mask=read(content_mask) if content_mask else None,
            style_masks=[read(file) for file in style_masks],
            names=[str(content), *map(str, style_files)],
            on_progress=on_progress,
        )

    def preview(progress: TransferProgress) -> None:
        if preview_every and progress.iteration % preview_every == 0:
            write(preview_path(target, progress.iteration), progress.best())

    _run(ctx, transfer, target, write, preview)


def _run(
    ctx: click.Context,
    transfer: Callable[[Callable[[TransferProgress], None]], Tensor],
    target: Path,
    write: Callable[[Path, Tensor], None],
    preview: Callable[[TransferProgress], None],
) -> None:
    """Show the progress and write the result, or after Ctrl-C the best picture so far."""
    latest: list[TransferProgress] = []
    begin = time.monotonic()

    def note(progress: TransferProgress) -> None:
        latest[:] = [progress]
        preview(progress)

    try:
        result = _with_bar(transfer, note)
    except KeyboardInterrupt:
        if not latest:
            click.echo("interrupted before the first iteration; nothing is written", err=True)
            ctx.exit(130)
        write(target, latest[0].best())
        done = f"{latest[0].iteration} of {latest[0].iterations} iterations"
        click.echo(f"interrupted after {done}; wrote {target}, the best picture so far")
        ctx.exit(130)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        raise ConfigError(
            f"{target} does not fit in memory. Choose a smaller --size or --tile, or another "
            "--device."
        ) from error
    write(target, result)
    losses = ", ".join(f"{name} {value:.4f}" for name, value in latest[0].losses.items())
    seconds = time.monotonic() - begin
    click.echo(f"{latest[0].iterations} iterations in {seconds:.0f} s: {losses}", err=True)
    click.echo(f"wrote {target}")


def _with_bar(
    transfer: Callable[[Callable[[TransferProgress], None]], Tensor],
    note: Callable[[TransferProgress], None],
) -> Tensor:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = ("{task.description}", "{task.percentage:>3.0f}%", "{task.fields[figures]}")
    description, percentage, figures = map(TextColumn, columns)
    with Progress(
        description,
        BarColumn(),
        percentage,
        TimeRemainingColumn(),
        figures,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("preparing", total=1.0, figures="")

        def show(progress: TransferProgress) -> None:
            losses = "  ".join(f"{name} {value:.4f}" for name, value in progress.losses.items())
            bar.update(
                task,
                completed=progress.fraction,
                description="{}x{} px".format(*progress.size),
                figures=f"{progress.iteration}/{progress.iterations}  {losses}",
            )
            note(progress)

        return transfer(show)


def _create_encoder(name: str, weights: Path | None) -> Encoder:
    from fast_nst.encoders import create_encoder

    try:
        return create_encoder(name, weights)
    except WeightsError as error:  # it speaks of the keys that training has
        message = str(error).replace("encoder.weights=", "--encoder-weights ")
        message = message.replace("encoder.weights", "--encoder-weights")
        raise WeightsError(message.replace("encoder=", "--encoder ")) from error


def _is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return "allocate memory" in str(error)  # how PyTorch says it on the CPU
