"""Which parts of a frame were in the last one, and where: fast optical flow, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.errors import ConfigError

Floats = npt.NDArray[np.float32]

SIDE = 400  # px, short side at which motion is looked for; smaller frames as they are
MIN_SIDE = 16  # px; in smaller frames, only what stands still is known
WINDOW = 5  # px there, over which differences are averaged
AROUND = 25  # px there, that must stand still around what does: a flat sky may move unseen
SAME = 0.5 / 255  # by how much less two explanations of a frame may differ
UNSEEN = 1.5 / 255  # differences that codecs and sensors make all the time
NOISIEST = 6 / 255  # what is taken for noise at most
SLACK = 0.6  # px there: by how much flow may be wrong
REACH = 49  # px there: strokes depend on what was that near, and are not to outlive it
DOUBT = 0.15  # by how much less is known there
CUT = 0.4  # share of a frame that must have been there before; less is another scene


@dataclass(frozen=True)
class Past:
    """Where the pixels of this frame were in the last one.

    Attributes:
        known: (1, H, W) in [0, 1]: how surely a pixel was there before; 0 is new.
        flow: (2, H, W): where it was, px to the right and down; None if all that is known stood
            still.
        share: of the frame, that was there before; 0 after a cut.
    """

    known: Tensor
    flow: Tensor | None
    share: float


class Tracker:
    """Follows a scene from frame to frame.

    Compares with what is still shown, not with the last frame: :meth:`keep` is told how much of
    the past stayed in each pixel, so that slow changes add up until they are seen.

    Raises:
        ConfigError: If OpenCV is not installed.
    """

    def __init__(self) -> None:
        try:
            import cv2
        except ImportError as error:
            raise ConfigError(
                "steady videos need OpenCV. Install video support: pip install 'fast-nst[video]', "
                "or choose --steady 0."
            ) from error
        self._cv2: Any = cv2
        self._dis = self._cv2.DISOpticalFlow_create(cv2.DISOpticalFlow_PRESET_MEDIUM)
        self._dis.setFinestScale(0)  # flow at full resolution: strokes are finer than the preset's
        self._gray: npt.NDArray[np.uint8] | None = None  # of the last frame
        self._shown: Floats | None = None  # (h, w, 3): the content that is still shown
        self._small: Floats | None = None  # this frame
        self._carried: Floats | None = None  # what is shown, moved to where it is now

    def follow(self, frame: Tensor) -> Past | None:
        """Look where the parts of (3, H, W) in [0, 1] were; None for the first frame."""
        small = self._shrink(frame)
        gray = self._cv2.cvtColor((small * 255).round().astype(np.uint8), self._cv2.COLOR_RGB2GRAY)
        last, shown = self._gray, self._shown
        self._gray, self._small, self._carried = gray, small, None
        if last is None or shown is None or shown.shape != small.shape:
            return None
        still, noises = self._difference(small, shown)
        known, flow = _ramp(still, UNSEEN), None
        self._carried = shown
        if known.min() < 1 and min(gray.shape) >= MIN_SIDE:
            flow = self._dis.calc(gray, last, None)
            carried = self._warp(shown, flow)
            moving, moving_noises = self._difference(small, carried)
            at_rest = self._stands(still, moving)
            flow[at_rest] = 0
            carried[at_rest] = shown[at_rest]
            difference = np.where(at_rest, still, moving)
            noises = np.where(at_rest, noises, moving_noises)
            noise = float(np.clip(np.median(noises), UNSEEN, NOISIEST))
            # Flow is right to a part of a pixel, which shows where an image is steep.
            slack = SLACK * self._steepness(small)
            slack[at_rest] = 0
            known = _ramp(difference, noise + slack)
            self._carried = carried
            if not flow[known > 0].any():
                flow = None  # nothing to move
        known = self._cv2.erode(known, np.ones((3, 3), np.uint8))
        share = float((known > 0.5).mean())
        near = self._cv2.blur(1 - known, (REACH, REACH))
        known *= 1 - DOUBT * np.minimum(2 * near, 1)
        if share < CUT:
            known, flow, share = np.zeros_like(known), None, 0.0
        return Past(
            self._enlarge(known[None], frame),
            None if flow is None else self._enlarge_flow(flow, frame),
            share,
        )

    def keep(self, weight: float, known: Tensor | None) -> None:
        """Note what is shown now: ``weight`` of the past where it is ``known``, as followed."""
        assert self._small is not None
        if known is None or self._carried is None:
            self._shown = self._small
            return
        height, width = self._small.shape[:2]
        small = F.interpolate(known[None], size=(height, width), mode="area")[0, 0]
        past = weight * small.cpu().numpy()[..., None]
        self._shown = self._small + past * (self._carried - self._small)

    def _shrink(self, frame: Tensor) -> Floats:
        height, width = frame.shape[-2:]
        scale = min(1.0, SIDE / min(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        small = F.interpolate(frame[None], size=size, mode="area")[0]
        array: Floats = small.permute(1, 2, 0).contiguous().cpu().numpy()
        return array

    def _difference(self, first: Floats, second: Floats) -> tuple[Floats, Floats]:
        """How far two frames are apart around each pixel, (h, w), and how much of it may be noise.

        Noise has no mean, so another level is told from it; codecs change both at key frames.
        """
        difference = first - second
        level = self._cv2.blur(difference, (WINDOW, WINDOW))
        noise: Floats = self._cv2.blur(np.abs(difference - level).max(2), (WINDOW, WINDOW))
        return np.maximum(np.abs(level).max(2), noise), noise

    def _stands(self, still: Floats, moving: Floats) -> npt.NDArray[np.bool_]:
        """(h, w): where standing still explains the frame as well as moving, also around it."""
        around = [self._cv2.blur(each, (AROUND, AROUND)) for each in (still, moving)]
        stands: npt.NDArray[np.bool_] = around[0] <= 1.1 * around[1] + SAME
        return stands & (still <= 1.5 * moving + 2 * SAME)

    def _steepness(self, small: Floats) -> Floats:
        """(h, w): by how much the frame changes per px, around each pixel."""
        steps = [
            np.abs(self._cv2.Sobel(small, -1, *axes, scale=1 / 8)) for axes in ((1, 0), (0, 1))
        ]
        found: Floats = self._cv2.blur(np.maximum(*steps).max(2), (WINDOW, WINDOW))
        return found

    def _warp(self, image: Floats, flow: Floats) -> Floats:
        height, width = flow.shape[:2]
        y, x = np.mgrid[:height, :width].astype(np.float32)
        moved: Floats = self._cv2.remap(
            image, x + flow[..., 0], y + flow[..., 1], self._cv2.INTER_LINEAR,
            borderMode=self._cv2.BORDER_CONSTANT, borderValue=(-1, -1, -1),
        )  # fmt: skip
        return moved

    @staticmethod
    def _enlarge(small: Floats, frame: Tensor) -> Tensor:
        found = torch.from_numpy(small).to(frame.device)[None]
        size = frame.shape[-2:]
        return F.interpolate(found, size=size, mode="bilinear", align_corners=False)[0]

    def _enlarge_flow(self, flow: Floats, frame: Tensor) -> Tensor:
        height, width = frame.shape[-2:]
        large = self._enlarge(np.ascontiguousarray(flow.transpose(2, 0, 1)), frame)
        factor = large.new_tensor([width / flow.shape[1], height / flow.shape[0]])
        return large * factor[:, None, None]


def _ramp(difference: Floats, noise: float | Floats) -> Floats:
    """1 up to twice the noise, 0 from four times on; ``noise`` may differ from place to place."""
    known: Floats = np.clip(2 - difference / (2 * noise), 0, 1).astype(np.float32)
    return known
