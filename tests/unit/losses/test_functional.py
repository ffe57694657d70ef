import pytest
import torch
from torch.autograd import gradcheck

from fast_nst.losses.functional import (
    frame_shift,
    gram_matrix,
    grid_energy,
    opponent_colors,
    palette,
    paper_content_loss,
    paper_style_loss,
    periodicity,
    relative_squared_error,
    total_variation,
)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_a_gram_matrix_of_two_channels_is_what_one_computes_by_hand() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])  # channels (1, 2) and (3, -1)
    expected = torch.tensor([[[5.0, 1.0], [1.0, 10.0]]]) / 2
    torch.testing.assert_close(gram_matrix(features), expected)


def test_a_gram_matrix_does_not_change_when_pixels_are_shuffled() -> None:
    features = random(2, 5, 4, 6)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    shuffled = features.flatten(2)[..., order].view(2, 5, 6, 4)
    torch.testing.assert_close(gram_matrix(features), gram_matrix(shuffled))


def test_a_gram_matrix_does_not_depend_on_the_layout_in_memory() -> None:
    features = random(2, 5, 4, 6)
    last = features.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(gram_matrix(features), gram_matrix(last))


def test_a_gram_matrix_is_symmetric_and_float32_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        gram = gram_matrix(random(1, 4, 3, 3).bfloat16())
    assert gram.dtype == torch.float32
    torch.testing.assert_close(gram, gram.transpose(1, 2))


def test_a_gram_matrix_of_bfloat16_features_is_as_exact_as_one_of_float32() -> None:
    features = (random(2, 16, 64, 64) + 0.5).bfloat16()
    wide = features.double().flatten(2)
    exact = wide @ wide.mT / wide.shape[2]
    error = (gram_matrix(features).double() - exact).norm() / exact.norm()
    assert error < 2e-6  # products rounded to bfloat16 are off by 2e-3


def test_the_gradient_of_bfloat16_features_is_that_of_float32_to_rounding() -> None:
    rounded = random(2, 8, 16, 16).bfloat16().requires_grad_()
    wide = rounded.detach().float().requires_grad_()
    target = random(2, 8, 8, seed=1)
    for features in (rounded, wide):
        (gram_matrix(features) - target).square().sum().backward()
    assert rounded.grad is not None
    assert wide.grad is not None
    error = (rounded.grad.float() - wide.grad).norm() / wide.grad.norm()
    assert error < 1e-2


def test_a_gram_matrix_leaves_the_settings_of_matrix_products_alone() -> None:
    before = torch.backends.mkldnn.matmul.fp32_precision
    gram_matrix(random(1, 2, 4, 4).bfloat16())
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_gram_matrices_need_four_dimensions() -> None:
    with pytest.raises(ValueError, match=r"\(B, C, H, W\), got \(3, 4, 5\)"):
        gram_matrix(torch.zeros(3, 4, 5))


def test_the_relative_error_is_zero_for_equals_and_one_for_zeros() -> None:
    target = random(2, 3, 4, 4)
    assert relative_squared_error(target, target) == 0
    torch.testing.assert_close(
        relative_squared_error(torch.zeros_like(target), target), torch.tensor(1.0).double()
    )


def test_the_relative_error_does_not_depend_on_the_scale_of_any_sample() -> None:
    value, target = random(2, 3, 4, 4), random(2, 3, 4, 4, seed=1)
    factors = torch.tensor([3.0, 0.01], dtype=torch.float64).view(2, 1, 1, 1)
    torch.testing.assert_close(
        relative_squared_error(value * factors, target * factors),
        relative_squared_error(value, target),
    )


def test_the_relative_error_of_a_target_of_zeros_is_finite() -> None:
    assert relative_squared_error(torch.ones(1, 2), torch.zeros(1, 2)).isfinite()


def test_total_variation_is_zero_for_flat_images_and_counts_steps() -> None:
    assert total_variation(torch.full((1, 3, 4, 4), 0.5)) == 0
    step = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
    assert total_variation(step) == 1.0
    assert total_variation(torch.zeros(1, 3, 1, 1)) == 0


def test_grid_energy_is_one_for_a_pure_grid_and_nearly_zero_for_noise() -> None:
    cell = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert grid_energy(cell.repeat(1, 1, 16, 16), 4) == pytest.approx(1, rel=1e-3)
    assert grid_energy(noise, 4) < 0.01
    assert grid_energy(torch.full((1, 3, 64, 64), 0.5), 4) == 0
    assert grid_energy(torch.rand(1, 3, 3, 9), 4) == 0


