"""Tones that keep their own hue and saturation: skin, and grays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fast_nst.photo.oklab import Floats

# Of Oklab's chroma: below the first, a color is neutral, above the second, it is not.
_NEUTRAL = (0.02, 0.06)
# Of Oklab's hue, degrees: outside of the outer ones no skin, within the inner ones fully. And the
# same of chroma, and of lightness.
_SKIN_HUE = (15, 35, 75, 90)
_SKIN_CHROMA = (0.02, 0.04, 0.13, 0.18)
_SKIN_LIGHTNESS = (0.25, 0.4, 0.93, 0.99)


def protected(colors: Floats, moved: Floats, names: Sequence[str]) -> Floats:
    """Give protected colors their own hue and saturation back; lightness stays the look's.

    Args:
        colors: (N, 3), of the photo: lightness, a and b.
        moved: (N, 3), what a look makes of them.
        names: of ``fast_nst.photo.options.PROTECTED``.

    Returns:
        (N, 3).
    """
    share = np.zeros(len(colors))
    if "skin" in names:
        share = np.maximum(share, skin_share(colors))
    if "neutrals" in names:
        share = np.maximum(share, neutral_share(colors))
    own = moved.copy()
    # As saturated as it was: a and b are proportional to lightness.
    own[:, 1:] = colors[:, 1:] * (moved[:, 0] / np.maximum(colors[:, 0], 1e-6))[:, None]
    return moved + share[:, None] * (own - moved)


def neutral_share(colors: Floats) -> Floats:
    """How neutral (N, 3) colors are, 0 to 1."""
    chroma = np.hypot(colors[:, 1], colors[:, 2])
    return 1 - _smooth((chroma - _NEUTRAL[0]) / (_NEUTRAL[1] - _NEUTRAL[0]))


def skin_share(colors: Floats) -> Floats:
    """How much (N, 3) colors may be skin, of any complexion, 0 to 1."""
    hue = np.degrees(np.arctan2(colors[:, 2], colors[:, 1]))
    chroma = np.hypot(colors[:, 1], colors[:, 2])
    return (
        _within(hue, _SKIN_HUE)
        * _within(chroma, _SKIN_CHROMA)
        * _within(colors[:, 0], _SKIN_LIGHTNESS)
    )


def _within(values: Floats, edges: tuple[float, float, float, float]) -> Floats:
    """1 between the inner edges, 0 outside of the outer ones."""
    rise = (values - edges[0]) / (edges[1] - edges[0])
    fall = (edges[3] - values) / (edges[3] - edges[2])
    return _smooth(np.minimum(rise, fall))


def _smooth(share: Floats) -> Floats:
    inside = np.clip(share, 0, 1)
    return np.asarray(inside * inside * (3 - 2 * inside))
