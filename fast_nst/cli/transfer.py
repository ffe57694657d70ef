"""Run an iterative style transfer: its progress, Ctrl-C, previews and the result."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from fast_nst.errors import ConfigError, WeightsError, is_out_of_memory

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fast_nst.encoders import Encoder
    from fast_nst.optimize.gatys import TransferProgress
    from fast_nst.optimize.options import TransferOptions


@dataclass(frozen=True)
class Transfer:
    """The command's options beside those of :class:`TransferOptions`, one field each.

    Attributes:
        content: the image.
        styles: files of the styles.
        target: the result.
        content_mask: regions of the content.
        style_masks: one for each style, or none.
        encoder_name: what compares.
        encoder_weights: its weights, instead of its own.
        init_filter: the network whose painting the image starts as; None for what the options say.
        preview_every: iterations between previews; None for none.
        device: where to compute.
    """

    content: Path
    styles: tuple[Path, ...]
    target: Path
    content_mask: Path | None
    style_masks: tuple[Path, ...]
    encoder_name: str
    encoder_weights: Path | None
    init_filter: nn.Module | None
    preview_every: int | None
    device: str

    @property
    def sources(self) -> list[Path]:
        """All images that are read, which must stay as they are."""
        masks = [self.content_mask] if self.content_mask else []
        return [self.content, *self.styles, *masks, *self.style_masks]


def run_transfer(transfer: Transfer, options: TransferOptions) -> None:
    """Show the progress and write the result, or after Ctrl-C the best image so far."""
    from fast_nst.image.io import read_image
    from fast_nst.optimize.files import preview_path

    target, every = transfer.target, transfer.preview_every
    alpha = read_image(transfer.content).alpha
    latest: list[TransferProgress] = []
    begin = time.monotonic()

    def note(progress: TransferProgress) -> None:
        latest[:] = [progress]
        if every and progress.iteration % every == 0:
            _write(preview_path(target, progress.iteration), progress.best(), alpha)

    try:
        with _bar(note) as show:
            result = _optimize(transfer, options, show)
    except KeyboardInterrupt:
        if not latest:
            click.echo("interrupted before the first iteration; nothing is written", err=True)
            raise Exit(130) from None
        _write(target, latest[0].best(), alpha)
        done = f"{latest[0].iteration} of {latest[0].iterations} iterations"
        click.echo(f"interrupted after {done}; wrote {target}, the best image so far")
        raise Exit(130) from None
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ConfigError(
            f"{target} does not fit in memory. Choose a smaller --size or --tile, or another "
            "--device."
        ) from error
    _write(target, result, alpha)
    losses = ", ".join(f"{name} {value:.4f}" for name, value in latest[0].losses.items())
    seconds = time.monotonic() - begin
    click.echo(f"{latest[0].iterations} iterations in {seconds:.0f} s: {losses}", err=True)
    click.echo(f"wrote {target}")


def _optimize(
    transfer: Transfer,
    options: TransferOptions,
    on_progress: Callable[[TransferProgress], None],
) -> Tensor:
    """Read what is to be compared, and compute the result: (1, 3, H, W) in [0, 1]."""
    from fast_nst.hardware import find_device
    from fast_nst.image.io import read_image
    from fast_nst.optimize.gatys import stylize_iteratively

    place = find_device(transfer.device)

    def read(file: Path) -> Tensor:
        return read_image(file).rgb[None].to(place)

    return stylize_iteratively(
        read(transfer.content),
        [read(file) for file in transfer.styles],
        _create_encoder(transfer.encoder_name, transfer.encoder_weights).to(place),
        options,
        content_mask=read(transfer.content_mask) if transfer.content_mask else None,
        style_masks=[read(file) for file in transfer.style_masks],
        names=[str(file) for file in (transfer.content, *transfer.styles)],
        start=transfer.init_filter.to(place) if transfer.init_filter else None,
        on_progress=on_progress,
    )


def _write(file: Path, result: Tensor, alpha: Tensor | None) -> None:
    """Write a result with the content's transparency."""
    from fast_nst.image.io import write_image
    from fast_nst.optimize.files import resize_alpha

    height, width = result.shape[-2:]
    write_image(file, result[0], None if alpha is None else resize_alpha(alpha, (height, width)))


@contextlib.contextmanager
def _bar(
    note: Callable[[TransferProgress], None],
) -> Iterator[Callable[[TransferProgress], None]]:
    """A progress bar, as a function that shows progress and then calls ``note``."""
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
                description="{1}x{0} px".format(*progress.size),
                figures=f"{progress.iteration}/{progress.iterations}  {losses}",
            )
            note(progress)

        yield show


def _create_encoder(name: str, weights: Path | None) -> Encoder:
    from fast_nst.encoders import create_encoder

    try:
        return create_encoder(name, weights)
    except WeightsError as error:  # it speaks of the keys that training has
        message = str(error).replace("encoder.weights=", "--encoder-weights ")
        message = message.replace("encoder.weights", "--encoder-weights")
        raise WeightsError(message.replace("encoder=", "--encoder ")) from error
