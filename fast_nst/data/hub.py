"""data=hub: an endless stream of photographs from a Hugging Face dataset, online or local."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from fast_nst.data.stream import ImageStream
from fast_nst.data.transforms import (
    decode,
    fixed_transform,
    seeded,
    training_transform,
    why_broken,
)
from fast_nst.data.workers import consumer
from fast_nst.errors import DataError, suggest
from fast_nst.image.eight_bit import to_bytes

Row = Mapping[str, Any]


class HubImages(ImageStream):
    """The images in one column of a dataset, cropped and flipped at random.

    Rows whose image cannot be read are skipped and listed in :attr:`skipped`.

    Args:
        name: A dataset on the Hub, such as ``detection-datasets/coco``; or a builder of local
            files, ``parquet``, ``imagefolder``, ``webdataset``, with ``data_files``/``data_dir``.
        size: Height and width of what comes out, px.
        seed: The same seed gives the same stream, given the same number of workers.
        split: Which part of the dataset.
        image_column: The column that holds the images.
        streaming: Read as it goes rather than download everything first.
        shuffle_buffer: Streaming only: so many rows are mixed at a time; encoded, about 150 kB
            each for COCO.
        data_files: Passed to ``datasets.load_dataset``.
        data_dir: The same.
        config_name: The dataset's configuration, where it has several.
        held_out: So many rows, the first, are kept for :meth:`fixed_images`.
        least_scale: The smallest part of an image's area that a crop shows.

    Yields:
        (3, size, size), uint8, RGB, for ever.

    Raises:
        DataError: If ``datasets`` is not installed, the dataset cannot be loaded, or it has no
            such column.
    """

    def __init__(
        self,
        name: str,
        size: int,
        seed: int = 0,
        *,
        split: str = "train",
        image_column: str = "image",
        streaming: bool = True,
        shuffle_buffer: int = 500,
        data_files: str | Sequence[str] | Mapping[str, Any] | None = None,
        data_dir: str | None = None,
        config_name: str | None = None,
        held_out: int = 0,
        least_scale: float = 0.25,
    ) -> None:
        super().__init__(size, seed)
        self.name = name
        self.image_column = image_column
        self.streaming = streaming
        self._shuffle_buffer = shuffle_buffer
        self._transform = training_transform(size, least_scale=least_scale)
        self._min_side = int(np.ceil(size / least_scale**0.5))
        rows = _load(
            name, config_name, split=split, streaming=streaming,
            data_files=data_files, data_dir=data_dir,
        )  # fmt: skip
        self._all = _undecoded(rows, name, image_column)
        # Held-out rows of a stream are told by what they hold: ``skip`` would keep ``datasets``
        # from shuffling the order of the files.
        self._first: list[Row] = []
        self._held_out = held_out
        if streaming and held_out:
            first = list(islice(self._guarded(self._all), 3 * held_out))
            self._first = first[:held_out] if len(first) == 3 * held_out else []
        elif not streaming:
            if not len(self._all):
                raise DataError(f"{name} has no rows in split {split!r}. Choose another split.")
            self._held_out = held_out if len(self._all) >= 3 * held_out else 0
        self._none_held_out = held_out > 0 and not (self._first if streaming else self._held_out)

    @property
    def notes(self) -> list[str]:
        """Say if no row could be held out."""
        if not self._none_held_out:
            return []
        return [
            f"{self.name} has too few rows to hold some out (data.held_out), so the validation "
            "losses are of images that were trained on"
        ]

    def __iter__(self) -> Iterator[Tensor]:
        """Start the stream of this epoch, worker and rank.

        Raises:
            DataError: If a whole pass meets no readable image, or reading rows fails.
        """
        index, _ = consumer()
        own = np.random.default_rng((self.seed, self.epoch, index))
        turn = 0
        while True:
            good = rows = 0
            for row in self._pass(turn):
                rows += 1
                image = self._read(row, self._min_side)
                crop_seed = int(own.integers(2**63))
                if image is not None:
                    good += 1
                    with seeded(crop_seed):
                        yield self._transform(to_bytes(image))
            if rows == 0 and get_worker_info() is not None:
                return  # more workers than shards: the others have them all
            if good == 0:
                detail = "".join(f" ({name}: {reason})" for name, reason in self.skipped[:1])
                raise DataError(
                    f"none of the {rows} images read from {self.name} is usable{detail}. "
                    "Check data.image_column and data.split."
                )
            turn += 1

    def fixed_images(self, count: int, size: int) -> Tensor:
        """Return images to watch a training by: the first ones, the middle of each.

        Returns:
            (count, 3, size, size), in [0, 1]; repeated where there are fewer.

        Raises:
            DataError: If none of the first rows can be read.
        """
        transform = fixed_transform(size)
        found: list[Tensor] = []
        first = self._first if len(self._first) >= count else self._guarded(self._all)
        for row in islice(first, 4 * count + 16):
            if len(found) == count:
                break
            image = self._read(row, size)
            if image is not None:
                found.append(transform(image))
        if not found:
            raise DataError(f"the first images of {self.name} cannot be read.")
        return torch.stack([found[k % len(found)] for k in range(count)])

    def _pass(self, turn: int) -> Iterator[Row]:
        """Go once over this reader's share of the rows, in an order of its own for each turn."""
        index, readers = consumer()
        if self.streaming:
            stream = self._all
            info = get_worker_info()
            workers = 1 if info is None else info.num_workers
            if readers > workers:  # several ranks; datasets itself shares out among workers
                from datasets.distributed import split_dataset_by_node

                stream = split_dataset_by_node(
                    stream, rank=index // workers, world_size=readers // workers
                )
            mixed = np.random.SeedSequence((self.seed, self.epoch, turn)).generate_state(1)[0]
            mixed_rows = stream.shuffle(seed=int(mixed), buffer_size=self._shuffle_buffer)
            for row in self._guarded(mixed_rows):
                if row not in self._first:
                    yield row
            return
        order = np.random.default_rng((self.seed, self.epoch, turn))
        passed = order.permutation(np.arange(self._held_out, len(self._all)))
        for number in passed[index::readers] if len(passed) >= readers else passed:
            yield {"row": int(number), **self._all[int(number)]}

    def _guarded(self, rows: Any) -> Iterator[Row]:
        """Turn errors of the Hub and the network into one line."""
        try:
            yield from rows
        except OSError as error:
            raise DataError(_unreachable(self.name, error)) from error

    def _read(self, row: Row, min_side: int) -> Tensor | None:
        """Return (3, H, W) in [0, 1], or None for a broken image, which is noted."""
        value = row[self.image_column]
        try:
            return decode(_file(value), min_side)
        except Exception as error:  # decoders raise whatever they stumble on
            path = value.get("path") if isinstance(value, Mapping) else None
            unnamed = f"row {row['row']}" if "row" in row else "a row without a file name"
            self._skipped.add(str(path) if path else unnamed, why_broken(error))
            return None


