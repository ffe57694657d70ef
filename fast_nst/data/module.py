"""Training images as a Lightning data module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from fast_nst.data import Images, create_images
from fast_nst.errors import ConfigError
from fast_nst.image.eight_bit import from_bytes

MAX_WORKERS = 12
HELD_OUT = 4  # photographs kept for the validation losses, unless told otherwise


class ImageDataModule(pl.LightningDataModule):
    """Endless batches of content images: the trainer's ``max_steps`` says when to stop.

    Args:
        kind: One of ``fast_nst.data.IMAGES``.
        size: Height and width of the training images, px.
        batch_size: Images a step.
        late_size: Size of the images in the last part of the training, px, or None for the same:
            larger ones teach larger strokes, smaller ones make faster steps. Batches shrink so
            that a step has the same number of pixels.
        late_share: The last part of the training, in [0, 1].
        num_workers: Processes that prepare images; 0 prepares them in the training process. None
            for 1, or, where CUDA trains, for up to 12, as many as there are cores to spare.
        seed: Of everything random about the images.
        options: What the kind takes besides, such as ``path`` and ``held_out`` for ``folder``.

    Raises:
        ConfigError: If a number is out of its range, or the kind or an option is unknown.
        DataError: From ``images``, ``setup``, or any loader: if there are no images.
    """

    def __init__(
        self,
        kind: str = "synthetic",
        size: int = 256,
        batch_size: int = 4,
        late_size: int | None = None,
        late_share: float = 0.35,
        num_workers: int | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("num_workers", 0 if num_workers is None else num_workers, 0),
            ("seed", seed, 0),
            ("held_out", options.get("held_out", HELD_OUT), 0),
        ):
            if value < least:
                raise ConfigError(f"data.{name} is {value}; it must be at least {least}.")
        if not 0 <= late_share <= 1:
            raise ConfigError(f"data.late_share is {late_share}; it is a share, from 0 to 1.")
        self.kind = kind
        self.size = size
        self.batch_size = batch_size
        self.late_size = late_size
        self.late_share = late_share
        self.num_workers = num_workers
        self.seed = seed
        self.fraction: Callable[[], float] = lambda: 0.0  # the trainer's, when there is one
        if kind != "synthetic":  # which has nothing to hold out, and refuses the option
            options = {"held_out": HELD_OUT, **options}
        if options.get("cache"):
            options["cache_for"] = max(size, late_size or size)
        self._options = options
        self._images: dict[int, Images] = {}

    @property
    def images(self) -> Images:
        """The dataset, made when it is first asked for."""
        return self._of_size(self.size)

    def _of_size(self, size: int) -> Images:
        if size not in self._images:
            self._images[size] = create_images(self.kind, size, self.seed, **self._options)
        return self._images[size]

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """(name, reason) of every image that could not be read so far."""
        listed = [skipped for images in self._images.values() for skipped in images.skipped]
        return list(dict.fromkeys(listed))

    @property
    def notes(self) -> list[str]:
        """What else the user should know of the data by now, a line each."""
        noted = [note for images in self._images.values() for note in images.notes]
        return list(dict.fromkeys(noted))

    def setup(self, stage: str | None = None) -> None:
        """Make the datasets, so that missing images are told before a training starts."""
        for size in (self.size, self.late_size):
            if size is not None:
                self._of_size(size)

    def train_dataloader(self) -> Iterable[Tensor]:
        """Return batches of (batch_size, 3, size, size), uint8, for ever; then late ones."""
        early = self._loader(self.size, self.batch_size)
        if self.late_size is None:
            return early
        batch_size = max(1, round(self.batch_size * (self.size / self.late_size) ** 2))
        return _Stages(early, self._loader(self.late_size, batch_size), self._is_late)

    def on_after_batch_transfer(self, batch: Tensor, dataloader_idx: int) -> Tensor:
        """Turn uint8 batches into float32 in [0, 1], on the device."""
        return from_bytes(batch)

    def _is_late(self) -> bool:
        return self.fraction() >= 1 - self.late_share

    def _loader(self, size: int, batch_size: int) -> _EpochLoader:
        return _EpochLoader(
            cast("IterableDataset[Tensor]", self._of_size(size)),
            batch_size=batch_size,
            num_workers=self._workers(),
            pin_memory=torch.cuda.is_available(),  # then the copy does not hold the GPU up
        )

    def _workers(self) -> int:
        if self.num_workers is not None:
            return self.num_workers
        trainer = self.trainer
        if trainer is None or trainer.strategy.root_device.type != "cuda":
            return 1
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return max(1, min(MAX_WORKERS, (cores or 1) // trainer.num_devices - 1))

    def validation_images(self, count: int, size: int | None = None) -> Tensor:
        """Return fixed images, none of them an image of the training stream where feasible.

        For ``synthetic``, the photographs among them are whole ones, of which training sees
        crops; for ``folder`` and ``hub`` they are held out, unless there are too few or
        ``count`` is larger than ``held_out``.

        Args:
            count: How many.
            size: Height and width, px; the training size by default.

        Returns:
            (count, 3, size, size), float32 in [0, 1].
        """
        return self.images.fixed_images(count, self.size if size is None else size)


class _EpochLoader(DataLoader[Tensor]):
    """A loader that tells the dataset the number of the pass, so that passes differ."""

    _passes = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        self.dataset.set_epoch(self._passes)  # type: ignore[attr-defined]
        self._passes += 1
        return super().__iter__()


class _Stages:
    """Batches of one loader early in a training, then of another."""

    def __init__(
        self, early: Iterable[Tensor], late: Iterable[Tensor], is_late: Callable[[], bool]
    ) -> None:
        self.early = early
        self.late = late
        self.is_late = is_late

    def __iter__(self) -> Iterator[Tensor]:
        if not self.is_late():
            for batch in self.early:
                yield batch
                if self.is_late():
                    break
        yield from self.late
