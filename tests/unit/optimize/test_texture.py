"""Textures have a style's statistics, not its pixels."""

import torch

from fast_nst.encoders import create_encoder
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optimize.texture import noise_like, synthesize_texture


def blocks(side: int) -> torch.Tensor:
    """An image with structure: colored squares of 4 px."""
    generator = torch.Generator().manual_seed(0)
    cells = torch.rand(1, 3, side // 4, side // 4, generator=generator)
    return cells.repeat_interleave(4, 2).repeat_interleave(4, 3)


def test_a_texture_has_the_styles_statistics_at_every_size_but_not_its_pixels() -> None:
    encoder, style = create_encoder("vgg_lite"), blocks(64)
    texture = synthesize_texture(style, [encoder], sizes=(32, 64), iterations=(60, 60))
    assert texture.shape == (1, 3, 64, 64)
    loss = PerceptualLoss(encoder, style, style_weight=1)
    with torch.no_grad():
        start = loss(torch.rand(1, 3, 64, 64))["style"]
        assert loss(texture)["style"] < 0.1 * start
    assert (texture - style).abs().mean() > 0.05


def test_noise_has_the_styles_mean_and_repeats_by_its_seed() -> None:
    style = 0.4 + 0.1 * blocks(64)
    noise = noise_like(style, (200, 100), seed=3)
    assert noise.shape == (1, 3, 200, 100)
    torch.testing.assert_close(noise.mean((2, 3)), style.mean((2, 3)), atol=0.01, rtol=0)
    assert torch.equal(noise, noise_like(style, (200, 100), seed=3))
    assert not torch.equal(noise, noise_like(style, (200, 100), seed=4))