def _file(value: Any) -> Any:
    """Return what ``decode`` takes, from any of the forms in which a row may hold an image."""
    if value is None:
        raise ValueError("the row holds no image")
    if isinstance(value, bytes):
        return io.BytesIO(value)
    if isinstance(value, Mapping):
        if value.get("bytes") is not None:
            return io.BytesIO(value["bytes"])
        path = value.get("path")
        if path is None:
            raise ValueError("the row holds no image")
        if Path(path).is_file():
            return path
        from datasets import Image  # a path inside an archive or on the Hub

        return Image().decode_example({"path": path, "bytes": None})
    return value


def _load(name: str, config_name: str | None, **options: Any) -> Any:
    """Call ``datasets.load_dataset``; everything that it may raise becomes a ``DataError``."""
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise DataError("data=hub needs `datasets`. Install it: pip install datasets") from error
    options = {key: value for key, value in options.items() if value is not None}
    try:
        return datasets.load_dataset(name, config_name, **options)
    except Exception as error:  # network, hub, parser and file errors of half a dozen libraries
        raise DataError(_unreachable(name, error)) from error


def _unreachable(name: str, error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return (
        f"cannot load the dataset {name!r} ({type(error).__name__}: {reason}). "
        "Check its name and the network; with no network, train with data=synthetic, or with "
        "data=folder on photographs of your own."
    )


def _undecoded(rows: Any, name: str, column: str) -> Any:
    """Check the column, and read its images undecoded: so a broken one is skipped alone."""
    import datasets

    names = rows.column_names
    if names is None:  # a stream says so only in its rows
        try:
            names = list(next(iter(rows), {}))
        except Exception as error:
            raise DataError(_unreachable(name, error)) from error
    if column not in names:
        raise DataError(
            f"{name} has no column {column!r}{suggest(column, names)}. "
            f"Set data.image_column to one of: {', '.join(names) or 'none, it is empty'}."
        )
    if rows.features is not None and isinstance(rows.features[column], datasets.Image):
        rows = rows.cast_column(column, datasets.Image(decode=False))
    return rows.select_columns([column])
