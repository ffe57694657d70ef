from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from fast_nst.image.eight_bit import from_bytes


@pytest.fixture(autouse=True)
def _fork_is_fine_here() -> Iterator[None]:
    # Python warns that forking a process with threads may hang; torch's own threads are such.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork.*")
        yield


@pytest.fixture
def take() -> Callable[..., Tensor]:
    """Stack the first images of a stream, in [0, 1]."""

    def first(stream: object, count: int) -> Tensor:
        images = torch.stack(list(islice(iter(stream), count)))  # type: ignore[call-overload]
        assert images.dtype == torch.uint8
        return from_bytes(images)

    return first


@pytest.fixture
def save_photo() -> Callable[..., Path]:
    """Write an image of one color, whose blue tells which it is, with a little noise."""

    def save(path: Path, number: int = 0, side: int = 40) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(90, 110, (side, side + 8, 3))
        pixels[..., 2] = 20 * number
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        return path

    return save
