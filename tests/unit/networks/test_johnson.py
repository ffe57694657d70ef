import pytest
import torch
from torch import nn

from fast_nst.errors import ConfigError
from fast_nst.networks import create_network
from fast_nst.networks.johnson import JohnsonNetwork
from fast_nst.networks.norm import InstanceNorm


@pytest.fixture(scope="module")
def network() -> JohnsonNetwork:
    torch.manual_seed(0)
    return JohnsonNetwork(width=4, blocks=1).eval()


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 40), (3, 2), (17, 13), (16, 16), (255, 193), (64, 3)]
)
def test_the_output_has_the_inputs_size_and_stays_in_range(
    network: JohnsonNetwork, height: int, width: int
) -> None:
    stylized = network(torch.rand(2, 3, height, width))
    assert stylized.shape == (2, 3, height, width)
    assert stylized.isfinite().all()
    assert stylized.min() >= 0
    assert stylized.max() <= 1


def test_the_papers_network_has_its_number_of_parameters() -> None:
    count = sum(p.numel() for p in JohnsonNetwork(width=32, blocks=5).parameters())
    convolutions = 3 * 32 * 81 * 2 + 32 * 64 * 9 * 2 + 64 * 128 * 9 * 2 + 10 * 128 * 128 * 9
    norms = 2 * (32 + 64 + 128 + 10 * 128 + 64 + 32)
    assert count == convolutions + norms + 3


def test_instance_norm_is_torchs_own_and_takes_single_pixels() -> None:
    x = torch.randn(2, 5, 7, 6, generator=torch.Generator().manual_seed(0)) * 3 + 1
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            torch.testing.assert_close(InstanceNorm(5)(x), nn.InstanceNorm2d(5)(x))
            assert InstanceNorm(5)(torch.ones(1, 5, 1, 1)).abs().max() == 0


def test_pictures_of_a_batch_do_not_influence_each_other(network: JohnsonNetwork) -> None:
    pictures = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([network(picture[None]) for picture in pictures])
    torch.testing.assert_close(network(pictures), alone)


def test_a_gradient_reaches_every_weight() -> None:
    network = JohnsonNetwork(width=4, blocks=2)
    network(torch.rand(1, 3, 32, 32)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_unknown_networks_and_arguments_are_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'johnson'"):
        create_network("jonson")
    with pytest.raises(ConfigError, match="depth"):
        create_network("johnson", depth=3)
    with pytest.raises(ConfigError, match="width must be 1 or more"):
        create_network("johnson", width=0)
