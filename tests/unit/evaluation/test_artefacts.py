import math

import pytest
import torch
from torch import Tensor

from fast_nst.evaluation import artefacts
from fast_nst.evaluation.artefacts import (
    border_figure,
    border_shift,
    crop,
    flat_windows,
    grid_excess,
    grid_figure,
    pattern_peak,
    structure_kept,
    windows,
)


def natural(seed: int = 0, height: int = 192, width: int = 256) -> Tensor:
    """A random image whose amplitudes fall as those of photographs, (1, 3, H, W) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, 3, height, width, generator=generator)
    y, x = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)
    radius = (y.square() + x.square()).sqrt().clamp_min(1 / width)
    image = torch.fft.irfft2(torch.fft.rfft2(noise) / radius, s=(height, width))
    return (0.5 + 0.15 * (image - image.mean()) / image.std()).clamp(0, 1)


def noise(seed: int = 0, height: int = 192, width: int = 256) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def sinusoid(image: Tensor, period: float, amplitude: float, angle: float = 0.0) -> Tensor:
    """Add stripes of ``period`` px to an image."""
    y = torch.arange(image.shape[2])[:, None]
    x = torch.arange(image.shape[3])
    phase = 2 * math.pi * (x * math.cos(angle) + y * math.sin(angle)) / period
    return image + amplitude * phase.sin()


def grid_of(images: list[Tensor]) -> float:
    return grid_figure(torch.stack([grid_excess(windows(each), 4) for each in images]))


@pytest.mark.parametrize("make", [natural, noise])
def test_images_without_a_grid_have_a_figure_of_one(make: type) -> None:
    assert 1 <= grid_of([make(seed) for seed in range(6)]) < 1.1


def test_a_grid_of_the_stride_is_found_in_one_direction_and_in_two() -> None:
    plain = [natural(seed) for seed in range(4)]
    stripes = [sinusoid(each, 4, 0.05) for each in plain]
    both = [sinusoid(each, 4, 0.05, math.pi / 2) for each in stripes]
    assert grid_of(stripes) > 3
    assert grid_of(both) > 1.5 * grid_of(stripes)


@pytest.mark.parametrize("period", [3.0, 5.0, 7.3])
def test_stripes_of_another_period_are_no_grid_but_a_hatching(period: float) -> None:
    plain = natural()
    striped = sinusoid(plain, period, 0.1, 0.4)
    assert grid_of([striped]) < 1.3 * grid_of([plain])
    assert pattern_peak(windows(striped)).median() > 10 * pattern_peak(windows(plain)).median()


def test_noise_and_natural_images_are_no_hatching() -> None:
    assert pattern_peak(windows(noise())).median() < 4
    assert pattern_peak(windows(natural())).median() < 4


def test_a_pattern_that_8_bits_cannot_show_does_not_count() -> None:
    gray = torch.full((1, 3, 64, 64), 0.5)
    assert grid_of([sinusoid(gray, 4, 0.2 / 255)]) < 1.1
    assert grid_of([sinusoid(gray, 4, 4 / 255)]) > 2


def test_the_flattest_windows_are_where_the_image_is_flat() -> None:
    image = noise(height=128, width=512)
    image[..., :256] = 0.5
    chosen = flat_windows(image)
    columns = (512 - artefacts.WINDOW) // artefacts.HOP + 1
    assert len(chosen) == math.ceil(0.1 * len(windows(image)))
    assert ((chosen % columns) * artefacts.HOP + artefacts.WINDOW <= 256).all()


def test_equal_images_have_no_border() -> None:
    image = crop(natural())
    assert border_figure(border_shift(image, image)[None]) == 1


def frame(image: Tensor, factor: float) -> Tensor:
    framed = image.clone()
    framed[:, :, 6:-6, 6:-6] /= factor
    return factor * framed


def border_of(stylize: type | object, seeds: range = range(12)) -> float:
    assert callable(stylize)
    shifts = []
    for seed in seeds:
        content = natural(seed)
        shifts.append(border_shift(stylize(crop(content)), crop(stylize(content))))
    return border_figure(torch.stack(shifts))


def test_a_frame_is_found_whether_darker_brighter_or_flatter() -> None:
    def flatten(image: Tensor) -> Tensor:
        flat = image.mean((2, 3), keepdim=True).expand_as(image).clone()
        flat[:, :, 8:-8, 8:-8] = image[:, :, 8:-8, 8:-8]
        return flat

    assert border_of(lambda image: frame(image, 0.7)) > 1.1
    assert border_of(lambda image: frame(image, 1.4)) > 1.1
    assert border_of(flatten) > 1.1


def test_a_border_that_differs_only_at_random_is_no_frame() -> None:
    generator = torch.Generator().manual_seed(0)

    def grain(image: Tensor) -> Tensor:
        return image + 0.1 * torch.randn(image.shape, generator=generator)

    assert border_of(grain) < 1.05


def test_structure_is_kept_by_a_change_of_brightness_and_lost_in_noise() -> None:
    content = natural()
    assert structure_kept(content, content) == pytest.approx(1)
    assert structure_kept(content, content * 0.9 + 0.05) > 0.9
    assert structure_kept(content, noise()) < 0.2


def test_images_too_small_for_a_figure_give_none_rather_than_an_error() -> None:
    small = torch.rand(1, 3, 20, 30)
    assert len(windows(small)) == len(flat_windows(small)) == 0
    assert math.isnan(grid_figure(grid_excess(windows(small), 4)[None]))
    assert math.isnan(border_figure(border_shift(small, small)))
    assert math.isnan(structure_kept(small[..., :5, :5], small[..., :5, :5]))
    assert len(pattern_peak(windows(small))) == 0
