from __future__ import annotations

import numpy as np
import pytest

from fast_nst.apps.video.orientation import Orientation, orientation_of

ONE = 1 << 16
STORED = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def shown(a: int, b: int, c: int, d: int) -> np.ndarray:
    """Move every stored pixel to where the matrix says, as ISO/IEC 14496-12 defines it."""
    height, width = STORED.shape[:2]
    placed = {
        (a * p + c * q, b * p + d * q): STORED[q, p] for p in range(width) for q in range(height)
    }
    left, top = min(x for x, _ in placed), min(y for _, y in placed)
    size = (max(y for _, y in placed) - top + 1, max(x for x, _ in placed) - left + 1)
    image = np.zeros((*size, 3), np.uint8)
    for (x, y), pixel in placed.items():
        image[y - top, x - left] = pixel
    return image


@pytest.mark.parametrize(
    "matrix",
    [
        *((1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1)),
        *((0, 1, 1, 0), (0, 1, -1, 0), (0, -1, 1, 0), (0, -1, -1, 0)),
    ],
    ids=str,
)
def test_all_eight_ways_to_lie_are_turned_upright(matrix: tuple[int, int, int, int]) -> None:
    a, b, c, d = matrix
    data = np.array([a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30], np.int32).tobytes()
    orientation = orientation_of({"DISPLAYMATRIX": data})
    np.testing.assert_array_equal(orientation.upright(STORED), shown(*matrix))


def test_without_a_matrix_nothing_is_turned() -> None:
    assert orientation_of({}) == Orientation()
    np.testing.assert_array_equal(Orientation().upright(STORED), STORED)
