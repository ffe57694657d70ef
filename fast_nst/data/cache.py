"""A cache of decoded photographs: 8-bit images of a moderate size on disk.

One file per photograph, written when it is first read: nothing to wait for before a training, and
nothing that two trainings at once could get in each other's way with.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fast_nst import atomic
from fast_nst.errors import DataError
from fast_nst.image.eight_bit import to_bytes
from fast_nst.image.resize import resize_short_side

VARIABLE = "FAST_NST_CACHE"
MIN_SIDE = 384  # px
OVERSIZE = 1.5  # of the training size: the smallest crops are then enlarged by a sixth
KEPT_FREE = 2 << 30  # bytes that the cache leaves on the disk
_HEADER = struct.Struct("<8sQQII")  # magic, the photograph's bytes and mtime_ns, height, width
_MAGIC = b"fastnst1"


def cache_root() -> Path:
    """``$FAST_NST_CACHE``, or ``fast_nst`` in the user's cache folder."""
    if own := os.environ.get(VARIABLE):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "fast_nst"


class PhotoCache:
    """The cached images of one folder.

    An entry holds for as long as its photograph has the same size and time of change; one that was
    cut short by a crash is as good as none. Entries are written to a temporary name and renamed.
    Nothing is added when the disk has less than 2 GiB left.

    Args:
        photos: the folder of photographs.
        size: side of the training images, px.

    Raises:
        DataError: If the cache's folder cannot be written.
    """

    def __init__(self, photos: Path, size: int) -> None:
        self.photos = photos
        self._left_out: Any = multiprocessing.Value("b", False)
        self.side = max(MIN_SIDE, round(OVERSIZE * size))
        name = hashlib.sha256(os.fsencode(photos.resolve())).hexdigest()[:16]
        self.folder = cache_root() / "photos" / f"{name}_{self.side}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise DataError(
                f"the cache of decoded photographs, {self.folder}, cannot be written "
                f"({error.strerror}). Set {VARIABLE} to a folder that can, or data.cache=false."
            ) from error

    @property
    def left_out(self) -> bool:
        """Whether there was no room for a photograph, in whichever worker."""
        return bool(self._left_out.value)

    def read(self, photo: Path) -> Tensor | None:
        """Return (3, H, W), uint8, channels last; None if it is not there, or not valid."""
        try:
            found = photo.stat()
            # Read at one go: a memory map takes longer, page fault by page fault.
            content = np.fromfile(self._entry(photo), np.uint8)
        except OSError:
            return None
        if len(content) < _HEADER.size:
            return None
        magic, size, changed, height, width = _HEADER.unpack(content[: _HEADER.size].data)
        if (magic, size, changed) != (_MAGIC, found.st_size, found.st_mtime_ns):
            return None
        if len(content) != _HEADER.size + height * width * 3:
            return None
        pixels = content[_HEADER.size :].reshape(height, width, 3)
        return torch.from_numpy(pixels).permute(2, 0, 1)

    def write(self, photo: Path, image: Tensor) -> Tensor:
        """Keep (3, H, W) in [0, 1], scaled down where it is larger than needed.

        Returns:
            What :meth:`read` will give, whether there was room for it or not.
        """
        if min(image.shape[1:]) > self.side:
            image = resize_short_side(image, self.side)
        pixels = to_bytes(image).permute(1, 2, 0).contiguous()
        try:
            self._store(photo, pixels)
        except OSError:  # a full disk slows the training; it does not stop it
            self._left_out.value = True
        return pixels.permute(2, 0, 1)

    def _store(self, photo: Path, pixels: Tensor) -> None:
        if shutil.disk_usage(self.folder).free < KEPT_FREE + pixels.numel():
            self._left_out.value = True
            return
        found = photo.stat()
        entry = self._entry(photo)
        height, width = pixels.shape[:2]
        head = _HEADER.pack(_MAGIC, found.st_size, found.st_mtime_ns, height, width)
        with atomic.open_replacing(entry) as file:
            file.write(head)
            file.write(pixels.numpy().data)

    def _entry(self, photo: Path) -> Path:
        inside = photo.relative_to(self.photos)
        digest = hashlib.sha256(os.fsencode(inside)).hexdigest()[:32]
        return self.folder / digest[:2] / f"{digest}.rgb"
