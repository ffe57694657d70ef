"""Base class of the endless streams of training images."""

from __future__ import annotations

from torch import Tensor
from torch.utils.data import IterableDataset

from fast_nst.data.workers import SkippedList


class ImageStream(IterableDataset[Tensor]):
    """Images without end, (3, size, size), uint8; another order or choice in each epoch.

    In 8 bits, a quarter of float32's bytes go from a worker to the device.

    Args:
        size: height and width of the images, px.
        seed: of everything random about them.
    """

    def __init__(self, size: int, seed: int) -> None:
        super().__init__()
        self.size = size
        self.seed = seed
        self.epoch = 0
        self._skipped = SkippedList()

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """(path or row, reason) of every unreadable image met so far, in whichever worker."""
        return self._skipped.read()

    @property
    def notes(self) -> list[str]:
        """What else the user should know by now, a line each."""
        return []

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass over the stream differ from earlier ones."""
        self.epoch = epoch
