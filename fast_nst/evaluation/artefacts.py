"""Artefacts of filters, as figures: grids, hatching, frames, edges that moved."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from skimage.filters import sobel
from skimage.metrics import structural_similarity
from torch import Tensor

from fast_nst.losses.functional import BAND, border_strips

WINDOW = 64  # px, side of the squares whose spectra are taken
HOP = 16  # px between them
PART = 32  # px, side of the parts of a window whose spectra are averaged
FLAT_SHARE = 0.1  # of the windows: those where the content has the least gradient
# A pattern weaker than half a step of 8 bits is rounded away.
VISIBLE = 0.5 / 255
RING = (3, 7)  # bins: how far the surroundings of a frequency reach
PERIODS = (2.5, 12.0)  # px, of the patterns that count as hatching
TILE = 16  # px along the side, the length whose statistics are compared
BORDER_CROP = 32  # px; a multiple of every network's stride


def luminance(rgb: Tensor) -> Tensor:
    """Luma of (B, 3, H, W) sRGB in [0, 1]: (B, 1, H, W), by Rec. 709's weights."""
    return (rgb * rgb.new_tensor([0.2126, 0.7152, 0.0722]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def windows(rgb: Tensor) -> Tensor:
    """Cut the luminance of one image, (1, 3, H, W), into (K, 64, 64); K is 0 if it is smaller."""
    height, width = rgb.shape[-2:]
    if min(height, width) < WINDOW:
        return rgb.new_zeros(0, WINDOW, WINDOW)
    cut = luminance(rgb).unfold(2, WINDOW, HOP).unfold(3, WINDOW, HOP)
    return cut.reshape(-1, WINDOW, WINDOW)


def flat_windows(content: Tensor) -> Tensor:
    """Indices, into what :func:`windows` gives, of the flattest tenth of the content's windows."""
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
        (F,): for each frequency (i/period, j/period) but 0, and not its mirror image, the
        logarithm of its power over that of its surroundings, whose logarithms are averaged: that
        leaves 0 for noise and for the spectra of photographs, which fall as a power of the
        frequency (log|f| is a harmonic function, so its mean on a ring is its value at the
        center). To both, the power of a sinusoid that 8 bits just hold is added: what cannot be
        seen does not count. (0, F) without windows.
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
    """One figure of :func:`grid_excess`, (N, F) for N photos: 1 or little more without a grid.

    The geometric mean over photos, so that one odd photo does not decide; then the mean over
    frequencies, so that a grid in one direction alone still shows. A gap in the spectrum at one
    frequency does not make up for a peak at another. NaN without photos.
    """
    return float(excess.mean(0).clamp_min(0).exp().mean()) if excess.numel() else float("nan")


def pattern_peak(cut: Tensor) -> Tensor:
    """How far the strongest pattern of 2.5 to 12 px stands out of each window's own spectrum.

    Args:
        cut: (K, 64, 64), luminance.

    Returns:
        (K,): the largest ratio of the power at a frequency to a power law fitted to all
        frequencies of the band; power is averaged over parts of 32 px. Small for noise and
        paintings, large for a hatching, wherever its lines lie; docs/evaluate.md has numbers.
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


def border_shift(cropped: Tensor, whole: Tensor) -> Tensor:
    """How much the outermost 8 px change because they are outermost.

    A frame is a change that a whole side has in common. So the photo is stylized twice: once with
    ``BORDER_CROP`` px cut off before, and once with them cut off afterwards; the two show the same
    pixels, but only the first has its border there.

    Args:
        cropped: (1, 3, H, W) in [0, 1]: stylized after :func:`crop`.
        whole: the same place, stylized before it.

    Returns:
        (2,): of the mean colors, and of the luminance's contrast (its logarithm), the squared
        shift of each side's outermost 8 px against what lies 16 to 32 px further in, over the
        squared differences between these two bands that ``whole`` has there anyway: 0 for equal
        images, and on average (it is freed of bias, and may be negative) for a border that only
        looks different at random. Statistics are those of tiles of 8 x 16 px along the sides; the
        corners belong to none. (0, 2) for an image too small to have these bands.
    """
    if min(cropped.shape[-2:]) < 2 * 4 * BAND + 2 * TILE:
        return cropped.new_zeros(0, 2)
    shift, natural = cropped.new_zeros(4), cropped.new_zeros(4)
    for one, other in zip(_sides(cropped), _sides(whole), strict=True):
        difference = one - other
        shift += difference.mean(1).square() - difference.var(1) / difference.shape[1]
        natural += other.square().mean(1)
    natural = natural.clamp_min(VISIBLE**2)
    return torch.stack([shift[:3].sum() / natural[:3].sum(), shift[3] / natural[3]])


def border_figure(shifts: Tensor) -> float:
    """One figure of :func:`border_shift`, (N, 2) for N photos: 1 without a frame, as for content.

    The differences at the border, with the frame's over without: of the medians over photos, the
    larger of color and contrast. NaN without photos.
    """
    return float(1 + shifts.median(0).values.amax()) if shifts.numel() else float("nan")


def structure_kept(content: Tensor, stylized: Tensor) -> float:
    """SSIM of the luminance's edges (Sobel magnitude), of two (1, 3, H, W); 1 for equal edges.

    Returns NaN for images smaller than SSIM's window of 7 px.
    """
    magnitude: Any = sobel  # scikit-image is only half typed
    edges = [magnitude(luminance(each)[0, 0].cpu().numpy()) for each in (content, stylized)]
    if min(edges[0].shape) < 7:
        return float("nan")
    similarity: Any = structural_similarity
    return float(similarity(*edges, data_range=1.0))


def _spectra(cut: Tensor) -> Tensor:
    """Power spectra of (K, N, N), Hann-windowed; white noise of variance v gives v."""
    hann = torch.hann_window(cut.shape[-1], periodic=True, device=cut.device)
    mask = hann[:, None] * hann
    centered = cut - (cut * mask).sum((1, 2), keepdim=True) / mask.sum()
    spectrum: Tensor = torch.fft.fft2(centered * mask).abs().square() / mask.square().sum()
    return spectrum


def _sinusoid_power(amplitude: float, side: int) -> float:
    """What :func:`_spectra` gives at the frequency of a sinusoid: (A/2 sum w)^2 / sum w^2."""
    return amplitude**2 * side**2 / 9


def _ring(inner: int, outer: int) -> Tensor:
    steps = torch.arange(-outer, outer + 1)
    radius = (steps[:, None] ** 2 + steps**2).sqrt()
    return ((radius >= inner) & (radius <= outer)).nonzero() - outer


def _stride_frequencies(period: int) -> list[tuple[int, int]]:
    every = [(i, j) for i in range(period) for j in range(period) if (i, j) != (0, 0)]
    return [(i, j) for i, j in every if (i, j) <= (-i % period, -j % period)]


def _sides(rgb: Tensor) -> list[Tensor]:
    """For each side, statistics of its outermost band less those 16 to 32 px further in."""
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
