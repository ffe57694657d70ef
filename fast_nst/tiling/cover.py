"""``cover_hidden_colors`` in strips: the same result, whatever the size of the image."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from fast_nst.image.transparency import TRUSTED_OPACITY, fill
from fast_nst.tiling.scratch import RowStore

Array = npt.NDArray[np.float32]

SMALL = 512  # px; a level of the pyramid with no longer side is computed whole
_ROWS = 64  # of a strip; even, so that every cell of the next level lies in one


class CoveredRows:
    """Rows of an image whose hidden colors are replaced by the visible ones around.

    Levels of a pyramid wait on disk: each has half the rows and columns of the one before.

    Args:
        read: gives rows of the image: colors, (3, h, W), and opacity, (1, h, W), in [0, 1].
        size: height and width, px.

    Raises:
        ImageError: If there is no room for temporary files.
    """

    def __init__(
        self, read: Callable[[int, int], tuple[Array, Array]], size: tuple[int, int]
    ) -> None:
        self._read, self._size = read, size
        self._files = contextlib.ExitStack()
        try:
            self._around = self._fill_from(size, self._weighted)
        except BaseException:
            self._files.close()
            raise

    def rows(self, top: int, bottom: int) -> Array:
        """Rows with their hidden colors covered, (3, h, W)."""
        weighted = self._weighted(top, bottom)
        covered: Array = self._covered(weighted, self._around, self._size, top).clip(0, 1)
        return covered

    def close(self) -> None:
        """Free the disk space."""
        self._files.close()

    def _weighted(self, top: int, bottom: int) -> Array:
        """Colors times opacity, and opacity: (4, h, W)."""
        rgb, alpha = self._read(top, bottom)
        return np.concatenate([rgb * alpha, alpha])

    def _fill_from(
        self, size: tuple[int, int], read: Callable[[int, int], Array]
    ) -> RowStore | None:
        """The filled colors of the level below one of ``size``; None for one of a single pixel."""
        height, width = size
        if height == width == 1:
            return None
        half = (-(-height // 2), -(-width // 2))
        level = self._files.enter_context(RowStore((1, 4, *half)))
        for top in range(0, height, _ROWS):
            rows = read(top, min(top + _ROWS, height))
            level.write(top // 2, _tensor(np.stack([_halve(plane) for plane in rows])))

        def stored(top: int, bottom: int) -> Array:
            return _array(level.read(top, bottom))

        filled = self._files.enter_context(RowStore((1, 3, *half)))
        if max(half) <= SMALL:
            whole = stored(0, half[0])
            filled.write(0, _tensor(fill(whole[:3], whole[3:])))
        else:
            around = self._fill_from(half, stored)
            for top in range(0, half[0], _ROWS):
                rows = stored(top, min(top + _ROWS, half[0]))
                filled.write(top, _tensor(self._covered(rows, around, half, top)))
            if around is not None:
                around.close()
        level.close()
        return filled

    def _covered(
        self, weighted: Array, around: RowStore | None, size: tuple[int, int], top: int
    ) -> Array:
        """Rows of a level, from ``top`` on, filled from the level below."""
        weight = weighted[3:]
        color: Array = weighted[:3] / weight.clip(1e-12)
        if around is None:
            single: Array = np.where(weight > 0, color, np.float32(0.5))
            return single
        trust = (weight / np.float32(TRUSTED_OPACITY)).clip(max=1)
        if (trust == 1).all():
            return color
        height, width = size
        rows, coarse = weighted.shape[1], -(-height // 2)
        scale = coarse / height
        # Pillow looks at rows as far as one beyond those that it enlarges.
        first = max(0, int(top * scale) - 2)
        last = min(coarse, int((top + rows) * scale) + 3)
        box = (0, top * scale - first, -(-width // 2), (top + rows) * scale - first)
        seen = _array(around.read(first, last))
        background = np.stack(
            [
                np.asarray(
                    Image.fromarray(np.ascontiguousarray(plane)).resize(
                        (width, rows), Image.Resampling.BILINEAR, box=box
                    )
                )
                for plane in seen
            ]
        )
        filled: Array = background + trust * (color - background)
        return filled


def _halve(plane: Array) -> Array:
    # Of a cell that crosses the border, Pillow averages the part inside.
    half: Array = np.asarray(Image.fromarray(np.ascontiguousarray(plane)).reduce(2))
    return half


def _tensor(planes: Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(planes))[None]


def _array(rows: torch.Tensor) -> Array:
    array: Array = np.ascontiguousarray(rows[0].numpy())
    return array
