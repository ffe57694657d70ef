"""A filter whose images stand still where the scene does, and move with it elsewhere."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.apps.video.filtering import FrameFilter
from fast_nst.apps.video.formats import USUAL_STEADY
from fast_nst.apps.video.motion import Past, Tracker
from fast_nst.errors import VideoError
from fast_nst.networks.guided import GuidedNetwork, choose_guides
from fast_nst.networks.norm import Statistics, choose_statistics, measure

PART = 32  # px: parts of images whose contrast is kept
OCTAVES = 3  # whose contrast is kept each by itself; what is coarser, together
CERTAIN = 0.1  # of the past known: from here on, contrast is kept wholly
LOWER, RAISE = 0.99, 1.1  # what contrast is multiplied by in a frame, at least and at most
MIN_VARIANCE = (0.5 / 255) ** 2  # less cannot be seen


class Steady:
    """Makes a filter steadier, for one clip; create another for the next.

    Two things are carried from frame to frame. The statistics of the network's instance norms, so
    that what comes into the image does not repaint all of it. And the last image: it is moved
    as the scene moved and blended into the new one, except where the scene is new.

    Of a network that changes light and color only (``GuidedNetwork``), what it predicts from the
    whole image is carried instead of both: its images have no strokes that could flicker.

    Args:
        filter_: repaints single frames. Statistics are carried of the network that is its attribute
            ``network``; without one, or without norms in it, as in ONNX models, only images are.
        steady: share of the past in what stays in sight, 0 to 1.

    Raises:
        VideoError: If ``steady`` is out of range.
        ConfigError: If OpenCV is not installed.

    References:
        motion-compensated blending as in Ruder et al. 2016, sec. 4.1 and 4.2, where the moved image
        is what the next optimization begins with, and is trusted where flow is consistent.
    """

    def __init__(self, filter_: FrameFilter, steady: float = USUAL_STEADY) -> None:
        if not 0 <= steady <= 1:
            raise VideoError(f"steady is {steady:g}; expected 0 (off) to 1.")
        self._filter = filter_
        self._steady = steady
        self._network: nn.Module | None = getattr(filter_, "network", None)
        self._tracker = Tracker()
        self._statistics: dict[str, Statistics] = {}
        self._last: Tensor | None = None
        self._guides: dict[str, Tensor] = {}

    @property
    def device(self) -> torch.device:
        """The device that frames must be on."""
        return self._filter.device

    def __call__(self, frame: Tensor, /) -> Tensor:
        """Repaint (3, H, W), which comes after the one before."""
        past = self._tracker.follow(frame)
        stylized = self._stylize(frame, self._steady * (past.share if past else 0.0))
        known = None
        if isinstance(self._network, GuidedNetwork):
            self._tracker.keep(0.0, None)
            return stylized
        if past is not None and self._last is not None:
            last, known = carry(self._last, past)
            blended = torch.lerp(stylized, last, self._steady * known)
            # Where nothing is known, what lacks contrast around it is no concern.
            kept = (known / CERTAIN).clamp(0, 1)
            stylized = torch.lerp(blended, keep_contrast(blended, stylized), kept)
        self._tracker.keep(self._steady, known)
        self._last = stylized
        return stylized

    def _stylize(self, frame: Tensor, share: float) -> Tensor:
        """Repaint with statistics of which a share is the past's."""

        def choose(name: str, x: Tensor) -> Statistics:
            found = measure(x)
            if share and (before := self._statistics.get(name)):
                found = Statistics(
                    torch.lerp(found.mean, before.mean, share),
                    torch.lerp(found.var, before.var, share),
                )
            self._statistics[name] = found
            return found

        def choose_guide(name: str, guide: Tensor) -> Tensor:
            if share and (before := self._guides.get(name)) is not None:
                guide = torch.lerp(guide, before, share)
            self._guides[name] = guide
            return guide

        if self._network is None:
            return self._filter(frame)
        network = self._network
        with choose_statistics(network, choose), choose_guides(network, choose_guide):
            return self._filter(frame)


def steadied(filter_: FrameFilter, steady: float) -> FrameFilter:
    """The filter made steadier, or as it is for 0; raises as :class:`Steady` does."""
    return filter_ if steady == 0 else Steady(filter_, steady)


def carry(last: Tensor, past: Past) -> tuple[Tensor, Tensor]:
    """Move the last image to where its parts are now.

    Args:
        last: (3, H, W).
        past: where they were.

    Returns:
        The same shape; and (1, H, W), how much each pixel of it is worth.
    """
    if past.flow is None:
        return last, past.known
    height, width = last.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=last.device),
        torch.arange(width, device=last.device),
        indexing="ij",
    )
    x, y = x + past.flow[0], y + past.flow[1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    # Bicubic, since an image that moves is resampled again and again; the cubic kernel overshoots.
    moved = F.grid_sample(
        last[None], grid[None], mode="bicubic", padding_mode="border", align_corners=False
    )[0].clamp(0, 1)
    return moved, past.known * inside


def keep_contrast(blended: Tensor, stylized: Tensor) -> Tensor:
    """Give the mean of two images the contrast that one of them has, band by band, part by part.

    Strokes that lie elsewhere in each frame cancel out in the mean, and those that are resampled
    again and again fade, the finest ones first. Each octave of a Laplacian pyramid gets the target
    variance in every part of the image: it is raised a little, and what it then still lacks is
    added from the stylized image. (Raising alone would in time make a maze of old strokes.
    Octaves leak into each other; lowering by a hundredth keeps that from adding up.)

    Args:
        blended: (3, H, W).
        stylized: (3, H, W), whose contrast the result takes.

    References:
        matching the bands of a pyramid, Heeger and Bergen 1995, sec. 3.2 (their histograms; here
        the variance, and locally); variance-preserving blending, Heitz and Neyret 2018, sec. 3.
    """
    both, part, bands = torch.stack([blended, stylized]), PART, []
    for _ in range(OCTAVES):
        low = F.avg_pool2d(both, 2, ceil_mode=True, count_include_pad=False)
        bands.append(_matched(both - _enlarge(low, both), part))
        both, part = low, part // 2
    low = F.avg_pool2d(both, part + 1, 1, part // 2, count_include_pad=False)
    result = low[:1] + _matched(both - low, part)
    for band in reversed(bands):
        result = _enlarge(result, band) + band
    return result[0].clamp(0, 1)


def _matched(band: Tensor, part: int) -> Tensor:
    """The first of (2, 3, H, W) with the second's variance, part by part."""
    blended, stylized = band[:1], band[1:]
    step = max(1, part // 4)

    def around(values: Tensor) -> Tensor:
        cells = F.avg_pool2d(
            values.sum(1, keepdim=True), step, ceil_mode=True, count_include_pad=False
        )
        return F.avg_pool2d(cells, 5, 1, 2, count_include_pad=False)

    has, common, target = (
        around(values) for values in (blended.square(), blended * stylized, stylized.square())
    )
    has, target = has + MIN_VARIANCE, target + MIN_VARIANCE
    gain = (target / has).sqrt().clamp(LOWER, RAISE)
    has, common = gain.square() * has, (gain * common).clamp_min(0)
    # The variance of blended + share * stylized is has + 2 share common + share^2 target.
    missing = (target - has).clamp_min(0)
    share = ((common.square() + target * missing).sqrt() - common) / target
    return _enlarge(gain, band) * blended + _enlarge(share, band) * stylized


def _enlarge(small: Tensor, like: Tensor) -> Tensor:
    """To another's height and width."""
    return F.interpolate(small, size=like.shape[-2:], mode="bilinear", align_corners=False)
