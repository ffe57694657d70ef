"""Rows of large tensors kept in temporary files, outside of the process's memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

from fast_nst.errors import ImageError

_NUMPY = {torch.float32: np.float32, torch.uint8: np.uint8, torch.uint16: np.uint16}


class RowStore:
    """One (1, C, H, W) tensor on disk, read and written in whole rows.

    It lies in the folder for temporary files (``TMPDIR``) under no name, so that it is gone when
    the process is. Files are read and written, not mapped: mapped pages count as memory.

    Args:
        shape: (1, C, H, W).
        dtype: ``torch.float32``, ``torch.uint8`` or ``torch.uint16``.

    Attributes:
        dtype: likewise.

    Raises:
        ImageError: If there is no room for it.
    """

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> None:
        _, self._channels, self._height, self._width = shape
        self.dtype = dtype
        self._row_bytes = self._channels * self._width * dtype.itemsize
        needed = self._row_bytes * self._height
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if needed > free:
            raise _no_room(needed, free)
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by close()

    def write(self, top: int, rows: Tensor) -> None:
        """Store rows, (1, C, h, W), from row ``top`` on."""
        content = rows[0].permute(1, 2, 0).to("cpu", self.dtype).contiguous().numpy()
        left = content.data.cast("B")
        try:
            self._file.seek(top * self._row_bytes)
            while left:  # the system may take less at a time than it is given
                left = left[self._file.write(left) :]
        except OSError as error:
            free = shutil.disk_usage(tempfile.gettempdir()).free
            raise _no_room(self._row_bytes * self._height, free) from error

    def read(self, top: int, bottom: int) -> Tensor:
        """Rows ``top`` to ``bottom`` (not included), (1, C, h, W), channels last in memory."""
        bottom = min(bottom, self._height)
        content = np.empty((bottom - top, self._width, self._channels), _NUMPY[self.dtype])
        left = content.data.cast("B")
        self._file.seek(top * self._row_bytes)
        while left:
            left = left[self._file.readinto(left) or len(left) :]
        return torch.from_numpy(content).permute(2, 0, 1)[None]

    def close(self) -> None:
        """Free the disk space."""
        self._file.close()

    def __enter__(self) -> RowStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _no_room(needed: int, free: int) -> ImageError:
    return ImageError(
        f"{os.fspath(tempfile.gettempdir())} has {free / 1e9:.1f} GB free; a temporary file of "
        f"{needed / 1e9:.1f} GB is needed. Set TMPDIR to a folder with more room, or give more "
        "memory."
    )
