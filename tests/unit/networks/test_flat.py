"""Channels that are the same everywhere, or nearly: what a norm makes of them is exact."""

from __future__ import annotations

import pytest
import torch

from fast_nst.networks.norm import (
    STEP,
    AdaptiveInstanceNorm,
    InstanceNorm,
    Statistics,
    _near_mean,
    measure,
)
from fast_nst.tiling.strips import StreamedMoments

NORMS = [InstanceNorm, AdaptiveInstanceNorm]
SIZES = [(1, 1), (3, 7), (64, 64), (97, 150), (360, 640)]


def make(kind: type[InstanceNorm]) -> InstanceNorm:
    torch.manual_seed(0)
    norm = kind(3)
    torch.nn.init.constant_(norm.weight, 2.0)
    torch.nn.init.constant_(norm.bias, 0.25)
    if isinstance(norm, AdaptiveInstanceNorm):
        torch.nn.init.normal_(norm.change, std=0.1)
    return norm


def exact(norm: InstanceNorm, x: torch.Tensor) -> torch.Tensor:
    """The norm's definition, in float64."""
    x = x.double()
    mean = x.mean(dim=(2, 3))
    centered = x - mean[..., None, None]
    var = centered.square().mean(dim=(2, 3))
    with torch.no_grad():
        scale, shift = norm.affine(Statistics(mean.float(), var.float()))
    scale = scale.double() / (var + 1e-5).sqrt()
    return scale[..., None, None] * centered + shift.double()[..., None, None]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", NORMS)
def test_a_constant_channel_becomes_the_shift(
    kind: type[InstanceNorm], size: tuple[int, int], gradients: bool, layout: torch.memory_format
) -> None:
    norm = make(kind)
    x = torch.tensor([0.3, -7.7, 1000.1]).view(1, 3, 1, 1).repeat(2, 1, *size)
    x = x.contiguous(memory_format=layout)
    with torch.set_grad_enabled(gradients):
        got = norm(x)
    torch.testing.assert_close(got.double(), exact(norm, x), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        norm.normalize(x, measure(x)).double(), exact(norm, x), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("kind", NORMS)
def test_faint_content_keeps_its_contrast(kind: type[InstanceNorm], gradients: bool) -> None:
    norm = make(kind)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 2, (1, 3, 180, 320), generator=generator) / 255  # of a JPEG file
    halves = torch.zeros(1, 3, 180, 320)
    halves[..., :160] = 1 / 255
    dot = torch.zeros(1, 3, 180, 320)
    dot[..., 0, 0] = 1 / 255  # where all others are what is subtracted first
    for content in (noise, halves, dot):
        x = (0.5 + content).contiguous(memory_format=torch.channels_last)
        with torch.set_grad_enabled(gradients):
            got = norm(x).double()
        expected = exact(norm, x)
        assert (got - expected).abs().max() < 1e-4 * expected.abs().max()


def test_the_near_mean_is_at_most_eight_standard_deviations_from_the_mean() -> None:
    x = torch.zeros(1, 1, 64, 64)
    x[..., ::STEP, ::STEP] = 1  # the worst that there is
    found = measure(x)
    away = (_near_mean(x) - found.mean).abs() / found.var.sqrt()
    assert 7.5 < away.item() < 8
    torch.testing.assert_close(found.mean.item(), 1 / 64)
    torch.testing.assert_close(found.var.item(), 63 / 64**2)


@pytest.mark.parametrize("kind", NORMS)
def test_gradients_are_those_of_the_definition(kind: type[InstanceNorm]) -> None:
    norm = make(kind)
    x = 5 + torch.randn(2, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    x.requires_grad_(True)
    (got,) = torch.autograd.grad((norm(x) * weights).sum(), x)
    (expected,) = torch.autograd.grad((exact(norm, x) * weights).sum(), x)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_moments_of_strips_are_exact_for_a_constant_channel() -> None:
    moments = StreamedMoments()
    for rows in (32, 8, 1):
        moments.add(torch.full((1, 2, rows, 640), 1000.1))
    found = moments.statistics()
    assert found.mean.tolist() == torch.full((2,), 1000.1).tolist()
    assert found.var.max() == 0
