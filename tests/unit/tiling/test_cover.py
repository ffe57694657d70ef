"""Hidden colors are covered in strips as they are in the whole image."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from fast_nst.image.transparency import cover_hidden_colors
from fast_nst.tiling import cover


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (63, 65), (130, 97), (201, 340)])
@pytest.mark.parametrize("small", [512, 8])
@pytest.mark.parametrize("kind", ["noise", "hole", "clear"])
def test_strips_are_covered_as_the_whole(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], small: int, kind: str
) -> None:
    monkeypatch.setattr(cover, "SMALL", small)
    draw = np.random.default_rng(0)
    rgb = draw.random((3, *size), np.float32)
    alpha = draw.random((1, *size), np.float32) * (draw.random((1, *size)) > 0.7)
    alpha = alpha.astype(np.float32)
    if kind == "hole":
        alpha[:] = 1
        alpha[:, size[0] // 4 : 3 * size[0] // 4 + 1, size[1] // 3 :] = 0
    elif kind == "clear":
        alpha[:] = 0
    whole = cover_hidden_colors(rgb, alpha)
    with closing(cover.CoveredRows(lambda a, b: (rgb[:, a:b], alpha[:, a:b]), size)) as covered:
        strips = [covered.rows(top, min(top + 64, size[0])) for top in range(0, size[0], 64)]
    np.testing.assert_allclose(np.concatenate(strips, axis=1), whole, atol=2e-5)
