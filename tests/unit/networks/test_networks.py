import copy
from typing import Any

import pytest
import torch
from torch import nn

from fast_nst.errors import ConfigError
from fast_nst.networks import (
    NETWORKS,
    JohnsonNetwork,
    MobileNetwork,
    PyTorchExamplesNetwork,
    QuarterNetwork,
    create_network,
)
from fast_nst.networks.mobile import PaintPatches
from fast_nst.networks.norm import InstanceNorm

# Networks by name, with what they are built with beyond width and blocks.
KINDS: dict[str, dict[str, Any]] = {name: {} for name in NETWORKS}
KINDS["quarter_adaptive"] = {"adaptive": True}


def make_network(name: str, blocks: int) -> nn.Module:
    torch.manual_seed(0)
    network = create_network(name.removesuffix("_adaptive"), width=4, blocks=blocks, **KINDS[name])
    for key, value in network.named_parameters():
        if key.endswith("change"):  # zeros at first, which change nothing
            nn.init.normal_(value, std=0.1)
    return network.eval()


@pytest.fixture(scope="module", params=KINDS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    return make_network(request.param, blocks=1)


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 40), (3, 2), (17, 13), (16, 16), (255, 193), (64, 3)]
)
def test_the_output_has_the_inputs_size_and_stays_in_range(
    network: nn.Module, height: int, width: int
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


def test_a_network_that_ignores_the_mean_gives_the_same_for_a_lighter_image(
    network: nn.Module,
) -> None:
    network = copy.deepcopy(network).double()
    if isinstance(network, PyTorchExamplesNetwork):  # its colors are 0 to 255, cut off there
        nn.init.constant_(network.head.conv.bias, 128.0)
    images = torch.rand(1, 3, 33, 41, generator=torch.Generator().manual_seed(0)).double() / 2
    dark, light = network(images), network(images + 0.3)
    assert dark.std() > 1e-4
    assert ((light - dark).abs().max() < 1e-9) == network.ignores_mean


def test_images_of_a_batch_do_not_influence_each_other(network: nn.Module) -> None:
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(network(images), alone)


@pytest.mark.parametrize("name", KINDS)
def test_a_gradient_reaches_every_weight(name: str) -> None:
    network = make_network(name, blocks=2)
    network(torch.rand(1, 3, 32, 32)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_unknown_networks_and_arguments_are_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'johnson'"):
        create_network("jonson")
    with pytest.raises(ConfigError, match="depth"):
        create_network("johnson", depth=3)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_without_channels_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="width must be 1 or more"):
        create_network(name, width=0)


def test_the_quarter_networks_content_reaches_its_last_layers_past_the_blocks() -> None:
    network = QuarterNetwork(width=2, blocks=1).eval()
    flat, edge = torch.full((1, 3, 32, 32), 0.5), torch.full((1, 3, 32, 32), 0.5)
    edge[..., 16:] = 1.0
    with torch.no_grad():
        network.up.conv.weight[:, :8] = 0  # what came through the blocks
        assert (network(edge) - network(flat)).abs().max() > 1e-2
        network.up.conv.weight[:, 8:] = 0
        assert (network(edge) - network(flat)).abs().max() < 1e-5


@pytest.mark.parametrize(
    "larger", [{"width": 3, "blocks": 1}, {"width": 2, "blocks": 2}, {"adaptive": True}]
)
def test_a_quarter_network_does_not_grow_smaller(larger: dict[str, Any]) -> None:
    small = {"width": 2, "blocks": 1}
    with pytest.raises(ValueError, match="expected at most width=2, blocks=1, and adaptive"):
        QuarterNetwork(**small).grow_from(QuarterNetwork(**{**small, **larger}))


def test_the_mobile_networks_content_reaches_its_last_layers_past_the_blocks() -> None:
    network = MobileNetwork(width=2, blocks=1).eval()
    edge = torch.full((1, 3, 32, 32), 0.5)
    edge[..., 16:] = 1.0
    with torch.no_grad():
        network.join.conv.weight[:, :8] = 0  # what came through the blocks
        assert network(edge).std(dim=-1).max() > 1e-2
        network.join.conv.weight[:, 8:] = 0
        assert network(edge).std(dim=-1).max() < 1e-5


def test_the_mobile_network_paints_overlapping_patches_that_fade_to_their_borders() -> None:
    paint = PaintPatches(channels=5)
    x = torch.zeros(1, 5, 8, 8)
    x[0, 2, 4, 3] = 1.0
    with torch.no_grad():
        cells = paint(x)[0].unflatten(0, (4, 4, 3))
    pixels = cells.permute(2, 3, 0, 4, 1).flatten(3, 4).flatten(1, 2)  # (3, 32, 32)
    patch = pixels[:, 12:24, 8:20]  # of row 4 and column 3: its own 4x4 px, and 4 px around
    assert pixels.abs().sum() == pytest.approx(patch.abs().sum().item())
    # Weights of all pixels start equal: what differs is how they fade.
    fade = patch[0] / patch[0].max()
    line = torch.sin(torch.pi * (torch.arange(12) + 0.5) / 12) ** 2
    torch.testing.assert_close(fade / fade.max(), torch.outer(line, line) / line.max() ** 2)
    # Features that are the same everywhere leave no grid, whatever the weights.
    with torch.no_grad():
        paint.weight.normal_()
        flat = paint(torch.ones(1, 5, 6, 6))[0].unflatten(0, (16, 3))
    assert flat.std(dim=0).max() < 1e-5
