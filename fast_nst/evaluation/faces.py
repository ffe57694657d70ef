"""Whether faces stay readable: are they still found, and do their edges stay?"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fast_nst.image.color import luminance
from fast_nst.image.eight_bit import to_bytes
from fast_nst.image.resize import resize_short_side

DETECTOR = "lbpcascade_frontalface_opencv.xml"  # in scikit-image's wheel
SEARCHED = 256  # px, short side of the image in which faces are searched: enough, and fast
SMALLEST = 28  # px, side of the smallest face there
AGAIN = 0.87  # scale at which a face has to be found once more
SAME = 0.45  # intersection over union of two boxes that are of one face
DETAILS = (64, 32)  # px, sides that a face is brought to; its edges are compared at both


@dataclass(frozen=True)
class Face:
    """A square around a face, from the brows to the chin: its corner and side, px."""

    left: float
    top: float
    side: float

    def scaled(self, factor: float) -> Face:
        """The square in an image that is ``factor`` times as large."""
        return Face(self.left * factor, self.top * factor, self.side * factor)

    def mirrored(self, width: float) -> Face:
        """The square in the mirror image; ``width`` of the image, px."""
        return Face(width - self.left - self.side, self.top, self.side)

    def overlap(self, other: Face) -> float:
        """Intersection over union, from 0 to 1."""
        width, height = (
            min(a + self.side, b + other.side) - max(a, b)
            for a, b in ((self.left, other.left), (self.top, other.top))
        )
        both = max(0.0, width) * max(0.0, height)
        return both / (self.side**2 + other.side**2 - both)


def why_none() -> str:
    """Why no faces can be searched here; empty if they can."""
    if _detector_file().is_file():
        return ""
    return (
        "this scikit-image lacks its detector of faces: pip install --force-reinstall scikit-image"
    )


def find_faces(image: Tensor) -> list[Face]:
    """Search faces that look at the camera; the same image always gives the same ones.

    A detector of local binary patterns takes some things for faces that are none. So a face
    counts only if it is found four times: in the image, in a smaller copy, and in the mirror images
    of both. About one in four is still none (docs/evaluate.md); faces in profile are not found.

    Args:
        image: (1, 3, H, W) in [0, 1].

    Returns:
        Squares that do not overlap much, in px of the image; their sides are at least a ninth of
        its short side. Empty if :func:`why_none` says why, and for images with a side below 128 px.

    References:
        Liao et al. 2007, "Learning Multi-scale Block Local Binary Patterns for Face Recognition";
        the cascade is OpenCV's, as scikit-image carries it.
    """
    if why_none() or min(image.shape[-2:]) < SEARCHED // 2:
        return []
    searched = resize_short_side(image, SEARCHED)
    found = _boxes(searched)
    if not found:
        return []
    small = resize_short_side(image, round(SEARCHED * AGAIN))
    larger = SEARCHED / min(small.shape[-2:])
    others = [
        _mirrored_boxes(searched),
        [each.scaled(larger) for each in _boxes(small)],
        [each.scaled(larger) for each in _mirrored_boxes(small)],
    ]
    kept: list[Face] = []
    for face in found:
        sure = all(_among(face, boxes) for boxes in others)
        if sure and not _among(face, kept):
            kept.append(face)
    return [face.scaled(min(image.shape[-2:]) / SEARCHED) for face in kept]


def still_found(faces: Sequence[Face], stylized: Tensor) -> int:
    """How many of the photo's faces are found in the stylized photo, (1, 3, H, W), as well."""
    again = find_faces(stylized) if faces else []
    return sum(_among(face, again) for face in faces)


def faces_kept(faces: Sequence[Face], content: Tensor, stylized: Tensor) -> float:
    """Mean of :func:`edge_agreement` over the photo's faces.

    Args:
        faces: of the content; at least one.
        content: (1, 3, H, W) in [0, 1].
        stylized: the same shape and range.
    """
    return statistics.fmean(
        edge_agreement(_cut(content, face), _cut(stylized, face)) for face in faces
    )


def edge_agreement(content: Tensor, stylized: Tensor) -> float:
    """Correlate the luminance gradients of two images, direction included.

    Both are brought to 64 px and to 32 px, so that what counts are edges as wide as a mouth or an
    eye, however large the photo is.

    Args:
        content: (1, 3, H, W) in [0, 1], a face.
        stylized: the same place of the stylized image, the same shape and range.

    Returns:
        In [-1, 1], the mean of both scales: 1 if all edges are there and none besides, whatever
        brightness and contrast; 0 if they have nothing in common, or an image is flat; below 0 if
        bright and dark are exchanged.
    """
    scales = []
    for side in DETAILS:
        one, other = (_gradients(resize_short_side(each, side)) for each in (content, stylized))
        norms = (one.square().sum() * other.square().sum()).sqrt()
        scales.append(float((one * other).sum() / norms.clamp_min(1e-3)))
    return statistics.fmean(scales)


def _gradients(rgb: Tensor) -> Tensor:
    """Central differences of luma across and down, (2, H - 2, W - 2)."""
    luma = luminance(rgb)[0, 0]
    across = luma[1:-1, 2:] - luma[1:-1, :-2]
    down = luma[2:, 1:-1] - luma[:-2, 1:-1]
    return torch.stack([across, down])


def _cut(image: Tensor, face: Face) -> Tensor:
    top, left, side = round(face.top), round(face.left), max(2, round(face.side))
    return image[..., max(0, top) : top + side, max(0, left) : left + side]


def _among(face: Face, others: Sequence[Face]) -> bool:
    return any(face.overlap(other) > SAME for other in others)


def _boxes(image: Tensor) -> list[Face]:
    """What the detector takes for faces in (1, 3, H, W), in its px."""
    gray: NDArray[np.uint8] = to_bytes(luminance(image))[0, 0].cpu().contiguous().numpy()
    height, width = gray.shape
    found = _detector().detect_multi_scale(
        img=gray,
        scale_factor=1.1,
        step_ratio=1,
        min_size=(SMALLEST, SMALLEST),
        max_size=(min(height, width), min(height, width)),
        min_neighbor_number=4,
    )
    return [Face(each["c"], each["r"], each["width"]) for each in found]


def _mirrored_boxes(image: Tensor) -> list[Face]:
    """What it takes for faces in the mirror image, where that lies in the image itself."""
    return [each.mirrored(image.shape[-1]) for each in _boxes(image.flip(3))]


@functools.cache
def _detector() -> Any:  # scikit-image is only partly typed
    from skimage.feature import Cascade

    return Cascade(str(_detector_file()))


def _detector_file() -> Any:
    return resources.files("skimage") / "data" / DETECTOR
