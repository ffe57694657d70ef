"""Measures of filters' artefacts: grids, hatching, borders in another color, lost edges."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from skimage.filters import sobel
from skimage.metrics import structural_similarity
from torch import Tensor

from fast_nst.losses.functional import BAND, border_strips

WINDOW = 64  # px, side of the square windows whose spectra are computed
HOP = 16  # px from one window to the next
PART = 32  # px, side of the parts of a window whose spectra are averaged
FLAT_SHARE = 0.1  # share of the windows that count as flat: those with the smallest gradients
# Amplitude: rounding to 8 bits removes a pattern weaker than half a step.
VISIBLE = 0.5 / 255
RING = (3, 7)  # frequency bins: inner and outer radius of the surroundings of a frequency
PERIODS = (2.5, 12.0)  # px, shortest and longest period of the patterns that count as hatching
TILE = 16  # px along the border, the length of the tiles whose statistics are compared
BORDER_CROP = 32  # px; a multiple of every network's stride


def luminance(rgb: Tensor) -> Tensor:
    """Luma of (B, 3, H, W) sRGB in [0, 1]: (B, 1, H, W), with the weights of Rec. 709."""
    return (rgb * rgb.new_tensor([0.2126, 0.7152, 0.0722]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def windows(rgb: Tensor) -> Tensor:
    """Overlapping windows, (K, 64, 64), of the luma of (1, 3, H, W); K is 0 if that is smaller."""
    height, width = rgb.shape[-2:]
    if min(height, width) < WINDOW:
        return rgb.new_zeros(0, WINDOW, WINDOW)
    cut = luminance(rgb).unfold(2, WINDOW, HOP).unfold(3, WINDOW, HOP)
    return cut.reshape(-1, WINDOW, WINDOW)


def flat_windows(content: Tensor) -> Tensor:
    """Indices of the flattest tenth of the content's :func:`windows`."""
    cut = windows(content)
    if not len(cut):
        return torch.zeros(0, dtype=torch.long, device=content.device)
    roughness = cut.diff(dim=1).square().mean((1, 2)) + cut.diff(dim=2).square().mean((1, 2))
    return roughness.argsort()[: math.ceil(len(cut) * FLAT_SHARE)]


def grid_excess(cut: Tensor, period: int) -> Tensor:
    """How far patterns of exactly ``period`` px stand out of an image's spectrum.

    Args:
        cut: (K, 64, 64), luminance; the K spectra are averaged.
        period: px; the network's stride. 64 is a multiple of it.

    Returns:
        (F,): for each frequency (i/period, j/period), without 0 and without mirror images, the
        logarithm of its power minus the mean logarithm of the power on a ring around it. This is
        about 0 for noise, and for photographs, whose spectra fall as a power of the frequency
        (log|f| is a harmonic function, so its mean on a ring is its value at the center). The
        power of the weakest sinusoid that 8 bits can show is first added to all powers, so that
        invisible patterns do not count. (0, F) if there are no windows.
    """
    frequencies = _stride_frequencies(period)
    if not len(cut):
        return cut.new_zeros(0, len(frequencies))
    side = cut.shape[-1]
    logs = (_spectra(cut).mean(0) + _sinusoid_power(VISIBLE, side)).log()
    offsets = _ring(*RING)
    excess = []
    for i, j in frequencies:
        y, x = i * side // period, j * side // period
        around = logs[(offsets[:, 0] + y) % side, (offsets[:, 1] + x) % side].mean()
        excess.append(logs[y, x] - around)
    return torch.stack(excess)


def grid_figure(excess: Tensor) -> float:
    """Summarize :func:`grid_excess`, (N, F) for N photos: about 1 without a grid, more with one.

    The geometric mean over photos, so that no single photo dominates; then the arithmetic mean over
    frequencies, so that a grid in only one direction still counts. Values below 1 count as 1, so
    that a gap in the spectrum does not make up for a peak. NaN if there are no photos.
    """
    return float(excess.mean(0).clamp_min(0).exp().mean()) if excess.numel() else float("nan")


