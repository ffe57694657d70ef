"""Lightning callbacks of a training: previews, checkpoints, progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from fast_nst.image.io import write_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.training.module import StyleTransferModule
from fast_nst.training.schedule import Schedule

LARGEST_SHARE = 0.05  # of the time, for previews


@dataclass(frozen=True)
class TrainProgress:
    """Progress of a training.

    Attributes:
        step: optimizer steps done.
        fraction: share done, in [0, 1].
        elapsed_s: seconds so far.
        remaining_s: seconds left, estimated.
        images_per_s: training images a second, since the last report.
        losses: weighted losses of the last step, by name.
    """

    step: int
    fraction: float
    elapsed_s: float
    remaining_s: float
    images_per_s: float
    losses: dict[str, float]


@dataclass(frozen=True)
class TrainStart:
    """The state that a training starts in.

    Attributes:
        checkpoint: the file that it resumes from; None for a new training.
        step: optimizer steps done by then.
        fraction: share of the schedule done by then, in [0, 1]; at 1 nothing is left to train.
        notes: further messages for the user, one line each.
    """

    checkpoint: Path | None
    step: int
    fraction: float
    notes: tuple[str, ...]


class ReportStart(pl.Callback):
    """Calls ``report`` with a ``TrainStart`` once, after a checkpoint was found to fit.

    Args:
        report: None for nobody to tell.
        schedule: of the training.
        checkpoint: what it goes on from, if anything.
        notes: what else the user should know.
    """

    def __init__(
        self,
        report: Callable[[TrainStart], None] | None,
        schedule: Schedule,
        checkpoint: Path | None,
        notes: Sequence[str],
    ) -> None:
        self._report = report
        self._schedule = schedule
        self._checkpoint = checkpoint
        self._notes = tuple(notes)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report a new training."""
        if self._checkpoint is None:
            self._tell(trainer, 0)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Report a resumed training; no later hook is called if nothing is left to train."""
        self._tell(trainer, int(checkpoint["global_step"]))

    def _tell(self, trainer: pl.Trainer, step: int) -> None:
        if self._report is not None and trainer.is_global_zero:
            fraction = self._schedule.fraction(step)
            self._report(TrainStart(self._checkpoint, step, fraction, self._notes))


class ReportProgress(pl.Callback):
    """Calls ``report`` with a ``TrainProgress`` about twice a second."""

    def __init__(self, report: Callable[[TrainProgress], None], every_s: float = 0.5) -> None:
        self.report = report
        self.every_s = every_s
        self._last = time.monotonic()
        self._images = 0  # since then

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start measuring the rate here."""
        self._last, self._images = time.monotonic(), 0

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        """Report, if it is time to."""
        self._images += len(batch) * trainer.world_size
        seconds = time.monotonic() - self._last
        if seconds < self.every_s or not trainer.is_global_zero:
            return
        assert isinstance(pl_module, StyleTransferModule)
        step = trainer.global_step
        fraction = pl_module.schedule.fraction(step)
        elapsed = pl_module.schedule.elapsed_s
        rate = self._images / seconds
        self._last, self._images = time.monotonic(), 0
        self.report(
            TrainProgress(
                step=step,
                fraction=fraction,
                elapsed_s=elapsed,
                remaining_s=elapsed * (1 - fraction) / max(fraction, 1e-6),
                images_per_s=rate,
                losses={name: float(value) for name, value in pl_module.last_losses.items()},
            )
        )


class Preview(pl.Callback):
    """Measures fixed images at intervals, and writes an image of some that are larger.

    Args:
        content: (B, 3, H, W) in [0, 1], never trained on: their losses are logged.
        shown: (B, 3, h, w), the same at the size of the written images.
        style: (1, 3, H, W) in [0, 1].
        folder: where ``step_000100.png`` goes: a row per image, content | style | stylized.
        every_s: seconds between two of them; more if they would take over a twentieth of the time.
    """

    def __init__(
        self, content: Tensor, shown: Tensor, style: Tensor, folder: Path, every_s: float
    ) -> None:
        self.content = content
        self.shown = shown
        self.style = style
        self.folder = folder
        self.every_s = every_s
        self._next = time.monotonic() + every_s

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any, **__: Any
    ) -> None:
        """Make a preview, if it is time to."""
        begin = time.monotonic()
        if begin < self._next or not trainer.is_global_zero:
            return
        assert isinstance(pl_module, StyleTransferModule)
        named = {f"validation/{name}": value for name, value in self.measure(pl_module).items()}
        grid = self.draw(pl_module)
        for logger in trainer.loggers:
            logger.log_metrics(named, step=trainer.global_step)
            log_image(logger, grid, trainer.global_step)
        write_image(self.folder / f"step_{trainer.global_step:06d}.png", grid)
        end = time.monotonic()
        self._next = end + max(self.every_s, (end - begin) * (1 / LARGEST_SHARE - 1))

    @torch.no_grad()
    def measure(self, module: StyleTransferModule) -> dict[str, float]:
        """The unweighted losses of the fixed images."""
        assert isinstance(module.loss, PerceptualLoss)
        sums = dict.fromkeys(module.loss.weights, 0.0)
        for image in torch.split(self.content, 1):
            _, terms = module.losses(image.to(module.device))
            for name, value in module.loss.unweighted(terms).items():
                sums[name] += float(value) / len(self.content)
        return sums

    @torch.no_grad()
    def draw(self, module: StyleTransferModule) -> Tensor:
        """The image of the fixed images, (3, H, W) in [0, 1]."""
        height, width = self.shown.shape[-2:]
        style = resize_short_side(self.style, max(height, width))[..., :height, :width]
        rows = []
        for image in torch.split(self.shown, 1):
            stylized = module(image.to(module.device)).float().cpu()
            rows.append(torch.cat([image[0], style[0], stylized[0]], dim=2))
        return torch.cat(rows, dim=1)


def log_image(logger: Any, image: Tensor, step: int) -> None:
    """Send a (3, H, W) image in [0, 1] to a logger that shows images; others ignore it."""
    if isinstance(logger, pl.loggers.WandbLogger):
        logger.log_image("preview", [image], step=step)
    elif isinstance(logger, pl.loggers.TensorBoardLogger):
        logger.experiment.add_image("preview", image, step)


class KeepLast(pl.Callback):
    """Writes Lightning's checkpoint to ``file`` at intervals, and at the end."""

    def __init__(self, file: Path, every_s: float) -> None:
        self.file = file
        self.every_s = every_s
        self._next = time.monotonic() + every_s

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any, **__: Any
    ) -> None:
        """Save, if it is time to."""
        if self._due(trainer):
            self._save(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the final state."""
        self._save(trainer, pl_module)

    def _due(self, trainer: pl.Trainer) -> bool:
        # All processes save together, so they follow the first one's clock; asking costs a message.
        if trainer.global_step % 20:
            return False
        return bool(trainer.strategy.broadcast(time.monotonic() >= self._next))

    def _save(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert isinstance(module, StyleTransferModule)
        module.check_losses()  # the file always holds a good state
        partial = self.file.with_suffix(".part")
        trainer.save_checkpoint(partial, weights_only=False)
        if trainer.is_global_zero:
            partial.replace(self.file)
        self._next = time.monotonic() + self.every_s
