"""Two classic methods that looks are compared with; they take (H, W, 3) in [0, 1]."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def match_histograms(photo: Array, reference: Array) -> Array:
    """Match the histogram of each channel of sRGB, as scikit-image does."""
    from skimage import exposure

    matched: Array = exposure.match_histograms(photo, reference, channel_axis=-1)
    return matched.astype(np.float32).clip(0, 1)


def match_moments(photo: Array, reference: Array) -> Array:
    """Match mean and standard deviation of each channel of CIE Lab.

    References:
        Reinhard et al. 2001, "Color transfer between images"; there the space is Ruderman's.
    """
    from skimage import color

    own, wanted = color.rgb2lab(photo), color.rgb2lab(reference)
    spread = np.maximum(own.std((0, 1)), 1e-6)
    moved = (own - own.mean((0, 1))) / spread * wanted.std((0, 1)) + wanted.mean((0, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of colors that sRGB does not have, which are clipped
        matched: Array = color.lab2rgb(moved).astype(np.float32).clip(0, 1)
    return matched


CLASSICS: Mapping[str, Callable[[Array, Array], Array]] = {
    "histogram matching": match_histograms,
    "Reinhard": match_moments,
}
