"""Measures of strokes: how large they are, and whether neighbors run in one direction."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.evaluation.artefacts import HOP, WINDOW

PERIODS = (2.0, 32.0)  # px; longer ones do not fit twice into a window
NEIGHBORHOOD = 16  # px, side of the squares within which strokes should run in one direction
AVERAGED = 8  # px, side of the squares whose means say whether a part of a painting is calm
CALM_SHARE = 0.25  # share of the style's windows that count as calm
FAINT = 1 / 255  # standard deviation; weaker strokes than this are none


def color_windows(rgb: Tensor) -> Tensor:
    """Overlapping windows, (K, 3, 64, 64), of (1, 3, H, W); K is 0 if that is smaller.

    They lie where those of :func:`fast_nst.evaluation.artefacts.windows` do, in the same order.
    """
    if min(rgb.shape[-2:]) < WINDOW:
        return rgb.new_zeros(0, 3, WINDOW, WINDOW)
    cut = rgb.unfold(2, WINDOW, HOP).unfold(3, WINDOW, HOP)[0]
    return cut.permute(1, 2, 0, 3, 4).flatten(0, 1)


def calm_windows(style: Tensor) -> Tensor:
    """Indices of the quarter of the style's windows where there are strokes rather than outlines.

    These are the windows with the smallest gradients once strokes are averaged away, over squares
    of 8 px. In a style, unlike in a photo, nothing else tells strokes from the edges of objects.

    Args:
        style: (1, 3, H, W) in [0, 1].
    """
    cut = color_windows(style)
    if not len(cut):
        return torch.zeros(0, dtype=torch.long, device=style.device)
    means = F.avg_pool2d(cut, AVERAGED)
    edges = means.diff(dim=2).square().mean((1, 2, 3)) + means.diff(dim=3).square().mean((1, 2, 3))
    return edges.argsort()[: math.ceil(len(cut) * CALM_SHARE)]


def stroke_size(cut: Tensor) -> float:
    """The typical period of a pattern: a stroke and the gap to the next one.

    Args:
        cut: (K, 3, 64, 64), windows in [0, 1].

    Returns:
        px, from 2 to 32: the geometric mean of the periods in that band, each weighted by its
        power, summed over colors and windows. In paintings every octave holds about as much power,
        so an arithmetic mean would be that of the largest or the finest alone. Exact for stripes;
        twice as much for an image at twice the size, as far as the band goes; unchanged when
        colors are inverted or channels permuted. NaN if there are no windows, or all are flat.
    """
    if _is_flat(cut):
        return math.nan
    hann = torch.hann_window(WINDOW, periodic=True, device=cut.device)
    mask = hann[:, None] * hann
    centered = cut - (cut * mask).sum((2, 3), keepdim=True) / mask.sum()
    power = torch.fft.fft2(centered * mask).abs().square().sum((0, 1))
    frequency = torch.fft.fftfreq(WINDOW, device=cut.device)
    radius = torch.hypot(frequency[:, None], frequency[None, :])
    band = (radius >= 1 / PERIODS[1]) & (radius <= 1 / PERIODS[0])
    weights, logs = power[band], radius[band].log()
    return math.exp(-float((weights * logs).sum() / weights.sum()))


def stroke_coherence(cut: Tensor) -> float:
    """Whether strokes that lie side by side run in one direction.

    Args:
        cut: (K, 3, 64, 64), windows in [0, 1].

    Returns:
        In [0, 1]: (a - b) / (a + b) for the eigenvalues a >= b of the structure tensor, summed over
        colors and over squares of 16 px, each counted by its energy. 1 for stripes, 0.06 for noise.
        Unchanged when an image is turned by 90 degrees, its colors are inverted, or channels
        permuted. NaN if there are no windows, or all are flat.

    References:
        Bigün and Granlund 1987, "Optimal Orientation Detection of Linear Symmetry", for the tensor;
        Di Zenzo 1986, "A Note on the Gradient of a Multi-Image", for its sum over colors.
    """
    if _is_flat(cut):
        return math.nan
    kernel = cut.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    gradients = F.conv2d(cut.flatten(0, 1)[:, None], torch.stack([kernel, kernel.mT])[:, None])
    margin = gradients.shape[-1] % NEIGHBORHOOD // 2  # so that whole squares remain
    inner = gradients[..., margin:-margin, margin:-margin]
    x, y = torch.unflatten(inner, 0, (-1, 3)).unbind(2)  # (K, 3, 48, 48) each
    xx, yy, xy = (
        F.avg_pool2d(product.sum(1, keepdim=True), NEIGHBORHOOD)
        for product in (x * x, y * y, x * y)
    )
    return float(((xx - yy).square() + 4 * xy.square()).sqrt().sum() / (xx + yy).sum())


def _is_flat(cut: Tensor) -> bool:
    return not len(cut) or float(cut.var((2, 3)).mean()) < FAINT**2
