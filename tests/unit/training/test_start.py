from pathlib import Path

import pytest
import torch

from fast_nst.errors import CheckpointError, ConfigError
from fast_nst.filters.checkpoint import FilterMetadata, Style, load_filter, save_filter
from fast_nst.networks import create_network
from fast_nst.paths import asset_path
from fast_nst.training.start import create_started_network, network_settings

ARGUMENTS = {"width": 3, "blocks": 1}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    network = create_network("quarter", **ARGUMENTS)
    return save_filter(
        tmp_path / "f.safetensors", network, FilterMetadata((Style("a"),), "quarter", ARGUMENTS)
    )


def test_a_training_can_start_from_a_filter(trained: Path) -> None:
    network = create_started_network("quarter", ARGUMENTS, str(trained))
    expected = load_filter(trained).network.state_dict()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, expected[name])
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_no_start_means_random_weights() -> None:
    first, second = (create_started_network("quarter", ARGUMENTS, None) for _ in range(2))
    assert not torch.equal(first.down.conv.weight, second.down.conv.weight)


@pytest.mark.parametrize(
    "file", sorted(asset_path("starts").glob("*.safetensors")), ids=lambda f: f.stem
)
def test_every_bundled_start_is_of_the_network_that_its_name_says(file: Path) -> None:
    found = load_filter(file).metadata
    network = create_started_network(found.network, found.network_arguments, "bundled")
    assert next(network.parameters()).dtype == torch.float32
    stylized = network(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    assert stylized.std() > 0.05  # an image


def test_what_is_not_bundled_is_said_with_what_is() -> None:
    with pytest.raises(
        ConfigError, match=r"none for quarter width=3 blocks=1.*quarter width=24 blocks=5"
    ):
        create_started_network("quarter", ARGUMENTS, "bundled")


@pytest.mark.parametrize(
    "larger",
    [
        {"width": 5, "blocks": 1},
        {"width": 4, "blocks": 3},
        {"width": 3, "blocks": 1, "adaptive": True},
    ],
)
def test_a_smaller_start_is_grown_without_a_change_to_what_it_paints(
    larger: dict[str, int], trained: Path
) -> None:
    grown = create_started_network("quarter", larger, str(trained))
    images = torch.rand(2, 3, 36, 44, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(grown(images), load_filter(trained).network(images))
    assert grown.down.conv.out_channels == 4 * larger["width"]
    assert len(grown.blocks) == larger["blocks"]


def test_an_adaptive_start_keeps_what_it_learned_in_a_wider_network(tmp_path: Path) -> None:
    arguments = {**ARGUMENTS, "adaptive": True}
    network = create_network("quarter", **arguments)
    for name, value in network.named_parameters():
        if name.endswith("change"):
            torch.nn.init.normal_(value, std=0.3)
    metadata = FilterMetadata((Style("a"),), "quarter", arguments)
    file = str(save_filter(tmp_path / "f.safetensors", network, metadata))
    grown = create_started_network("quarter", {**arguments, "width": 5}, file)
    images = torch.rand(2, 3, 36, 44, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(grown(images), network(images))
    with pytest.raises(ConfigError, match="adaptive=True, this training's"):
        create_started_network("quarter", ARGUMENTS, file)


def test_what_is_new_in_a_grown_network_is_trained_from_the_second_step_on(trained: Path) -> None:
    grown = create_started_network("quarter", {"width": 5, "blocks": 2}, str(trained))
    optimizer = torch.optim.SGD(grown.parameters(), lr=0.1)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for _ in range(3):
        optimizer.zero_grad()
        (grown(images) - images).square().mean().backward()
        optimizer.step()
    for name, parameter in grown.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.flatten(1 if parameter.ndim > 1 else 0).abs().sum(-1).min() > 0, name


def test_the_bundled_start_serves_wider_and_deeper_networks_too() -> None:
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        bundled, grown = (
            create_started_network("quarter", {"width": width, "blocks": blocks}, "bundled")(images)
            for width, blocks in ((24, 5), (26, 6))
        )
    torch.testing.assert_close(grown, bundled)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("quarter", {"width": 2, "blocks": 1}), ("johnson", {"width": 5, "blocks": 1})],
)
def test_a_file_of_a_larger_or_another_network_is_refused(
    name: str, arguments: dict[str, int], trained: Path
) -> None:
    with pytest.raises(ConfigError, match=f"this training's network {name} width="):
        create_started_network(name, arguments, str(trained))


@pytest.mark.parametrize("name", ["johnson", "mobile"])
def test_adaptive_norms_are_refused_where_a_network_has_none(name: str) -> None:
    group = {"name": name, "width": 8, "blocks": 4, "adaptive": True, "start": None}
    with pytest.raises(ConfigError, match=rf"network={name} has no .* or use network=quarter\."):
        network_settings(group)
    assert network_settings({**group, "adaptive": False}) == (name, {"width": 8, "blocks": 4}, None)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gone\.safetensors: no such file"):
        create_started_network("quarter", ARGUMENTS, str(tmp_path / "gone.safetensors"))
