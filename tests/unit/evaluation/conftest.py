"""A trained-looking filter, and photographs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fast_nst.filters.checkpoint import FilterMetadata, Style, save_filter
from fast_nst.image.io import write_image
from fast_nst.networks import create_network


@pytest.fixture(scope="session")
def style_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("style") / "style.png"
    cells = torch.rand(3, 16, 20, generator=torch.Generator().manual_seed(5))
    write_image(file, cells.repeat_interleave(5, 1).repeat_interleave(5, 2))
    return file


@pytest.fixture(scope="session")
def metadata(style_file: Path) -> FilterMetadata:
    return FilterMetadata(
        styles=(Style("blocks"),),
        network="johnson",
        network_arguments={"width": 4, "blocks": 1},
        config={
            "style": {"name": "blocks", "image": str(style_file), "size": 64},
            "encoder": {"name": "vgg_lite", "weights": None},
            "loss": {
                "scale": "relative",
                "content_layers": ["relu3_1"],
                "style_layers": ["relu1_1", "relu2_1"],
                "content_weight": 1.0,
                "style_weight": 20.0,
                "tv_weight": 0.5,
                "grid_weight": 20.0,
                "pattern_weight": 0.2,
                "frame_weight": 5.0,
            },
        },
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, metadata: FilterMetadata) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = create_network(metadata.network, **metadata.network_arguments)
    return save_filter(tmp_path_factory.mktemp("trained") / "blocks.safetensors", network, metadata)
