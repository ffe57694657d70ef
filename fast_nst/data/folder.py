"""data=folder: an endless stream of the photographs in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fast_nst.data.cache import VARIABLE, PhotoCache
from fast_nst.data.stream import ImageStream
from fast_nst.data.transforms import (
    decode,
    fixed_transform,
    seeded,
    training_transform,
    why_broken,
)
from fast_nst.data.workers import consumer
from fast_nst.errors import DataError, ImageError
from fast_nst.image.eight_bit import to_bytes
from fast_nst.image.formats import MAIN_READ_SUFFIXES
from fast_nst.image.io import list_images


class FolderImages(ImageStream):
    """Photographs from a folder and its subfolders, cropped and flipped at random.

    Every pass goes over all files in a new order, shared out among workers and ranks. Files that
    cannot be read are skipped and listed in :attr:`skipped`.

    Args:
        path: The folder.
        size: Height and width of what comes out, px.
        seed: The same seed gives the same stream, given the same number of workers.
        held_out: So many images, the first by name, are kept for :meth:`fixed_images`; none
            if the folder has fewer than three times as many.
        least_scale: The smallest part of an image's area that a crop shows.
        cache: Keep what was decoded on disk, in a moderate size, for the next time.
        cache_for: The largest ``size`` that shares the cache, px; ``size`` by default.

    Yields:
        (3, size, size), uint8, RGB, for ever.

    Raises:
        DataError: If the folder is missing, or holds no image that can be read, or the cache
            cannot be written.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        size: int,
        seed: int = 0,
        *,
        held_out: int = 0,
        least_scale: float = 0.25,
        cache: bool = False,
        cache_for: int | None = None,
    ) -> None:
        super().__init__(size, seed)
        self.path = Path(path).expanduser()
        self._transform = training_transform(size, least_scale=least_scale)
        self._min_side = int(np.ceil(size / least_scale**0.5))
        self._broken: set[Path] = set()
        files = _images_in(self.path)
        if all(self._read(file, size) is None for file in files):  # stops at the first good one
            name, reason = self.skipped[0]
            raise DataError(
                f"none of the {len(files)} images in {self.path} can be read "
                f"({Path(name).name}: {reason.rstrip('.')}). Name another folder."
            )
        self._wanted_out = held_out
        self._held_out = held_out if len(files) >= 3 * held_out else 0
        self.files = files[self._held_out :]
        self._fixed = files[: self._held_out] or files
        self._cache = PhotoCache(self.path, max(size, cache_for or size)) if cache else None
        if self._cache is not None:
            self._min_side = self._cache.side

    @property
    def notes(self) -> list[str]:
        """Say if no photograph is held out, or if the cache had no room for some."""
        notes = []
        if self._wanted_out and not self._held_out:
            notes.append(
                f"{self.path} has too few photographs ({len(self.files)}) to hold out "
                f"{self._wanted_out} of them (data.held_out), so the validation losses are of some "
                "that were trained on"
            )
        if self._cache is None or not self._cache.left_out:
            return notes
        return [
            *notes,
            f"not every decoded photograph could be kept in {self._cache.folder}, so that some are "
            f"decoded each time. Make room on its disk, or set {VARIABLE} to another folder.",
        ]

    def __iter__(self) -> Iterator[Tensor]:
        """Start the stream of this epoch, worker and rank.

        Raises:
            DataError: When no file at all can be read any more.
        """
        index, readers = consumer()
        order = np.random.default_rng((self.seed, self.epoch))  # the same for all readers
        own = np.random.default_rng((self.seed, self.epoch, index))
        while True:
            passed = order.permutation(len(self.files))
            share = passed[index::readers] if len(passed) >= readers else passed
            for number in share:
                image = self._training_image(self.files[number])
                crop_seed = int(own.integers(2**63))  # drawn for broken files, too
                if image is not None:
                    with seeded(crop_seed):
                        yield self._transform(image)
            if self._broken.issuperset(self.files):
                raise DataError(
                    f"no image in {self.path} can be read any more. Is the disk still there?"
                )

    def fixed_images(self, count: int, size: int) -> Tensor:
        """Return images to watch a training by: the first ones by name, the middle of each.

        Returns:
            (count, 3, size, size), in [0, 1]; repeated where there are fewer.

        Raises:
            DataError: If none of them can be read.
        """
        transform = fixed_transform(size)
        found: list[Tensor] = []
        for file in [*self._fixed, *self.files]:
            if len(found) == count:
                break
            image = self._read(file, size)
            if image is not None:
                found.append(transform(image))
        if not found:
            raise DataError(f"no image in {self.path} can be read any more.")
        return torch.stack([found[k % len(found)] for k in range(count)])

    def _training_image(self, file: Path) -> Tensor | None:
        """Return (3, H, W), uint8; None for a broken file."""
        if self._cache is not None and (found := self._cache.read(file)) is not None:
            return found
        image = self._read(file, self._min_side)
        if image is None:
            return None
        return to_bytes(image) if self._cache is None else self._cache.write(file, image)

    def _read(self, file: Path, min_side: int) -> Tensor | None:
        """Return (3, H, W) in [0, 1], or None for a broken file: noted, and not tried again."""
        if file in self._broken:
            return None
        try:
            return decode(file, min_side)
        except Exception as error:  # decoders raise whatever they stumble on
            self._broken.add(file)
            self._skipped.add(str(file), why_broken(error))
            return None


def _images_in(folder: Path) -> list[Path]:
    """List the images, or raise ``DataError`` saying why there are none."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise DataError(f"{folder} {what}; expected a folder of photographs. Check data.path.")
    try:
        files = list_images(folder)
    except ImageError as error:
        raise DataError(str(error)) from error
    if not files:
        raise DataError(
            f"{folder} holds no images; expected files ending in {', '.join(MAIN_READ_SUFFIXES)}. "
            "Name another folder, or train with data=synthetic."
        )
    return files
