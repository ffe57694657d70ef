"""How similar the edges of two gray images are, quickly: what curves are chosen by."""

from __future__ import annotations

import numpy as np

from fast_nst.photo.oklab import Floats

_WINDOW = 7  # px
_STRONG = 99  # percentile of edges that counts as a full edge
_STABLE = (0.01**2, 0.03**2)  # SSIM's constants, for values in [0, 1]


def edge_similarity(first: Floats, second: Floats) -> float:
    """SSIM of the edge maps of two (H, W) images, each relative to its own strong edges.

    It is ``figures.structure`` with a window of equal weights, and without scikit-image, which
    takes longer to load than a fit does. 1 for images too small to have a window.
    """
    if min(first.shape) < _WINDOW + 2:
        return 1.0
    one, other = _edges(first), _edges(second)
    means = _windows(one), _windows(other)
    variances = [
        _windows(each * each) - mean * mean for each, mean in zip((one, other), means, strict=True)
    ]
    shared = _windows(one * other) - means[0] * means[1]
    top = (2 * means[0] * means[1] + _STABLE[0]) * (2 * shared + _STABLE[1])
    below = means[0] ** 2 + means[1] ** 2 + _STABLE[0], sum(variances) + _STABLE[1]
    return float((top / (below[0] * below[1])).mean())


def _edges(gray: Floats) -> Floats:
    """Sobel's magnitude, by the 99th percentile, at most 1."""
    across = gray[:, 2:] - gray[:, :-2]
    down = gray[2:] - gray[:-2]
    across = across[:-2] + 2 * across[1:-1] + across[2:]
    down = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    strength = np.hypot(across, down)
    full = max(float(np.percentile(strength, _STRONG)), 1e-6)
    return np.asarray(np.minimum(strength / full, 1))


def _windows(values: Floats) -> Floats:
    """Means over windows, by running sums."""
    for axis in (0, 1):
        sums = np.cumsum(values, axis)
        sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis)
        count = sums.shape[axis]
        values = sums.take(range(_WINDOW, count), axis) - sums.take(range(count - _WINDOW), axis)
    return np.asarray(values / _WINDOW**2)
