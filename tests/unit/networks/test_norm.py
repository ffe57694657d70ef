import pytest
import torch

from fast_nst.networks import create_network
from fast_nst.networks.norm import (
    AdaptiveInstanceNorm,
    InstanceNorm,
    Statistics,
    choose_statistics,
    measure,
    record_statistics,
    use_statistics,
)


def images(count: int = 2, size: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return create_network("johnson", width=4, blocks=1).eval()


def test_statistics_are_means_and_biased_variances() -> None:
    x = torch.tensor([[[[1.0, 3.0]]]])
    found = measure(x)
    assert found.mean.tolist() == [[2.0]]
    assert found.var.tolist() == [[1.0]]


def test_recording_changes_nothing_and_names_every_norm() -> None:
    net = network()
    with torch.no_grad():
        plain = net(images())
        with record_statistics(net) as found:
            torch.testing.assert_close(net(images()), plain)
    norms = {name: each for name, each in net.named_modules() if isinstance(each, InstanceNorm)}
    assert found.keys() == norms.keys()
    for name, norm in norms.items():
        assert found[name].mean.shape == (2, len(norm.weight))
        assert norm.choose is None


def test_an_images_own_statistics_give_its_own_result() -> None:
    net = network()
    with torch.no_grad():
        plain = net(images())
        with record_statistics(net) as found:
            net(images())
        with use_statistics(net, found):
            torch.testing.assert_close(net(images()), plain)
        torch.testing.assert_close(net(images()), plain)


def test_given_statistics_are_used_and_serve_a_whole_batch() -> None:
    norm = InstanceNorm(2)
    given = Statistics(torch.tensor([1.0, 0.0]), torch.tensor([4.0, 1.0]))
    with use_statistics(torch.nn.Sequential(norm), {"0": given}):
        found = torch.nn.Sequential(norm)(torch.full((3, 2, 1, 1), 5.0))
    torch.testing.assert_close(found[:, 0], torch.full((3, 1, 1), 2.0), atol=1e-4, rtol=0)
    torch.testing.assert_close(found[:, 1], torch.full((3, 1, 1), 5.0), atol=1e-4, rtol=0)


def test_statistics_can_follow_the_input_slowly() -> None:
    norm = InstanceNorm(1)
    net = torch.nn.Sequential(norm)
    before = Statistics(torch.zeros(1, 1), torch.ones(1, 1))

    def halfway(_: str, x: torch.Tensor) -> Statistics:
        now = measure(x)
        return Statistics(torch.lerp(before.mean, now.mean, 0.5), before.var)

    with choose_statistics(net, halfway):
        found = net(torch.full((1, 1, 4, 4), 2.0))
    torch.testing.assert_close(found, torch.ones(1, 1, 4, 4), atol=1e-4, rtol=0)


def test_low_precision_keeps_its_type_and_is_normalized_in_float32() -> None:
    norm = InstanceNorm(1)
    x = torch.full((1, 1, 2, 2), 1000.0, dtype=torch.bfloat16)
    given = Statistics(torch.tensor([1001.0]), torch.tensor([1.0]))
    found = norm.normalize(x, given)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), torch.full((1, 1, 2, 2), -1.0), atol=0.01, rtol=0)


def test_an_error_inside_leaves_the_network_as_it_was() -> None:
    net = network()
    try:
        with use_statistics(net, {}), torch.no_grad():
            net(images())
    except KeyError:
        pass
    assert all(m.choose is None for m in net.modules() if isinstance(m, InstanceNorm))


def test_the_network_can_still_be_exported() -> None:
    net = network()
    with torch.no_grad():
        program = torch.export.export(net, (images(1),))
        torch.testing.assert_close(program.module()(images(1)), net(images(1)))


def adaptive_norm(channels: int = 3) -> AdaptiveInstanceNorm:
    torch.manual_seed(0)
    norm = AdaptiveInstanceNorm(channels)
    torch.nn.init.normal_(norm.change, std=0.3)
    torch.nn.init.normal_(norm.bias)
    return norm


def test_an_adaptive_norm_is_a_plain_one_at_first() -> None:
    x = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0)) * 3 + 1
    torch.testing.assert_close(AdaptiveInstanceNorm(3)(x), InstanceNorm(3)(x))


@pytest.mark.parametrize("gradients", [True, False])
def test_an_adaptive_norm_scales_and_shifts_by_its_statistics(gradients: bool) -> None:
    norm = adaptive_norm()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    x = x * torch.tensor([1.0, 4.0]).view(2, 1, 1, 1)
    with torch.set_grad_enabled(gradients):
        found = measure(norm(x))
    weight, bias = norm.affine(measure(x))
    torch.testing.assert_close(found.mean, bias)
    torch.testing.assert_close(found.var.sqrt(), weight.abs(), rtol=1e-4, atol=1e-5)
    assert (bias[0] - bias[1]).abs().min() > 1e-3  # each image has its own


def test_an_adaptive_norm_looks_at_low_precision_in_float32() -> None:
    norm = adaptive_norm()
    # In bfloat16, the mean square of these would leave nothing of their variance.
    x = (100 + torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = norm(x)
        found.float().square().mean().backward()
    assert found.dtype == torch.bfloat16
    assert norm.change.grad is not None
    assert norm.change.grad.isfinite().all()
    torch.testing.assert_close(found.float(), norm(x.float()), rtol=0.05, atol=0.05)


def test_an_adaptive_norm_with_given_statistics_does_not_look_at_the_image() -> None:
    norm = adaptive_norm()
    given = Statistics(torch.zeros(3), torch.ones(3))
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    weight, bias = norm.affine(given)
    expected = weight.view(3, 1, 1) * x / (1 + 1e-5) ** 0.5 + bias.view(3, 1, 1)
    torch.testing.assert_close(norm.normalize(x, given), expected)


def test_an_adaptive_norm_grows_without_changing_the_old_channels() -> None:
    small, grown = adaptive_norm(3), AdaptiveInstanceNorm(5)
    grown.grow_from(small)
    mean, var = torch.randn(2, 5), torch.rand(2, 5)
    scale, shift = grown.affine(Statistics(mean, var))
    small_scale, small_shift = small.affine(Statistics(mean[:, :3], var[:, :3]))
    torch.testing.assert_close(scale[:, :3], small_scale)  # weights are ones in both
    torch.testing.assert_close(shift[:, :3], small_shift - small.bias)
    assert (scale[:, 3:] == 1).all()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kind", [InstanceNorm, AdaptiveInstanceNorm])
def test_the_gradient_of_a_norm_is_right_in_float64(
    kind: type[InstanceNorm], layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    norm = kind(2).double()
    x = (3 + torch.rand(2, 2, 9, 10, dtype=torch.float64)).contiguous(memory_format=layout)
    # An adaptive norm changes nothing at first; later, no gradient flows through what it observes.
    assert torch.autograd.gradcheck(norm, x.requires_grad_(), fast_mode=True)


def test_a_network_in_float64_stays_in_float64() -> None:
    net = network()
    with torch.no_grad():
        plain = net(images())
        wide = net.double()(images().double())
    assert wide.dtype == torch.float64
    torch.testing.assert_close(wide, plain.double(), atol=1e-5, rtol=0)