def pattern_peak(cut: Tensor) -> Tensor:
    """How far the strongest pattern of 2.5 to 12 px stands out of each window's own spectrum.

    Args:
        cut: (K, 64, 64), luminance.

    Returns:
        (K,): the largest ratio of the power at a frequency to a power law fitted to all
        frequencies of the band; power is averaged over parts of 32 px. Small for noise and
        paintings, large for hatching, at any phase of its lines; docs/evaluate.md has numbers.
    """
    if not len(cut):
        return cut.new_zeros(0)
    parts = cut.unfold(1, PART, HOP // 2).unfold(2, PART, HOP // 2)
    each = _spectra(parts.reshape(-1, PART, PART)).view(len(cut), -1, PART, PART)
    power = each.mean(1) + _sinusoid_power(VISIBLE, PART)
    frequency = torch.fft.fftfreq(PART, device=cut.device)
    y, x = frequency[:, None], frequency[None, :]
    radius = (y.square() + x.square()).sqrt()
    in_band = (radius <= 1 / PERIODS[0]) & (radius >= 1 / PERIODS[1])
    in_band &= (x > 0) | ((x == 0) & (y > 0))  # the other half is its mirror image
    logs, at = power[:, in_band].log(), radius[in_band].log()
    at = at - at.mean()
    level = logs.mean(1, keepdim=True)
    slope = (logs * at).sum(1, keepdim=True) / at.square().sum()
    peak: Tensor = (logs - level - slope * at).amax(1).exp()
    return peak


def crop(rgb: Tensor) -> Tensor:
    """Cut ``BORDER_CROP`` px off each side of (B, 3, H, W)."""
    return rgb[..., BORDER_CROP:-BORDER_CROP, BORDER_CROP:-BORDER_CROP]


def border_shift(crop_first: Tensor, crop_last: Tensor) -> Tensor:
    """How much the network changes the outermost 8 px because they are at the border.

    A border artefact is a change that a full side has in common. So the photo is stylized twice,
    with ``BORDER_CROP`` px cut off before and after: both results show the same part of the photo,
    but only the first was computed with the image border there.

    Args:
        crop_first: (1, 3, H, W) in [0, 1]: the photo after :func:`crop`, stylized.
        crop_last: the stylized photo, after :func:`crop`; the same shape and range.

    Returns:
        (2,), for the mean colors and for the log of the luma's contrast. Each is a ratio. Both
        parts of it compare the outermost 8 px of a side with the band 16 to 32 px further in. Above
        is the square of how far this difference shifts from ``crop_last`` to ``crop_first``, on
        average along a side, without the bias from random changes; below is the mean square of the
        difference in ``crop_last``. So it is 0 for equal images, and 0 on average (it may be
        negative) where the border only changes at random. Statistics are those of tiles of 8 x 16
        px along the sides, without the corners. (0, 2) for an image too small for these bands.
    """
    if min(crop_first.shape[-2:]) < 2 * 4 * BAND + 2 * TILE:
        return crop_first.new_zeros(0, 2)
    shift, natural = crop_first.new_zeros(4), crop_first.new_zeros(4)
    for one, other in zip(_sides(crop_first), _sides(crop_last), strict=True):
        difference = one - other
        shift += difference.mean(1).square() - difference.var(1) / difference.shape[1]
        natural += other.square().mean(1)
    natural = natural.clamp_min(VISIBLE**2)
    return torch.stack([shift[:3].sum() / natural[:3].sum(), shift[3] / natural[3]])


def border_figure(shifts: Tensor) -> float:
    """Summarize :func:`border_shift`, (N, 2) for N photos: 1 without a border artefact.

    1 plus the median over photos, for color or for contrast, whichever is larger: how many times as
    large the squared differences at the border are as without the artefact. NaN if there are no
    photos.
    """
    return float(1 + shifts.median(0).values.amax()) if shifts.numel() else float("nan")


def structure_kept(content: Tensor, stylized: Tensor) -> float:
    """SSIM of the Sobel edges of two images' luma, both (1, 3, H, W); 1 for equal edges.

    NaN for images smaller than SSIM's window of 7 px.
    """
    magnitude: Any = sobel  # scikit-image is only partly typed
    edges = [magnitude(luminance(each)[0, 0].cpu().numpy()) for each in (content, stylized)]
    if min(edges[0].shape) < 7:
        return float("nan")
    similarity: Any = structural_similarity
    return float(similarity(*edges, data_range=1.0))


def _spectra(cut: Tensor) -> Tensor:
    """Power spectra of (K, N, N), with a Hann window; white noise of variance v gives v."""
    hann = torch.hann_window(cut.shape[-1], periodic=True, device=cut.device)
    mask = hann[:, None] * hann
    centered = cut - (cut * mask).sum((1, 2), keepdim=True) / mask.sum()
    spectrum: Tensor = torch.fft.fft2(centered * mask).abs().square() / mask.square().sum()
    return spectrum


def _sinusoid_power(amplitude: float, side: int) -> float:
    """The value of :func:`_spectra` at a sinusoid's frequency: (A/2 sum w)^2 / sum w^2."""
    return amplitude**2 * side**2 / 9


def _ring(inner: int, outer: int) -> Tensor:
    steps = torch.arange(-outer, outer + 1)
    radius = (steps[:, None] ** 2 + steps**2).sqrt()
    return ((radius >= inner) & (radius <= outer)).nonzero() - outer


def _stride_frequencies(period: int) -> list[tuple[int, int]]:
    every = [(i, j) for i in range(period) for j in range(period) if (i, j) != (0, 0)]
    return [(i, j) for i, j in every if (i, j) <= (-i % period, -j % period)]


def _sides(rgb: Tensor) -> list[Tensor]:
    """For each side, statistics of its outermost band minus those 16 to 32 px further in."""
    sides = []
    for strip in border_strips(rgb):
        whole_tiles = strip[..., : strip.shape[3] // TILE * TILE]
        edge, *_, first, second = map(_tile_statistics, torch.split(whole_tiles, BAND, 2))
        sides.append(edge - (first + second) / 2)
    return sides


def _tile_statistics(band: Tensor) -> Tensor:
    """(1, 3, 8, L): means of R, G, B and log contrast of tiles of 8 x 16 px, (4, L / 16)."""
    means = F.avg_pool2d(band, (BAND, TILE))[0, :, 0]
    luma = luminance(band)
    mean = F.avg_pool2d(luma, (BAND, TILE))
    spread = (F.avg_pool2d(luma.square(), (BAND, TILE)) - mean.square()).clamp_min(0)
    return torch.cat([means, 0.5 * (spread + VISIBLE**2).log()[0, :, 0]])
