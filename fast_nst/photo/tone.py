"""The curve of lightness: that of the reference, as far as edges keep their relative strength."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fast_nst.photo.oklab import Floats

SLOPES = np.geomspace(0.2, 2.5, 15)  # middle ones that are tried
SEGMENTS = 32
KNEE = 0.04  # where values near black and white begin to be compressed instead of clipped
_QUANTILES = 256
_INSIDE = (0.01, 0.99)  # quantiles of the photo that must stay between black and white


@dataclass(frozen=True, eq=False)
class Curve:
    """A rising curve, linear between equally distant points from 0 to 1.

    Attributes:
        values: at the points.
        slope: the middle one.
    """

    values: Floats
    slope: float

    def __call__(self, gray: Floats) -> Floats:
        """Its values, for grays in [0, 1] of any shape; they may leave [0, 1] a little."""
        points = np.linspace(0, 1, len(self.values))
        return np.interp(gray, points, self.values)


def fit_curve(photo: Floats, reference: Floats, bend: float = 1.25) -> Curve:
    """Fit a curve that gives grays the distribution of other ones.

    Optimal transport in one dimension is the match of quantiles. It may be steep here and flat
    there, which makes edges where none were and takes others away. So slopes stay within a factor
    of a middle one, for which several values are tried, and the curve takes black and white apart
    no further than there is room. The closest of these curves is taken.

    Args:
        photo: grays in [0, 1], of any shape.
        reference: likewise.
        bend: the factor, 1 or more; with 1 the curve is straight.
    """
    shares = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    own, wanted = np.quantile(photo, shares), np.quantile(reference, shares)
    points = np.linspace(0, 1, SEGMENTS + 1)
    low, high = np.quantile(photo, _INSIDE)
    steep = _slopes(own, wanted, points)
    best: tuple[float, Curve] | None = None
    for middle in SLOPES:
        slopes = np.clip(steep, middle / bend, middle * bend)
        values = np.concatenate([[0.0], np.cumsum(slopes) / SEGMENTS])
        offset = float(np.mean(wanted - np.interp(own, points, values)))
        first, last = np.interp([low, high], points, values)
        if last - first > 1:
            continue
        values = values + min(max(offset, -first), 1 - last)
        error = float(np.mean((np.interp(own, points, values) - wanted) ** 2))
        if best is None or error < best[0]:
            best = error, Curve(values, float(middle))
    assert best is not None  # the flattest always has room
    return best[1]


def compress_ends(gray: Floats) -> Floats:
    """Bend values beyond [0, 1] into it; in the middle, nothing changes, and order stays."""
    dark = KNEE * np.exp(np.minimum(gray - KNEE, 0) / KNEE)
    bright = 1 - KNEE * np.exp(np.minimum(1 - KNEE - gray, 0) / KNEE)
    return np.where(gray < KNEE, dark, np.where(gray > 1 - KNEE, bright, gray))


def _slopes(own: Floats, wanted: Floats, points: Floats) -> Floats:
    """Slopes of the match of quantiles, one for each segment, smoothed; outside, of its ends."""
    width = points[1] - points[0]
    middle = (points[1:] + points[:-1]) / 2
    distance = (own[None] - middle[:, None]) / (2 * width)
    weight = np.exp(-0.5 * distance**2) + 1e-9
    # Lines fitted around each segment.
    total = weight.sum(1)
    x = (weight * own).sum(1) / total
    y = (weight * wanted).sum(1) / total
    across = (weight * (own[None] - x[:, None]) ** 2).sum(1) + 1e-9
    rise = (weight * (own[None] - x[:, None]) * (wanted[None] - y[:, None])).sum(1)
    return np.asarray(rise / across)