def test_grid_energy_finds_a_grid_under_noise_and_tells_its_share() -> None:
    generator = torch.Generator().manual_seed(0)
    lines = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(32).view(1, 1, 1, 128)
    noise = torch.randn(1, 3, 128, 128, generator=generator)
    assert grid_energy(lines + noise, 4) == pytest.approx(0.5, abs=0.05)


def test_a_frame_is_told_by_its_color_on_each_side() -> None:
    plain = torch.rand(2, 3, 80, 96, generator=torch.Generator().manual_seed(0))
    difference = torch.tensor([-0.1, 0.0, 0.2])
    framed, one_side = plain.clone(), plain.clone()
    framed += difference.view(3, 1, 1)
    framed[..., 8:-8, 8:-8] = plain[..., 8:-8, 8:-8]
    one_side[..., :8] += difference.view(3, 1, 1)
    before = frame_shift(plain)
    assert before.mean(0).abs().max() < 0.02
    found, left = (frame_shift(each) - before for each in (framed, one_side))
    torch.testing.assert_close(found, difference.expand(4, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(left[2], difference, atol=1e-6, rtol=0)
    assert left[[0, 1, 3]].abs().max() < 1e-6


def test_an_image_too_small_to_have_an_inside_has_no_frame() -> None:
    assert frame_shift(torch.rand(1, 3, 64, 200)).eq(0).all()
    assert frame_shift(torch.rand(1, 3, 65, 65)).abs().min() > 0


def sine(period: float, side: int = 64) -> torch.Tensor:
    down, across = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    wave = torch.sin(2 * torch.pi * (0.8 * down + 0.6 * across) / period)
    return (0.5 + 0.3 * wave).expand(1, 3, side, side)


def test_periodicity_is_high_for_a_wave_and_low_for_noise_and_flat_areas() -> None:
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert periodicity(sine(4.3))[0].min() > 0.08
    assert periodicity(noise)[0].max() < 0.004
    assert periodicity(torch.full((1, 3, 64, 64), 0.5))[0].max() < 0.004


def test_periodicity_does_not_depend_on_contrast_or_brightness_while_it_is_seen() -> None:
    value, energy = periodicity(sine(5.0))
    fainter, less = periodicity(0.5 * sine(5.0) + 0.1)
    torch.testing.assert_close(fainter, value, rtol=0.05, atol=0)
    torch.testing.assert_close(less, energy / 4, rtol=1e-3, atol=0)
    assert periodicity(0.5 + 0.001 * sine(5.0))[0].max() < 0.004


def test_periodicity_looks_at_squares_that_overlap_by_half_and_at_no_wide_waves() -> None:
    assert periodicity(torch.rand(2, 3, 64, 80))[0].shape == (2, 3 * 4)
    assert periodicity(torch.rand(2, 3, 31, 80))[0].shape == (2, 0)
    assert periodicity(sine(30.0))[0].max() < periodicity(sine(6.0))[0].min() / 2


def test_paper_losses_of_2x2_cases() -> None:
    zeros, ones = torch.zeros(1, 2, 1, 1), torch.ones(1, 2, 1, 1)
    assert paper_content_loss(zeros, ones) == 1
    # Each entry differs by 1, divided by two channels: four quarters.
    assert paper_style_loss(torch.ones(1, 2, 2), torch.zeros(1, 2, 2)) == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda x: gram_matrix(x),
        lambda x: relative_squared_error(x, random(1, 2, 3, 3, seed=2)),
        lambda x: relative_squared_error(gram_matrix(x), gram_matrix(random(1, 2, 3, 3, seed=3))),
    ],
    ids=["gram", "relative", "relative gram"],
)
def test_gradients_agree_with_finite_differences(function) -> None:  # type: ignore[no-untyped-def]
    assert gradcheck(function, (random(1, 2, 3, 3).requires_grad_(True),))


def test_a_palette_is_of_areas_and_blind_to_fine_patterns() -> None:
    areas = torch.zeros(1, 3, 32, 32)
    areas[:, 0, :, :16], areas[:, 2, :, 16:] = 1, 1  # red and blue halves
    expected = 0.25 * torch.tensor([[1.0, 0, -1], [0, 0, 0], [-1, 0, 1]])
    torch.testing.assert_close(palette(areas)[0], expected)
    stripes = torch.zeros(1, 3, 32, 32)
    stripes[:, 0, :, ::2], stripes[:, 2, :, 1::2] = 1, 1
    assert palette(stripes).abs().max() < 1e-6
    assert palette(areas[..., :7, :]).abs().max() == 0


def test_opponent_colors_see_colors_only() -> None:
    gray = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    torch.testing.assert_close(opponent_colors(gray), torch.full((4, 3, 8, 8), 0.5))
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    first, second = opponent_colors(red).flatten(1)[:, 0]
    assert (float(first), float(second)) == (1.0, 0.25)
