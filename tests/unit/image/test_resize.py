"""Resizing keeps the shape of things, the range and the mean."""

from __future__ import annotations

import pytest
import torch

from fast_nst.image.resize import resize_short_side


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(3, 40, 60), (3, 60, 40), (2, 3, 40, 60)])
@pytest.mark.parametrize("size", [1, 17, 40, 80])
def test_the_short_side_becomes_the_size_and_the_aspect_ratio_stays(
    shape: tuple[int, ...], size: int
) -> None:
    resized = resize_short_side(noise(*shape), size)
    height, width = resized.shape[-2:]
    assert min(height, width) == size
    assert max(height, width) == round(size * 1.5)
    assert (height > width) == (shape[-2] > shape[-1]) or size == 1
    assert resized.shape[:-2] == shape[:-2]


def test_a_narrow_image_keeps_at_least_one_pixel() -> None:
    assert resize_short_side(noise(3, 30, 1000), 1).shape == (3, 1, 33)


def test_a_constant_image_stays_constant() -> None:
    resized = resize_short_side(torch.full((3, 31, 47), 0.3), 20)
    torch.testing.assert_close(resized, torch.full_like(resized, 0.3))


def test_hard_edges_do_not_overshoot_the_range() -> None:
    rgb = torch.zeros(3, 8, 8)
    rgb[:, :, 4:] = 1
    resized = resize_short_side(rgb, 29)
    assert resized.min() == 0
    assert resized.max() == 1


def test_shrinking_is_antialiased() -> None:
    # Averages of 4x4 independent pixels spread a quarter as much as the pixels do.
    shrunk = resize_short_side(noise(3, 64, 64), 16)
    assert shrunk.std() < 0.4 * noise(3, 64, 64).std()


def test_the_input_is_not_changed() -> None:
    rgb = noise(3, 9, 9)
    before = rgb.clone()
    resize_short_side(rgb, 5)
    assert torch.equal(rgb, before)


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        resize_short_side(noise(3, 4, 4), 0)
    with pytest.raises(ValueError, match="expected"):
        resize_short_side(noise(4, 4), 2)
    with pytest.raises(ValueError, match="expected"):
        resize_short_side(noise(4, 4, 4), 2)
    with pytest.raises(ValueError, match="float"):
        resize_short_side(torch.zeros(3, 4, 4, dtype=torch.uint8), 2)
    with pytest.raises(ValueError, match="no pixels"):
        resize_short_side(noise(3, 0, 4), 2)
