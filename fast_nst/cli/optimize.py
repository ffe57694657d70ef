"""``fast-nst optimize``: repaint one image by optimizing its pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fast_nst.cli.options import device_option, make
from fast_nst.cli.transfer import Transfer, run_transfer
from fast_nst.optimize.options import (
    COLORS,
    INITS,
    LEVELS,
    LEVELS_FROM_FILTER,
    OPTIMIZERS,
    PREDICTED,
    TransferOptions,
)

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
@click.option("-o", "--output", required=True, metavar="OUT", help="The image to write.")
@_option("--size", "Short side of the result, px; 0 keeps the content's own.", type=int)
@_option("--iterations", "Steps, of all levels together.", type=int)
@click.option(
    "--levels",
    type=int,
    help="Sizes to go through, each twice the last; 1 for none but the last.  "
    f"[default: {LEVELS}; {LEVELS_FROM_FILTER} from a filter]",
)
@_option("--optimizer", "How to step.", type=click.Choice(OPTIMIZERS))
@_option(
    "--init",
    "What the image starts as: content, noise, style, or what a filter makes of the content, by "
    "its file; predicted: one that is made of the STYLE at once.",
    metavar="|".join((*INITS, PREDICTED, "FILTER")),
)
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
@_option("--tile", "Larger images are evaluated in tiles of about this side, px.", type=int)
@_option("--seed", "Of the noise.", type=int)
@click.option(
    "--preview-every",
    type=click.IntRange(min=1),
    metavar="N",
    help="Write the best image every N iterations, beside OUT: OUT_0050.png.",
)
@device_option
@click.pass_context
def optimize(ctx: click.Context, /, **chosen: Any) -> None:
    """Repaint one image in the style of others, slowly and well.

    No filter is needed or made: the pixels themselves are optimized (Gatys et al. 2016). A STYLE
    is an image or the name of a bundled style. Ctrl-C ends early and keeps the best image.

    \b
    Examples:
      fast-nst optimize cat.jpg starry_night -o cat_starry.png
      fast-nst optimize cat.jpg wave.jpg the_scream --blend 2,1 -o both.png
      fast-nst optimize cat.jpg wave.jpg -o cat.png --preserve-color luminance
      fast-nst optimize cat.jpg wave.jpg -o cat.png --init wave.safetensors --iterations 40
    """  # noqa: D301 - click looks for the character, not for the two
    init = chosen.pop("init")
    start = None if init in INITS else init
    options = make(TransferOptions, chosen if start else chosen | {"init": init})

    from fast_nst.config import find_style
    from fast_nst.optimize.files import check_target, load_init

    chosen["styles"] = tuple(find_style(style)[1] for style in chosen["styles"])
    chosen["init_filter"] = load_init(start, chosen["styles"]).network if start else None
    transfer = make(Transfer, chosen | {"target": Path(chosen["output"])})
    check_target(transfer.target, transfer.sources, previews=transfer.preview_every is not None)
    run_transfer(transfer, options)
