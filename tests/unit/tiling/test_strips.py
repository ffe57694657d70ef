import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fast_nst.errors import ConfigError
from fast_nst.image.io import read_image
from fast_nst.networks import NETWORKS, create_network
from fast_nst.networks.blend import Blend
from fast_nst.networks.layers import ConvNorm
from fast_nst.networks.norm import InstanceNorm
from fast_nst.style_map import StyleMap
from fast_nst.tiling.segments import SegmentedNetwork
from fast_nst.tiling.strips import (
    GUIDED_BLOCK,
    GUIDED_BYTES,
    MIN_ROWS,
    StreamedMoments,
    TileProgress,
    cut_network,
    parse_memory,
    strip_bytes,
    stylize_rows,
)

# Networks by name, with what they are built with beyond width and blocks.
KINDS: dict[str, dict[str, Any]] = {name: {} for name in NETWORKS if name != "photo"}
KINDS["quarter_adaptive"] = {"adaptive": True}


def make_network(name: str) -> nn.Module:
    torch.manual_seed(0)
    arguments = {"width": 4, "blocks": 2, **KINDS.get(name, {})}
    net = create_network(name.removesuffix("_adaptive"), **arguments).eval()
    for parameter in net.parameters():  # norms that scale and shift
        parameter.data += 0.1 * torch.randn_like(parameter)
    return net


