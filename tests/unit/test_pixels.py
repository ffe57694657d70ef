import pytest
import torch

from fast_nst.encoders import create_encoder
from fast_nst.errors import TrainingError
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optimize.gatys import synthesize_texture
from fast_nst.pixels import Progress, optimize_picture


def blocks(side: int) -> torch.Tensor:
    """A picture with structure: coloured squares of 4 px."""
    generator = torch.Generator().manual_seed(0)
    cells = torch.rand(1, 3, side // 4, side // 4, generator=generator)
    return cells.repeat_interleave(4, 2).repeat_interleave(4, 3)


def test_a_quadratic_is_solved() -> None:
    target = torch.tensor([0.1, 0.25, 0.9]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    found = optimize_picture(
        torch.full((1, 3, 4, 4), 0.5), lambda x: {"error": (x - target).square().mean()}
    )
    torch.testing.assert_close(found, target, atol=1e-3, rtol=0)


def test_pixels_stay_in_range() -> None:
    found = optimize_picture(
        torch.full((1, 3, 4, 4), 0.5), lambda x: {"error": (x - 3).square().mean()}, iterations=20
    )
    assert torch.equal(found, torch.ones(1, 3, 4, 4))


def test_the_start_is_not_changed_and_every_iteration_is_reported() -> None:
    start, seen = torch.full((1, 3, 2, 2), 0.5), list[Progress]()
    optimize_picture(
        start, lambda x: {"a": x.square().mean()}, iterations=3, on_progress=seen.append
    )
    assert torch.equal(start, torch.full((1, 3, 2, 2), 0.5))
    assert [each.iteration for each in seen] == [1, 2, 3]
    assert seen[-1].losses["a"] < seen[0].losses["a"]


def test_a_loss_that_is_not_finite_is_named() -> None:
    with pytest.raises(TrainingError, match="the bad loss is nan at iteration 1"):
        optimize_picture(torch.rand(1, 3, 2, 2), lambda x: {"bad": x.sum() * float("nan")})


def test_style_transfer_comes_nearer_to_the_style_and_keeps_the_content() -> None:
    encoder = create_encoder("vgg_lite")
    content, style = torch.full((1, 3, 32, 32), 0.5), blocks(32)
    content[..., 16:] = 0.1
    loss = PerceptualLoss(encoder, style, style_weight=10)
    targets = loss.content_targets(content)
    with torch.no_grad():
        before = loss(content, targets)["style"]
    found = optimize_picture(content, lambda x: loss(x, targets), iterations=30)
    with torch.no_grad():
        after = loss(found, targets)
    assert after["style"] < 0.3 * before
    assert after["style"] + after["content"] < before


def test_a_texture_has_the_styles_statistics_at_every_size_but_not_its_pixels() -> None:
    encoder, style = create_encoder("vgg_lite"), blocks(64)
    texture = synthesize_texture(style, [encoder], sizes=(32, 64), iterations=(60, 60))
    assert texture.shape == (1, 3, 64, 64)
    loss = PerceptualLoss(encoder, style, content_layers=(), content_weight=0, style_weight=1)
    with torch.no_grad():
        start = loss(torch.rand(1, 3, 64, 64), {})["style"]
        assert loss(texture, {})["style"] < 0.1 * start
    assert (texture - style).abs().mean() > 0.05
