"""Check that a converted network still gives the same images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fast_nst.errors import ExportError

Array = npt.NDArray[np.float32]
# (batch, height, width): odd and even, wide and tall, multiples of the stride and not, and a batch
# of two images.
SHAPES = ((1, 64, 64), (1, 45, 63), (1, 128, 97), (2, 32, 48), (1, 31, 150), (1, 17, 33))


@dataclass(frozen=True)
class Difference:
    """How much two runtimes differ on images of one size.

    Attributes:
        shape: (batch, height, width).
        largest: the largest difference of a value; values are in [0, 1].
        psnr_db: peak signal-to-noise ratio; infinite for equal images.
    """

    shape: tuple[int, int, int]
    largest: float
    psnr_db: float


def compare(
    network: nn.Module,
    run: Callable[[Array], Array],
    shapes: Sequence[tuple[int, int, int]] = SHAPES,
) -> list[Difference]:
    """Compare ``run`` with ``network``, which is on the CPU, on images of the given shapes.

    Raises:
        ExportError: If ``run`` returns another shape or values that are not finite.
    """
    rng = np.random.default_rng(0)
    found = []
    for batch, height, width in shapes:
        images = rng.random((batch, 3, height, width), np.float32)
        with torch.inference_mode():
            expected: Array = network(torch.from_numpy(images)).numpy()
        found.append(difference(expected, run(images)))
    return found


def difference(expected: Array, got: Array) -> Difference:
    """The difference of two batches of images, (B, 3, H, W) in [0, 1].

    Raises:
        ExportError: If the shapes differ or a value is not finite.
    """
    if expected.shape != got.shape or not np.isfinite(got).all():
        state = "" if np.isfinite(got).all() else " with values that are not finite"
        raise ExportError(
            f"the converted network returns {got.shape}{state}; expected {expected.shape}. "
            "This is a bug in the conversion; nothing was written. Please report it."
        )
    error = got.astype(np.float64) - expected
    mean_square = float((error**2).mean())
    return Difference(
        (expected.shape[0], expected.shape[2], expected.shape[3]),
        float(np.abs(error).max()),
        -10 * math.log10(mean_square) if mean_square else math.inf,
    )
