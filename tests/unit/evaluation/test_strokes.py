import math

import pytest
import torch
from torch import Tensor, nn

from fast_nst.evaluation.artefacts import windows
from fast_nst.evaluation.strokes import (
    calm_windows,
    color_windows,
    stroke_coherence,
    stroke_size,
)


def stripes(period: float, angle: float = 0.0, side: int = 128) -> Tensor:
    """Gray stripes, (1, 3, S, S); at angle 0 they run from top to bottom."""
    at = torch.arange(side)
    phase = 2 * math.pi * (at * math.cos(angle) + at[:, None] * math.sin(angle)) / period
    return (0.5 + 0.3 * phase.sin()).expand(1, 3, side, side).clone()


def noise(side: int = 128, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def brushwork(side: int = 128, seed: int = 0) -> Tensor:
    """Colored noise with periods of mostly 4 to 12 px: in the band, also at twice the size."""
    cells = noise(side // 2, seed)
    fine = nn.functional.interpolate(cells, (side, side), mode="bicubic")
    coarse = nn.functional.avg_pool2d(fine, 9, stride=1, padding=4, count_include_pad=False)
    return (0.5 + fine - coarse).clamp(0, 1)


def size(image: Tensor) -> float:
    return stroke_size(color_windows(image))


def coherence(image: Tensor) -> float:
    return stroke_coherence(color_windows(image))


@pytest.mark.parametrize("period", [3.0, 5.0, 8.0, 13.0])
@pytest.mark.parametrize("angle", [0.0, 0.5, math.pi / 2, 2.4])
def test_stripes_have_their_period_and_one_direction(period: float, angle: float) -> None:
    image = stripes(period, angle)
    assert size(image) == pytest.approx(period, rel=0.03)
    assert coherence(image) > 0.98


def test_an_image_of_twice_the_size_has_strokes_of_twice_the_size() -> None:
    image = brushwork()
    twice = nn.functional.interpolate(image, scale_factor=2, mode="bicubic").clamp(0, 1)
    assert size(twice) == pytest.approx(2 * size(image), rel=0.1)


def test_noise_is_fine_and_runs_in_no_direction() -> None:
    assert 2 < size(noise()) < 4
    assert coherence(noise()) < 0.1
    assert coherence(stripes(8.0) + stripes(8.0, math.pi / 2)) < 0.1


@pytest.mark.parametrize("make", [noise, brushwork])
def test_inverted_permuted_and_turned_images_have_the_same_strokes(make: type) -> None:
    image: Tensor = make()
    image[:, 1] *= 0.4
    for other in (1 - image, image[:, [2, 0, 1]], image.rot90(1, (2, 3)), image.flip(3)):
        assert size(other) == pytest.approx(size(image), rel=1e-3)
        assert coherence(other) == pytest.approx(coherence(image), rel=1e-3)


def test_strokes_that_differ_only_in_color_count() -> None:
    image = stripes(6.0)
    image[:, 0], image[:, 1:] = 1 - image[:, 0], image[:, 1:] * 0.2126 / 0.7874
    assert windows(image).std() < 1e-6  # their luma is flat
    assert size(image) == pytest.approx(6, rel=0.03)


def test_slow_shading_is_no_stroke() -> None:
    shade = torch.linspace(0, 0.2, 128).expand(1, 3, 128, 128)
    assert size(0.5 * stripes(5.0) + shade) == pytest.approx(5, rel=0.03)


def test_flat_and_small_images_have_no_strokes() -> None:
    flat = torch.full((1, 3, 96, 96), 0.5)
    for image in (flat, flat + 0.001 * noise(96), noise(40)):
        assert math.isnan(size(image))
        assert math.isnan(coherence(image))
    assert len(calm_windows(noise(40))) == 0


def test_windows_lie_where_those_of_luma_do() -> None:
    image = noise(100)
    weights = torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)
    torch.testing.assert_close((color_windows(image) * weights).sum(1), windows(image))


def test_the_calm_parts_of_a_style_have_strokes_but_no_outlines() -> None:
    style = torch.full((1, 3, 128, 256), 0.5)
    style[..., :128] = stripes(5.0)
    style[..., 128:] = noise(8).repeat_interleave(16, 2).repeat_interleave(16, 3)  # blocks
    columns = (256 - 64) // 16 + 1
    chosen = calm_windows(style)
    assert len(chosen) == math.ceil(5 * columns / 4)
    assert ((chosen % columns) * 16 + 64 <= 128).all()
    assert stroke_size(color_windows(style)[chosen]) == pytest.approx(5, rel=0.03)
