"""Colors carried over: statistics match, hues stay, gray stays gray."""

import pytest
import torch

from fast_nst.image.color import luminance, match_colors, match_luminance, replace_luminance


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def covariance(rgb: torch.Tensor) -> torch.Tensor:
    return torch.cov(rgb.flatten(2)[0].double())


def test_white_has_lightness_1_and_green_counts_most() -> None:
    assert luminance(torch.ones(1, 3, 1, 1)).item() == pytest.approx(1)
    red, green, blue = (luminance(torch.eye(3)[i].view(1, 3, 1, 1)).item() for i in range(3))
    assert green > red > blue > 0


def test_replaced_lightness_is_exact_and_the_hue_stays_even_at_the_edge_of_what_can_be_shown() -> (
    None
):
    image, lightness = noise(1, 3, 16, 16), noise(1, 1, 16, 16, seed=1)
    changed = replace_luminance(image, lightness)
    assert changed.min() >= 0
    assert changed.max() <= 1
    torch.testing.assert_close(luminance(changed), lightness, atol=1e-5, rtol=0)
    before, after = image - luminance(image), changed - lightness
    along = (before * after).sum(1) / before.square().sum(1)
    assert along.min() >= 0
    assert along.max() <= 1 + 1e-5
    torch.testing.assert_close(after, before * along.unsqueeze(1), atol=1e-5, rtol=0)


def test_an_images_own_lightness_changes_nothing() -> None:
    image = noise(1, 3, 8, 8)
    torch.testing.assert_close(replace_luminance(image, luminance(image)), image)


def test_matched_lightness_has_the_references_mean_and_deviation() -> None:
    style, content = noise(1, 1, 16, 16), 0.4 + 0.2 * noise(1, 1, 20, 12, seed=1)
    matched = match_luminance(style, content)
    torch.testing.assert_close(matched.mean(), content.mean())
    torch.testing.assert_close(matched.std(), content.std())


def test_matched_colors_have_the_references_mean_and_covariance() -> None:
    mixing = torch.tensor([[0.2, 0.1, 0.0], [0.05, 0.2, 0.1], [0.0, 0.1, 0.15]])
    content = 0.3 + torch.einsum("ij,bjhw->bihw", mixing, noise(1, 3, 32, 32, seed=1))
    matched = match_colors(noise(1, 3, 24, 40), content)
    torch.testing.assert_close(matched.mean((2, 3)), content.mean((2, 3)))
    torch.testing.assert_close(covariance(matched), covariance(content), atol=1e-3, rtol=1e-2)


def test_matching_an_image_to_itself_changes_nothing() -> None:
    image = noise(1, 3, 16, 16)
    torch.testing.assert_close(match_colors(image, image), image, atol=1e-5, rtol=0)


def test_a_gray_image_takes_on_colors_without_bad_numbers() -> None:
    gray = noise(1, 1, 16, 16).expand(-1, 3, -1, -1)
    matched = match_colors(gray, noise(1, 3, 16, 16, seed=1))
    assert matched.isfinite().all()
    assert matched.std() > 0.1


def test_a_flat_reference_makes_an_image_flat() -> None:
    flat = torch.full((1, 3, 8, 8), 0.25)
    matched = match_colors(noise(1, 3, 16, 16), flat)
    torch.testing.assert_close(matched, torch.full_like(matched, 0.25))
