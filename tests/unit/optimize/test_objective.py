"""The loss of a transfer against the package's own, and what regions and blends mean."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from fast_nst.encoders import Encoder, create_encoder
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optimize.objective import Objective
from fast_nst.optimize.options import TransferOptions
from fast_nst.optimize.statistics import TiledEncoder

OPTIONS = TransferOptions(content_weight=2, style_weight=30)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return create_encoder("vgg_lite").double().freeze()


@pytest.fixture(scope="module")
def tiled(encoder: Encoder) -> TiledEncoder:
    return TiledEncoder(encoder)


def blocks(seed: int, side: int = 48) -> Tensor:
    """Structure to have features of: squares of 4 px in random colors."""
    generator = torch.Generator().manual_seed(seed)
    cells = torch.rand(1, 3, side // 4, side // 4, generator=generator, dtype=torch.float64)
    return cells.repeat_interleave(4, 2).repeat_interleave(4, 3)


def halves(side: int = 48, first: int = 0) -> Tensor:
    """Left and right half as two regions, (2, side, side); ``first`` is the left one's index."""
    regions = torch.zeros(2, side, side, dtype=torch.float64)
    regions[first, :, : side // 2] = 1
    regions[1 - first, :, side // 2 :] = 1
    return regions


def test_it_is_the_perceptual_loss_where_there_is_one_style_and_no_mask(
    encoder: Encoder, tiled: TiledEncoder
) -> None:
    content, style, image = blocks(0), blocks(1, 64), blocks(2)
    loss = PerceptualLoss(encoder, style, content_weight=2, style_weight=30)
    expected = loss(image, loss.content_targets(content))
    found = Objective(tiled, content, [style], [], OPTIONS)(image)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name])


def test_the_content_has_no_content_loss_and_the_style_no_style_loss(tiled: TiledEncoder) -> None:
    objective = Objective(tiled, blocks(0), [blocks(1)], [], OPTIONS)
    assert objective(blocks(0))["content"] == 0
    assert objective(blocks(1))["style"] < 1e-20


@pytest.mark.parametrize(
    ("weights", "names"),
    [({"content_weight": 0}, {"style"}), ({"style_weight": 0}, {"content"})],
)
def test_a_term_of_weight_0_is_left_out(
    tiled: TiledEncoder, weights: dict[str, float], names: set[str]
) -> None:
    options = replace(OPTIONS, **weights)
    assert Objective(tiled, blocks(0), [blocks(1)], [], options)(blocks(2)).keys() == names


def test_a_mask_of_one_region_changes_nothing(tiled: TiledEncoder) -> None:
    plain = Objective(tiled, blocks(0), [blocks(1)], [], OPTIONS)(blocks(2))
    whole = torch.ones(1, 48, 48, dtype=torch.float64)
    masked = Objective(tiled, blocks(0), [blocks(1)], [whole, whole], OPTIONS)(blocks(2))
    torch.testing.assert_close(masked, plain)


def test_a_region_takes_its_style_from_the_region_of_the_same_number(tiled: TiledEncoder) -> None:
    style = blocks(1)
    same = Objective(tiled, style, [style], [halves(), halves()], OPTIONS)
    assert same(style)["style"] < 1e-20
    crossed = Objective(tiled, style, [style], [halves(), halves(first=1)], OPTIONS)
    assert crossed(style)["style"] > 1e-3


def test_regions_far_apart_do_not_see_each_other(tiled: TiledEncoder) -> None:
    image = blocks(2, 160).requires_grad_(True)
    regions = torch.zeros(2, 160, 160, dtype=torch.float64)
    regions[0, :, :40], regions[1, :, 120:] = 1, 1
    objective = Objective(tiled, blocks(0, 160), [blocks(1)], [regions, halves()], OPTIONS)
    grams, _ = objective._compare(image)
    (gradient,) = torch.autograd.grad(grams["relu3_1"][0].sum(), image)
    assert gradient[..., :40].abs().max() > 0
    assert gradient[..., 120:].abs().max() == 0


def test_a_blend_of_one_share_is_that_style_and_shares_need_not_sum_to_1(
    tiled: TiledEncoder,
) -> None:
    def style_loss(styles: list[Tensor], blend: tuple[float, ...]) -> Tensor:
        options = replace(OPTIONS, blend=blend)
        return Objective(tiled, blocks(0), styles, [], options)(blocks(3))["style"]

    one, two = blocks(1), blocks(2)
    torch.testing.assert_close(style_loss([one, two], (5, 0)), style_loss([one], ()))
    torch.testing.assert_close(style_loss([one, two], (1, 3)), style_loss([two, one], (30, 10)))
    torch.testing.assert_close(style_loss([one, two], ()), style_loss([one, two], (2, 2)))
