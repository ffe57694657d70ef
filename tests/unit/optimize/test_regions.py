"""Masks mean their colors."""

import pytest
import torch
from torch import Tensor

from fast_nst.errors import ConfigError
from fast_nst.optimize.regions import Mask, guide, match_regions, shares

RED, GREEN, BLUE = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0])


def stripes(*colors: list[float], width: int = 8, name: str = "mask") -> Mask:
    columns = torch.tensor(colors).repeat_interleave(width, 0).T
    return Mask(columns.view(1, 3, 1, -1).repeat(1, 1, 16, 1), name)


def test_regions_are_matched_by_color_whatever_their_order_and_size() -> None:
    content, style = match_regions(stripes(RED, GREEN, GREEN), [stripes(GREEN, RED)])
    for regions in (content, style):
        assert torch.equal(regions.sum(0), torch.ones(regions.shape[1:]))
    assert shares(content).tolist() == pytest.approx([2 / 3, 1 / 3])  # the most frequent is first
    assert style[0, 0].tolist() == [1.0] * 8 + [0.0] * 8


def test_a_blurred_and_noisy_mask_has_the_regions_of_a_clean_one() -> None:
    clean = stripes(RED, BLUE, width=100)
    noise = torch.randn(clean.rgb.shape, generator=torch.Generator().manual_seed(0))
    rough = (clean.rgb + 0.02 * noise).clamp(0, 1)
    ramp = torch.linspace(0, 1, 6)  # an edge that was smoothed
    rough[..., 97:103] = clean.rgb[..., :1] * (1 - ramp) + clean.rgb[..., -1:] * ramp
    content, style = match_regions(Mask(rough, "rough"), [clean])
    assert len(content) == 2
    agree = (content * style).sum() / content.sum()
    assert agree > 0.99


def test_regions_of_other_colors_are_an_error_that_names_both() -> None:
    one, two = stripes(RED, GREEN, name="c.png"), stripes(RED, BLUE, name="s.png")
    with pytest.raises(ConfigError) as error:
        match_regions(one, [two])
    for part in ("c.png has 2 regions (#", "s.png has 2 regions (#", "#00ff00", "#0000ff"):
        assert part in str(error.value)


def test_another_count_of_regions_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"1 region \(#ff0000\); mask has 2 regions"):
        match_regions(stripes(RED), [stripes(RED, GREEN)])


def test_a_photograph_is_no_mask() -> None:
    photo = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ConfigError, match=r"photo.jpg does not consist of 1 to 8 flat"):
        match_regions(Mask(photo, "photo.jpg"), [stripes(RED)])


@pytest.mark.parametrize("size", [(16, 24), (4, 6), (3, 5), (40, 50)])
def test_guides_have_squares_that_sum_to_1_at_every_size(size: tuple[int, int]) -> None:
    regions: Tensor = match_regions(stripes(RED, GREEN, BLUE), [])[0]
    squares = guide(regions, *size).square().sum((1, 2, 3))
    torch.testing.assert_close(squares, torch.ones(3))
