"""Flicker of a filter on a clip: how much its frames change beyond the motion of the scene."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from skimage.registration import optical_flow_tvl1
from torch import Tensor

from fast_nst.errors import DataError
from fast_nst.evaluation.artefacts import luminance
from fast_nst.image.io import READ_SUFFIXES, read_image

FLOW_TAG = 202021.25  # the bytes "PIEH": what a .flo file starts with
MASKS = ("occlusions", "invalid")  # white parts are not compared
NOT_FRAMES = ("flow", *MASKS)


@dataclass(frozen=True)
class Flicker:
    """Warp errors of a clip.

    Attributes:
        stylized: mean absolute difference, in [0, 1], of a stylized frame and the next one warped
            back by the flow, where the scene is visible in both; mean over pairs of frames.
        content: the same for the frames of the clip.
        pairs: number of pairs of frames that were compared.
        estimated: number of these pairs without ground-truth flow.
    """

    stylized: float
    content: float
    pairs: int
    estimated: int

    @property
    def ratio(self) -> float:
        """The stylized error over that of the clip."""
        return self.stylized / max(self.content, 1e-6)


def measure_flicker(
    networks: Sequence[Callable[[Tensor], Tensor]], clip: Path, device: torch.device
) -> list[Flicker]:
    """Measure each network's flicker on the same clip.

    Args:
        networks: map (1, 3, H, W) in [0, 1] to the same.
        clip: a folder of frames, as :func:`frames` finds them. ``flow_A_to_B.flo`` beside them is
            the ground truth for the frames whose names end in the numbers A and B, and the white
            parts of ``occlusions_A.png`` and ``invalid_A.png`` are left out. Elsewhere the flow is
            estimated (TV-L1) both ways, and left out where the two disagree.
        device: where the networks are.

    Raises:
        DataError: If the folder holds no clip, or a flow does not fit its frames.
        ImageError: If an image cannot be read.
    """
    files = frames(clip)
    stylized: list[list[float]] = [[] for _ in networks]
    content: list[float] = []
    estimated = 0
    for first, second in pairwise(files):
        pair = [read_image(file).rgb[None] for file in (first, second)]
        if pair[0].shape != pair[1].shape:
            raise DataError(f"{second} is not of the same size as {first}.")
        numbers = (_number(first), _number(second))
        truth = clip / f"flow_{numbers[0]}_to_{numbers[1]}.flo"
        if truth.is_file():
            flow = read_flow(truth)
            if flow.shape[1:] != pair[0].shape[2:]:
                raise DataError(f"{truth} is not of the same size as {first}.")
            seen = unmasked(clip, numbers[0], flow)
        else:
            flow, seen = estimate_flow(*pair)
            estimated += 1
        content.append(warp_error(pair[0], pair[1], flow, seen))
        with torch.inference_mode():
            for network, errors in zip(networks, stylized, strict=True):
                painted = [network(frame.to(device)).float().cpu() for frame in pair]
                errors.append(warp_error(painted[0], painted[1], flow, seen))
    own = float(np.mean(content))
    return [Flicker(float(np.mean(errors)), own, len(content), estimated) for errors in stylized]


def frames(clip: Path) -> list[Path]:
    """The frames of a clip: images in the folder, by number, without flows and masks.

    Raises:
        DataError: If there are fewer than two.
    """
    found = [
        file
        for file in (clip.iterdir() if clip.is_dir() else ())
        if file.suffix.lower() in READ_SUFFIXES and not file.stem.startswith(NOT_FRAMES)
    ]
    if len(found) < 2:
        raise DataError(
            f"{clip} holds {len(found)} frames; a clip is a folder of at least two images."
        )
    return sorted(found, key=lambda file: (int(_number(file) or 0), file.name))


def read_flow(file: Path) -> Tensor:
    """Read a Middlebury ``.flo`` file.

    Returns:
        (2, H, W): by how many px each pixel moves to the right and down.

    Raises:
        DataError: If it is not such a file.
    """
    data = file.read_bytes()
    header = np.frombuffer(data[:12], "<i4") if len(data) >= 12 else np.zeros(3, "<i4")
    width, height = int(header[1]), int(header[2])
    tag = np.frombuffer(data[:4], "<f4")[0] if data[4:] else 0
    if tag != np.float32(FLOW_TAG) or len(data) != 12 + 8 * width * height:
        raise DataError(f"{file} is not a .flo file of optical flow, or is damaged.")
    values = np.frombuffer(data[12:], "<f4").reshape(height, width, 2)
    return torch.from_numpy(values.copy()).permute(2, 0, 1)


def estimate_flow(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Estimate the optical flow from one frame, (1, 3, H, W), to another.

    Returns:
        (2, H, W) in px, right and down; and (H, W), true where the flow back agrees with it.

    References:
        Zach et al. 2007: TV-L1, as in scikit-image. Ruder et al. 2016, sec. 4.2 (after Sundaram
        et al. 2010): the test of agreement.
    """
    gray = [luminance(frame)[0, 0].numpy() for frame in (first, second)]
    estimate: Any = optical_flow_tvl1
    forward = torch.from_numpy(estimate(*gray)).float().flip(0)
    backward = torch.from_numpy(estimate(*gray[::-1])).float().flip(0)
    returned, inside = warp(backward[None], forward)
    gap = (forward + returned[0]).square().sum(0)
    size = forward.square().sum(0) + returned[0].square().sum(0)
    return forward, inside & (gap <= 0.01 * size + 0.5)


def warp(second: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Warp the second frame back along the flow, onto the first.

    Args:
        second: (1, C, H, W).
        flow: (2, H, W), px.

    Returns:
        (1, C, H, W); and (H, W), true where the flow points inside the frame.
    """
    height, width = flow.shape[1:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x, y = x + flow[0], y + flow[1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    grid = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], -1)
    moved = F.grid_sample(second, grid[None], padding_mode="border", align_corners=True)
    return moved, inside


def warp_error(first: Tensor, second: Tensor, flow: Tensor, seen: Tensor) -> float:
    """Mean absolute difference of ``first`` and the warped ``second`` where ``seen``; or 0."""
    moved, inside = warp(second, flow)
    where = inside & seen
    return float((first - moved).abs().mean(1)[0][where].mean()) if where.any() else 0.0


def unmasked(clip: Path, number: str, flow: Tensor) -> Tensor:
    """Where the flow of frame ``number`` is known and not masked: (H, W), true there.

    Raises:
        DataError: If a mask is not of the flow's size.
    """
    seen = flow.isfinite().all(0) & (flow.abs().amax(0) < 1e9)  # Middlebury's mark for unknown
    for kind in MASKS:
        mask = clip / f"{kind}_{number}.png"
        if mask.is_file():
            white = read_image(mask).rgb.mean(0) > 0.5
            if white.shape != seen.shape:
                raise DataError(f"{mask} is not of the same size as the flow.")
            seen &= ~white
    return seen


def _number(file: Path) -> str:
    found = re.search(r"\d+$", file.stem)
    return found.group() if found else ""