@pytest.fixture(scope="module", params=KINDS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    return make_network(request.param)


def make_mapped() -> nn.Module:
    """One whose styles vary over the image, of which strips have to know their place."""
    torch.manual_seed(0)
    base = {"width": 2, "blocks": 1}
    net = create_network("styled", base="mobile", base_arguments=base, code=4, rank=2, styles=3)
    for parameter in net.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    mask = torch.rand(9, 5, generator=torch.Generator().manual_seed(1)).numpy()
    style_map = StyleMap(("a", "b", "c"), (mask, 1 - mask[:4]))
    return net.eval().bind_map([0, 2, 1], style_map, strength=0.4, stroke_size=1.5)


@pytest.fixture(scope="module")
def segmented(network: nn.Module) -> SegmentedNetwork:
    return SegmentedNetwork(network)


def image(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height)
    # Brightness that falls from top to bottom: strips differ, so that local statistics would show.
    return torch.rand(1, 3, height, width, generator=generator) * torch.linspace(
        1, 0.2, height
    ).view(-1, 1)


def in_strips(
    net: SegmentedNetwork, rgb: Tensor, rows: int, seen: list[TileProgress] | None = None
) -> Tensor:
    """Stylize with so little memory that the widest segment computes about so many rows."""
    result = torch.full_like(rgb, torch.nan)

    def write(top: int, part: Tensor) -> None:
        assert result[:, :, top : top + part.shape[2]].isnan().all(), "rows come twice"
        result[:, :, top : top + part.shape[2]] = part

    most = max(strip_bytes(net, s) * max(MIN_ROWS, rows + 2 * s.margin) for s in net.segments)
    stylize_rows(
        net,
        (rgb.shape[2], rgb.shape[3]),
        lambda top, bottom: rgb[:, :, top:bottom],
        write,
        memory=1.01 * most * (rgb.shape[3] + 3),
        on_progress=None if seen is None else seen.append,
    )
    return result


def test_styles_vary_over_strips_as_over_the_whole() -> None:
    net = make_mapped()
    segmented = SegmentedNetwork(net)
    for size in ((301, 192), (20, 20)):  # of the first, smaller copies are compared
        seen: list[TileProgress] = []
        rgb = image(*size)
        painted = in_strips(segmented, rgb, 96, seen)
        torch.testing.assert_close(painted, net(rgb), atol=1e-5, rtol=0)
        assert len(seen) > len(segmented.segments) or size == (20, 20)


@pytest.mark.parametrize(
    ("height", "width"),
    [(1, 1), (1, 90), (90, 1), (3, 2), (15, 40), (64, 48), (109, 33), (130, 67), (201, 18)],
)
def test_strips_give_the_result_of_the_whole_image_at_any_size(
    network: nn.Module, segmented: SegmentedNetwork, height: int, width: int
) -> None:
    rgb = image(height, width)
    with torch.inference_mode():
        whole = network(rgb)
    seen: list[TileProgress] = []
    # An image of one color has no variance but rounding, which is amplified.
    torch.testing.assert_close(in_strips(segmented, rgb, 24, seen), whole, atol=1e-3, rtol=0)
    assert [p.done for p in seen] == list(range(1, seen[-1].total + 1))
    # From 109 px on, there are two strips a segment or more.
    assert height < 109 or seen[-1].total >= 2 * len(segmented.segments)


@pytest.mark.parametrize("rows", [24, 28, 40, 64, 1000])
def test_the_height_of_strips_does_not_matter(
    network: nn.Module, segmented: SegmentedNetwork, rows: int
) -> None:
    rgb = image(143, 30)
    with torch.inference_mode():
        whole = network(rgb)
    torch.testing.assert_close(in_strips(segmented, rgb, rows), whole, atol=2e-4, rtol=0)


def test_margins_are_needed(network: nn.Module) -> None:
    net = SegmentedNetwork(network)
    net.segments = tuple(replace(s, margin=0) for s in net.segments)
    rgb = image(143, 30)
    with torch.inference_mode():
        whole = network(rgb)
    assert (in_strips(net, rgb, 32) - whole).abs().max() > 0.01


def test_there_is_a_segment_more_than_norms_and_each_sees_little(
    network: nn.Module, segmented: SegmentedNetwork
) -> None:
    norms = sum(isinstance(module, InstanceNorm) for module in network.modules())
    assert len(segmented.segments) == norms + 1 >= 7
    assert segmented.unit == 4
    for segment in segmented.segments:
        assert 0 <= segment.margin <= 12
        assert len(segment.needs) <= 3  # a shortcut and the content beside the norm's input
    points = [getattr(module, "kernel_size", None) == (1, 1) for module in network.modules()]
    assert sum(segment.margin == 0 for segment in segmented.segments) == sum(points)


def test_the_network_itself_is_left_alone(network: nn.Module) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.inference_mode():
        plain = network(image(20, 20))
        SegmentedNetwork(network)
        assert torch.equal(network(image(20, 20)), plain)
    assert all(torch.equal(before[n], v) for n, v in network.state_dict().items())


class Skipping(nn.Module):
    """A U-shaped network: what is computed first is needed last."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.down = ConvNorm(3, 4, 3), ConvNorm(4, 6, 3, stride=2)
        self.deep, self.out = ConvNorm(6, 4, 3), nn.Conv2d(4, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.into(x)
        deep = self.deep(torch.relu(self.down(torch.relu(first))))
        deep = nn.functional.interpolate(deep, size=first.shape[-2:])
        return torch.sigmoid(self.out(first + deep) + x)


def test_a_network_with_long_shortcuts_is_cut_as_well() -> None:
    torch.manual_seed(1)
    net = Skipping().eval()
    rgb = image(118, 26)
    with torch.inference_mode():
        whole = net(rgb)
    torch.testing.assert_close(in_strips(SegmentedNetwork(net), rgb, 24), whole, atol=1e-4, rtol=0)


class Attentive(nn.Module):
    """Scales by the mean of the image, with no instance norm: not local."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y * y.mean((2, 3), keepdim=True)


def test_a_network_that_sees_everything_is_refused() -> None:
    with pytest.raises(ConfigError, match="sees the whole image"):
        SegmentedNetwork(Attentive())


def test_streamed_moments_are_those_of_the_whole_also_far_from_zero() -> None:
    x = torch.randn(1, 3, 50, 40, generator=torch.Generator().manual_seed(0)) + 1000
    x[..., 25:, :] += 5
    moments = StreamedMoments()
    for part in x.split(7, dim=2):
        moments.add(part)
    found = moments.statistics()
    torch.testing.assert_close(found.mean, x.double().mean((0, 2, 3)).float())
    var = x.double().var((0, 2, 3), correction=0).float()
    torch.testing.assert_close(found.var, var, rtol=2e-5, atol=0)


def test_too_little_memory_is_said_with_what_it_takes(segmented: SegmentedNetwork) -> None:
    with pytest.raises(ConfigError, match=r"400\d\d px wide take at least \d"):
        stylize_rows(
            segmented,
            (40000, 40000),
            lambda top, bottom: torch.zeros(1, 3, bottom - top, 40000),
            lambda top, part: None,
            memory=1e6,
        )


@pytest.mark.parametrize(
    ("text", "size"), [("1.5GB", 1.5e9), ("800 mb", 8e8), ("2GiB", 2**31), (".5GB", 5e8)]
)
def test_memory_is_written_as_people_do(text: str, size: float) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "2", "-1GB", "0GB", "big", "1.5G B", "nanGB", "1e3MB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"1\.5GB"):
        parse_memory(text)


def test_resident_memory_grows_with_what_is_held() -> None:
    # In a process of its own: one that has freed much may hold new tensors without growing.
    program = (
        "import torch; from fast_nst.tiling.strips import resident_memory as now; "
        "before = now(); held = torch.ones(30_000_000); print(now() - before)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert 100e6 < float(shown.stdout) < 200e6


@pytest.mark.shared
@pytest.mark.parametrize("name", ["green_park_3840x2160.jpg", "roses_5335x3561.jpg"])
def test_large_photographs_come_out_as_if_computed_whole(shared_data: Path, name: str) -> None:
    rgb = read_image(shared_data / "hires" / name).rgb[None]
    network = make_network("quarter")  # of the others, smaller images tell as much
    with torch.inference_mode():
        whole = network(rgb)
    error = (in_strips(SegmentedNetwork(network), rgb, 128) - whole).abs()
    assert error.max() <= 2 / 255
    assert error.mean() <= 0.5 / 255


def test_an_image_is_looked_at_once_and_then_changed_in_strips() -> None:
    network, rgb, seen = make_network("photo"), image(201, 57), []
    result = torch.full_like(rgb, torch.nan)

    def write(top: int, part: Tensor) -> None:
        result[:, :, top : top + part.shape[2]] = part

    for rows in (1, 7, 1000):
        seen.clear()
        stylize_rows(
            network,
            (201, 57),
            lambda top, bottom: rgb[:, :, top:bottom],
            write,
            memory=GUIDED_BLOCK + 57 * GUIDED_BYTES * (rows + 0.5),
            on_progress=seen.append,
        )
        assert [p.done for p in seen] == list(range(1, 2 * -(-201 // rows) + 1))
        with torch.inference_mode():
            torch.testing.assert_close(result, network(rgb), atol=1e-6, rtol=0)
    with pytest.raises(ConfigError, match=r"57 px wide take at least 0\.06 GB"):
        stylize_rows(network, (201, 57), lambda *_: rgb, write, memory=1e6)


def test_a_blend_with_a_network_that_looks_first_is_refused() -> None:
    blend = Blend(make_network("photo"), make_network("quarter"), 0.5)
    with pytest.raises(ConfigError, match="a part of it looks at the image as a whole"):
        cut_network(blend)
