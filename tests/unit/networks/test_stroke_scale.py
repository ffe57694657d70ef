"""Strokes larger than those that a network was trained for."""

from __future__ import annotations

import math

import pytest
import torch

from fast_nst.errors import ConfigError
from fast_nst.networks import create_network
from fast_nst.networks.layers import ScaledNetwork, scale_shares, traced_scale_shares
from fast_nst.tiling.segments import SegmentedNetwork
from fast_nst.tiling.strips import stylize_rows
from fast_nst.training.start import create_started_network, network_settings

NETWORKS = {
    "quarter": {"width": 3, "blocks": 1, "adaptive": True},
    "mobile": {"width": 2, "blocks": 1},
}


def network(name: str, scale: float = 1.0) -> ScaledNetwork:
    torch.manual_seed(0)
    made = create_network(name, **NETWORKS[name], stroke_scale=scale)
    assert isinstance(made, ScaledNetwork)
    return made.eval().requires_grad_(False)


def image(height: int, width: int) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("scale", [1, 1.3, 2, 3, 4])
def test_every_size_of_image_keeps_its_size(name: str, scale: float) -> None:
    made = network(name, scale)
    for size in ((1, 1), (17, 40), (66, 65)):
        stylized = made(image(*size))
        assert stylized.shape == (1, 3, *size)
        assert stylized.isfinite().all()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_scale_changes_the_result_and_no_weights(name: str) -> None:
    usual, larger = network(name), network(name, 2)
    assert usual.state_dict().keys() == larger.state_dict().keys()
    assert (usual(image(64, 64)) - larger(image(64, 64))).abs().max() > 1e-3


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("scale", [2, 3])
def test_strips_paint_what_the_whole_image_gives(name: str, scale: float) -> None:
    made, content = network(name, scale), image(300, 64)
    segmented = SegmentedNetwork(made)
    assert segmented.unit == 4 * max(made.scale_shares)
    painted = torch.zeros_like(content)

    def write(top: int, rows: torch.Tensor) -> None:
        painted[:, :, top : top + rows.shape[2]] = rows

    steps = []
    stylize_rows(
        segmented, (300, 64), lambda top, bottom: content[:, :, top:bottom], write,
        memory=2_000_000, on_progress=steps.append,
    )  # fmt: skip
    assert len(steps) > len(segmented.segments)
    torch.testing.assert_close(painted, made(content), atol=1e-5, rtol=0)


def test_shares_are_those_of_the_two_scales_around_it() -> None:
    assert scale_shares(1) == {1: 1}
    assert scale_shares(4) == {4: 1}
    assert scale_shares(math.sqrt(2)) == pytest.approx({1: 0.5, 2: 0.5})
    assert scale_shares(3) == pytest.approx({2: 0.415, 4: 0.585}, abs=1e-3)
    for scale in (0.5, 1.0, 1.7, 3.0, 4.0, 5.0):
        traced = traced_scale_shares(torch.tensor(scale))
        expected = dict.fromkeys(traced, 0.0) | scale_shares(min(max(scale, 1), 4))
        assert {key: float(value) for key, value in traced.items()} == pytest.approx(
            expected, abs=1e-6
        )


@pytest.mark.parametrize("scale", [0.5, 4.1, math.nan])
def test_a_scale_out_of_range_is_refused(scale: float) -> None:
    with pytest.raises(ConfigError, match="expected 1 to 4"):
        network("mobile", scale)


def test_a_training_has_it_as_a_setting_and_starts_from_any_weights() -> None:
    group = {"name": "mobile", "width": 8, "blocks": 4, "adaptive": False, "stroke_scale": 2.0,
             "start": "bundled"}  # fmt: skip
    name, arguments, start = network_settings(group)
    assert arguments == {"width": 8, "blocks": 4, "stroke_scale": 2.0}
    made = create_started_network(name, arguments, start)
    assert isinstance(made, ScaledNetwork)
    assert set(made.scale_shares) == {2}
    assert network_settings({**group, "stroke_scale": 1.0})[1] == {"width": 8, "blocks": 4}
    with pytest.raises(ConfigError, match=r"network=johnson has no blocks .* network=mobile or"):
        network_settings({**group, "name": "johnson"})
