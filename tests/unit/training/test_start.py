from pathlib import Path

import pytest
import torch

from fast_nst.checkpoint import FilterMetadata, load_filter, save_filter
from fast_nst.errors import CheckpointError, ConfigError
from fast_nst.networks import create_network
from fast_nst.paths import asset_path
from fast_nst.training.start import create_started_network

ARGUMENTS = {"width": 3, "blocks": 1}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    network = create_network("quarter", **ARGUMENTS)
    return save_filter(
        tmp_path / "f.safetensors", network, FilterMetadata("a", "quarter", ARGUMENTS)
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
    assert stylized.std() > 0.05  # a picture


def test_what_is_not_bundled_is_said_with_what_is() -> None:
    with pytest.raises(ConfigError, match=r"none for quarter width=3 blocks=1.*quarter_24_5"):
        create_started_network("quarter", ARGUMENTS, "bundled")


def test_a_file_of_another_network_is_refused(trained: Path) -> None:
    with pytest.raises(ConfigError, match="this training's network quarter width=5"):
        create_started_network("quarter", {"width": 5, "blocks": 1}, str(trained))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gone\.safetensors: no such file"):
        create_started_network("quarter", ARGUMENTS, str(tmp_path / "gone.safetensors"))
