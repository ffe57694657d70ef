"""The number of a loader worker among those of all machines, and a list that workers share."""

from __future__ import annotations

import multiprocessing
from typing import Any

import torch.distributed
from torch.utils.data import get_worker_info

from fast_nst.errors import one_line


def consumer() -> tuple[int, int]:
    """Return this process's number among all that read the data, and how many these are."""
    rank, ranks = 0, 1
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
    info = get_worker_info()
    worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
    return rank * workers + worker, ranks * workers


class SkippedList:
    """Broken images, noted by any worker process and read by the main one.

    It is a text of a fixed length in shared memory: what does not fit is counted, not named.
    """

    _BYTES = 65536

    def __init__(self) -> None:
        self._text: Any = multiprocessing.Array("c", self._BYTES)
        self._unnamed: Any = multiprocessing.Value("q", 0)

    def add(self, name: str, reason: str) -> None:
        """Note one; adding it again changes nothing."""
        line = f"{one_line(name)}\t{one_line(reason)}\n".encode("utf-8", "replace")
        with self._text.get_lock():
            text = self._text.value
            if line in text.splitlines(keepends=True):
                return
            if len(text) + len(line) < self._BYTES:
                self._text.value = text + line
            else:
                self._unnamed.value += 1

    def read(self) -> list[tuple[str, str]]:
        """Return (name, reason) of each, in the order in which they were met."""
        text: bytes = self._text.value
        pairs = [line.split("\t", 1) for line in text.decode("utf-8", "replace").splitlines()]
        found = [(name, reason) for name, reason in pairs]
        if self._unnamed.value:
            found.append((f"{self._unnamed.value} more", "not named: too many"))
        return found
