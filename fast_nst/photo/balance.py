"""Weigh the parts of a reference by how much of their like is in the photo.

Optimal transport moves all of the photo to all of the reference: a photo that is mostly sky would
have a meadow's green in its sky, because the reference is mostly meadow. So what the photo has more
of counts more in the reference.
"""

from __future__ import annotations

import numpy as np

from fast_nst.photo.oklab import Floats

MOST = 4.0  # what parts are multiplied with at most, and divided by
_COUNT = 1200  # points that densities are measured with
_SCALE = np.array([1.0, 12.0, 12.0, 3.0])  # of lightness in standard deviations, a, b, and place
_WIDTH = 0.8  # of the kernel, in these units


def weigh(photo: Floats, reference: Floats) -> Floats:
    """Weights of the points of a reference.

    Args:
        photo: (N, 4): lightness, a, b and place from the top, as ``fitting.Measured`` has them.
        reference: (M, 4), likewise.

    Returns:
        (M,), positive: the ratio of the two densities at each point, within ``MOST``. Lightness is
        compared as it is within its image, as that of a whole image is what a look changes.

    References:
        the importance weights of covariate shift, Shimodaira 2000, by kernel densities.
    """
    rng = np.random.default_rng(0)
    own, wanted = _features(photo), _features(reference)
    own = own[rng.integers(0, len(own), _COUNT)]
    some = wanted[rng.integers(0, len(wanted), _COUNT)]
    ratio = _density(some, own) / np.maximum(_density(some, some), 1e-12)
    clipped = np.clip(ratio, 1 / MOST, MOST)
    weights = np.empty(len(wanted))
    for start in range(0, len(wanted), 4096):
        part = wanted[start : start + 4096]
        kernel = _kernel(part, some)
        total = kernel.sum(1)
        weights[start : start + 4096] = (kernel @ clipped + 1e-9) / (total + 1e-9)
    return weights


def _features(points: Floats) -> Floats:
    scaled = points * _SCALE
    lightness = points[:, 0]
    scaled[:, 0] = (lightness - lightness.mean()) / max(float(lightness.std()), 1e-3)
    return np.asarray(scaled)


def _density(at: Floats, points: Floats) -> Floats:
    return np.asarray(_kernel(at, points).mean(1))


def _kernel(first: Floats, second: Floats) -> Floats:
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    # Half as long as in double precision.
    return np.asarray(np.exp((squares * (-0.5 / _WIDTH**2)).astype(np.float32)))
