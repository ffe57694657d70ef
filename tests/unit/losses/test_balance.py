"""The style loses weight while the content is not readable."""

import pytest
import torch

from fast_nst.encoders import create_encoder
from fast_nst.errors import ConfigError
from fast_nst.losses.perceptual import MIN_SHARE, RATE, PerceptualLoss


def image(seed: int) -> torch.Tensor:
    noise = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=(64, 64), mode="bicubic").clamp(0, 1)


def loss(least: float, **more: float) -> PerceptualLoss:
    return PerceptualLoss(
        create_encoder("vgg_lite"), image(0), content_weight=1.0, style_weight=100.0,
        min_content_kept=least, **more,
    )  # fmt: skip


def test_a_lost_photo_takes_weight_from_the_style_and_a_readable_one_gives_it_back() -> None:
    content, other = image(1), image(2)
    balanced, plain = loss(0.4), loss(0.0)
    targets = balanced.content_targets(content)
    for _ in range(10):  # some steps to learn to show the content
        balanced(other, targets)
    assert float(balanced.style_share) == 1.0
    for _ in range(50):
        terms = balanced(other, targets)
    assert 1.03**-50 < float(balanced.style_share) < 0.5
    expected = plain(other, plain.content_targets(content))
    assert float(terms["content"]) == pytest.approx(float(expected["content"]))
    share = float(balanced.style_share)
    assert float(terms["style"]) == pytest.approx(share * float(expected["style"]), rel=1e-4)
    found, without = (
        each.unweighted(values) for each, values in ((balanced, terms), (plain, expected))
    )
    assert float(found["style"]) == pytest.approx(float(without["style"]), rel=1e-4)
    for _ in range(150):
        balanced(content, targets)
    assert float(balanced.style_share) == 1.0


def test_the_share_stays_above_a_least_one() -> None:
    balanced = loss(0.4)
    targets = balanced.content_targets(image(1))
    for _ in range(200):
        balanced(image(2), targets)
    assert float(balanced.style_share) == pytest.approx(MIN_SHARE)
    assert RATE > 1


def test_previews_and_losses_without_a_limit_change_nothing() -> None:
    balanced, free = loss(0.4), loss(0.0)
    with torch.no_grad():
        balanced(image(2), balanced.content_targets(image(1)))
    for _ in range(5):
        balanced.eval()(image(2), balanced.content_targets(image(1)))
        free(image(2), free.content_targets(image(1)))
    assert float(balanced.style_share) == float(free.style_share) == 1.0


def test_a_limit_that_cannot_be_met_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"loss\.min_content_kept is 1"):
        loss(1.0)


def test_coarse_style_is_blind_to_fine_patterns() -> None:
    """Noise of single pixels is gone at half the size; patches of 8 px are not."""
    generator = torch.Generator().manual_seed(0)
    fine = (image(0) + 0.2 * torch.randn(1, 3, 64, 64, generator=generator)).clamp(0, 1)
    term = PerceptualLoss(create_encoder("vgg_lite"), image(0), style_weight=1, coarse_weight=1)
    off = term(fine)
    assert off["coarse"] < 0.5 * off["style"]
    assert term(image(0))["coarse"] < 1e-5
    assert term(image(3))["coarse"] > 0.01
    fine.requires_grad_()
    term(fine)["coarse"].backward()
    assert fine.grad is not None
    assert fine.grad.abs().sum() > 0


def test_the_palette_term_wants_colors_in_areas() -> None:
    areas = torch.full((1, 3, 64, 64), 0.2)
    areas[:, 0, :, :32], areas[:, 2, :, 32:] = 0.9, 0.9
    hatched = torch.full((1, 3, 64, 64), 0.2)
    hatched[:, 0, :, ::2], hatched[:, 2, :, 1::2] = 0.9, 0.9
    term = PerceptualLoss(create_encoder("vgg_lite"), areas, palette_weight=1)
    assert term(areas.flip(3))["palette"] < 1e-6
    assert term(hatched)["palette"] > 0.5
    gray = PerceptualLoss(create_encoder("vgg_lite"), image(0).mean(1, True).expand(-1, 3, -1, -1),
                          palette_weight=1)  # fmt: skip
    assert gray(image(3).mean(1, True).expand(-1, 3, -1, -1))["palette"].isfinite()
