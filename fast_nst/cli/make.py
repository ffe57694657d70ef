"""``fast-nst make``: a filter from a picture, at once."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fast_nst import atomic
from fast_nst.prediction.cache import DEFAULT_NETWORK
from fast_nst.startup import without_gc

if TYPE_CHECKING:
    from fast_nst.config import TrainConfig

_UNITS = {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0}


def _parse_time(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *(s|min|h|)", value.strip())
    if found is None or float(found[1]) == 0:
        raise click.BadParameter(f"{value!r} is no time. Write it as 20s, 3min or 1h.")
    return float(found[1]) * _UNITS[found[2]]


@click.command()
@click.argument("styles", nargs=-1, required=True, metavar="STYLE...")
@click.option(
    "-o",
    "--output",
    metavar="FILTER",
    type=click.Path(path_type=Path),
    help="The filter to write, a .safetensors file.",
)
@click.option(
    "--each",
    is_flag=True,
    help="Make each picture a style of its own, in one file, with knobs for strength and stroke "
    "size.",
)
@click.option(
    "--add",
    "file",
    metavar="FILTER",
    type=click.Path(path_type=Path),
    help="Instead of -o: add each picture to a file that --each made.",
)
@click.option(
    "--network",
    metavar="NAME",
    help="quarter, or mobile: faster, and simpler strokes.  [default: quarter]",
)
@click.option(
    "--stroke-size",
    metavar="FACTOR",
    type=click.FloatRange(0.5, 3),
    help="Size of the strokes, 0.5 to 3.  [default: 1]",
)
@click.option(
    "--refine",
    "refine_s",
    metavar="TIME",
    callback=_parse_time,
    help="Train the filter for so long, such as 20s or 3min; with --add, only what is new.",
)
def make(
    styles: tuple[str, ...],
    output: Path | None,
    each: bool,
    file: Path | None,
    network: str | None,
    stroke_size: float | None,
    refine_s: float | None,
) -> None:
    """Make a filter of a picture at once, without training.

    STYLE is an image or the name of a bundled style. Several are taken as pictures of one hand:
    the filter paints as they do on average; with --each, every one is a style to choose.

    \b
    Examples:
      fast-nst make painting.jpg -o painting.safetensors
      fast-nst make monet_1.jpg monet_2.jpg -o monet.safetensors --stroke-size 1.5
      fast-nst make painting.jpg -o painting.safetensors --refine 20s
      fast-nst make --each starry_night great_wave me.jpg -o mine.safetensors
      fast-nst make --add mine.safetensors you.jpg --refine 1min
    """  # noqa: D301 - click looks for the character, not for the two
    if (output is None) == (file is None):
        raise click.UsageError("give either -o FILTER or --add FILTER.")
    if (each or file) and stroke_size is not None:
        raise click.UsageError(
            "--each and --add make filters whose stroke size is chosen when they are used. Leave "
            "--stroke-size out."
        )
    if file is not None:
        if network is not None:
            raise click.UsageError("--add takes the network of the file. Leave --network out.")
        if refine_s is None:
            _add(styles, file)
        else:
            _refine_added(styles, file, refine_s)
        return
    assert output is not None
    if output.suffix.lower() != ".safetensors":
        raise click.UsageError(
            f"{output} is no .safetensors file. For other formats, run fast-nst export after it."
        )
    network = network or DEFAULT_NETWORK
    if refine_s is None and each:
        _make_each(styles, output, network)
    elif refine_s is None:
        _make(styles, output, network, stroke_size or 1.0)
    elif each:
        _refine_several(styles, output, refine_s, [f"network={network}"])
    else:
        _refine(styles, output, network, (stroke_size or 1.0, refine_s))


def _make(styles: tuple[str, ...], output: Path, network: str, stroke_size: float) -> None:
    with without_gc():
        from fast_nst.filters.checkpoint import save_filter
        from fast_nst.prediction.make import make_filter

    made = make_filter(styles, network, stroke_size=stroke_size)
    save_filter(output, made.network, made.metadata)
    click.echo(f"wrote {output}")
    _say_reach("", made.metadata.config["predicted"])


def _make_each(styles: tuple[str, ...], output: Path, network: str) -> None:
    with without_gc():
        from fast_nst.prediction.styled import make_styles, save_styles

    made = make_styles(styles, network)
    save_styles(output, made)
    click.echo(f"wrote {output}: {made.metadata.style}")
    for style in made.metadata.styles:
        _say_reach(f"{style.name}: ", made.metadata.config["styles"][style.name]["predicted"])


def _add(styles: tuple[str, ...], file: Path) -> None:
    with without_gc():
        from fast_nst.errors import ConfigError
        from fast_nst.filters.checkpoint import load_unbound
        from fast_nst.prediction.styled import add_styles, save_styles

    before = load_unbound(file)
    try:
        made = add_styles(before, styles)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    save_styles(file, made)
    click.echo(f"wrote {file}: {made.metadata.style}")
    for style in made.metadata.styles[len(before.metadata.styles) :]:
        _say_reach(f"{style.name}: ", made.metadata.config["styles"][style.name]["predicted"])


def _say_reach(label: str, found: Mapping[str, Any]) -> None:
    from fast_nst.prediction.make import notes

    click.echo(
        f"{label}on three photos: style left {found['style_left']:.3f} (of the photos themselves "
        f"{found['photo_left']:.2f}), content kept {found['content_kept']:.2f}"
    )
    for note in notes(found):
        click.echo(f"note: {label}{note}", err=True)


def _refine(
    styles: tuple[str, ...], output: Path, network: str, settings: tuple[float, float]
) -> None:
    """Train for a while, from where the predicted filter is."""
    from fast_nst.config import find_style
    from fast_nst.prediction.bundled import has_trained
    from fast_nst.prediction.make import style_size, style_source
    from fast_nst.train import compose_config

    files = [find_style(style) for style in styles]
    stroke_size, seconds = settings
    source = style_source(files)
    trained = source["texture"] is not None and has_trained([files[0][0]], network)
    # Names of files may hold what an override would have to quote.
    config = compose_config(
        [
            "style=custom",
            f"network={network}",
            f"network.start={'trained' if trained else 'predicted'}",
            # Predicted weights want larger steps than bundled ones; 3e-3 can leave a grid.
            "optimizer.lr=1.5e-3",
            "logger=none",
        ]
    )
    config.style.name, config.style.size = files[0][0], style_size(stroke_size)
    config.network.stroke_scale = max(1.0, stroke_size)
    for key, value in source.items():
        setattr(config.style, key, value)
    _train(config, output, seconds)


def _refine_several(
    styles: tuple[str, ...],
    output: Path,
    seconds: float,
    overrides: list[str],
    start: Path | None = None,
) -> None:
    """Train a filter of several styles for a while; with ``start``, only those added to it."""
    from fast_nst.train import compose_config

    config = compose_config(["style=several", "logger=none", *overrides])
    config.style.each = list(styles)
    if start is not None:
        config.network.start = str(start)
    _train(config, output, seconds)


def _refine_added(styles: tuple[str, ...], file: Path, seconds: float) -> None:
    from fast_nst.filters.metadata import read_metadata

    base = read_metadata(file).network_arguments.get("base", DEFAULT_NETWORK)
    _refine_several(styles, file, seconds, [f"network={base}"], start=file)


def _train(config: TrainConfig, output: Path, seconds: float) -> None:
    """Train for a while, and write nothing but the filter."""
    from fast_nst.startup import delayed_gc
    from fast_nst.train import train_with_progress

    config.trainer.max_time_s, config.trainer.max_steps = seconds, None
    with tempfile.TemporaryDirectory() as folder, delayed_gc() as collect:
        result = train_with_progress(config, Path(folder), Path(folder) / "filter", collect)
        if result is not None:
            atomic.write_bytes(output, result.filter.read_bytes(), durable=True)
            click.echo(f"wrote {output}")
