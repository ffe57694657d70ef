"""A network with two styles and a knob, which nothing in the package knows, runs everywhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import Tensor, nn

from fast_nst.cli.main import main
from fast_nst.errors import CheckpointError, ConfigError
from fast_nst.export import export
from fast_nst.filter_metadata import Binding, FilterMetadata, Knob, Style
from fast_nst.filters.checkpoint import load_unbound, read_metadata, save_filter
from fast_nst.image.io import read_image
from fast_nst.inference import Stylizer, open_filter
from fast_nst.networks import NETWORKS
from fast_nst.networks.layers import PaddedConv, TransformationNetwork, pad_to_stride
from fast_nst.networks.norm import InstanceNorm
from fast_nst.runtimes.graph_cache import cached_graph
from fast_nst.runtimes.select import ENGINES, Engine
from fast_nst.tiling.stream import stylize_file_streamed
from fast_nst.tiling.strips import resident_memory

SIZE = (40, 52)
B = {"style": "rain", "knobs": {"boldness": 1.5}}


class TwoStyles(TransformationNetwork):
    """One norm for each style, and a knob for how far it departs from gray."""

    styles = 2
    knobs: ClassVar[Mapping[str, Knob]] = MappingProxyType(
        {"boldness": Knob(0, 2, 1, "more contrast")}
    )

    def __init__(self, width: int = 4, blocks: int = 0) -> None:
        super().__init__(width, blocks)
        self.first = PaddedConv(3, width, kernel=5)
        self.norms = nn.ModuleList([InstanceNorm(width), InstanceNorm(width)])
        self.last = PaddedConv(width, 3, kernel=3)

    def forward(self, images: Tensor, style: int = 0, boldness: float = 1.0) -> Tensor:
        height, width = images.shape[-2:]
        x = self.norms[style](self.first(pad_to_stride(images) - 0.5))
        return torch.sigmoid(boldness * self.last(torch.relu(x)))[..., :height, :width]

    def _bind(self, style: int, values: Mapping[str, float]) -> nn.Module:
        return _Bound(self, style, values["boldness"])


class _Bound(nn.Module):
    stride, multiple, least = 4, 4, 16

    def __init__(self, network: TwoStyles, style: int, boldness: float) -> None:
        super().__init__()
        self.network, self.style, self.boldness = network, style, boldness

    def forward(self, images: Tensor) -> Tensor:
        stylized: Tensor = self.network(images, self.style, self.boldness)
        return stylized


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, "two_styles", TwoStyles)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    network = TwoStyles()
    for index, norm in enumerate(network.norms):
        nn.init.normal_(norm.weight, std=1 + index)  # type: ignore[arg-type]
    metadata = FilterMetadata(
        (Style("sun", title="Sun"), Style("rain", "ab" * 32)),
        "two_styles",
        {"width": 4, "blocks": 0},
        knobs=dict(network.knobs),
    )
    return save_filter(tmp_path_factory.mktemp("two") / "two.safetensors", network, metadata)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("photo") / "photo.png"
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (*SIZE, 3), np.uint8)).save(file)
    return file


def wanted(two: Path, photo: Path, style: int = 1, boldness: float = 1.5) -> Tensor:
    """What the network makes of the photograph when it is called with its arguments."""
    with torch.no_grad():
        result: Tensor = load_unbound(two).network(read_image(photo).rgb[None], style, boldness)
    return result[0]


def apart(got: Tensor | Path, expected: Tensor) -> float:
    rgb = read_image(got).rgb if isinstance(got, Path) else got
    return float((rgb - expected).abs().max())


def test_the_two_styles_and_values_of_the_knob_are_told_apart(two: Path, photo: Path) -> None:
    first = wanted(two, photo)
    for other in (wanted(two, photo, 0), wanted(two, photo, 1, 1.0)):
        assert apart(first, other) > 0.05


def test_a_stylizer_is_bound_when_it_is_loaded(two: Path, photo: Path) -> None:
    image = read_image(photo).rgb
    assert apart(Stylizer.load(two, **B)(image), wanted(two, photo)) < 1e-6
    assert apart(Stylizer.load(two)(image), wanted(two, photo, 0, 1.0)) < 1e-6
    metadata = Stylizer.load(two, **B).metadata
    assert metadata is not None
    assert metadata.style == "rain"
    assert metadata.styles == (Style("rain", "ab" * 32),)
    assert metadata.knobs == {}
    assert metadata.bound == {"boldness": 1.5}


def test_strips_compute_it(two: Path, photo: Path, tmp_path: Path) -> None:
    limit = resident_memory() + 400e6
    stylize_file_streamed(Stylizer.load(two, **B), photo, tmp_path / "out.png", memory=limit)
    assert apart(tmp_path / "out.png", wanted(two, photo)) < 1 / 255


@pytest.mark.usefixtures("compiler")
def test_it_compiles(two: Path, photo: Path) -> None:
    said = []
    stylizer = Stylizer.load(
        two, engine="torch-compiled", on_compile=lambda *size: said.append(size), **B
    )
    got = stylizer(read_image(photo).rgb)
    assert said == [SIZE]
    assert apart(got, wanted(two, photo)) < 0.02  # it may compute in bfloat16


def test_onnx_runtime_has_a_graph_for_each_binding(two: Path, photo: Path) -> None:
    pytest.importorskip("onnxruntime")
    image = read_image(photo)
    filter_ = open_filter(two, engine="onnxruntime", **B)
    assert apart(torch.from_numpy(filter_.stylize_arrays(image.to_arrays()).rgb),
                 wanted(two, photo)) < 1e-4  # fmt: skip
    default = open_filter(two, engine="onnxruntime").stylize_arrays(image.to_arrays())
    assert apart(torch.from_numpy(default.rgb), wanted(two, photo, 0, 1.0)) < 1e-4
    assert cached_graph(two, Binding("rain", {"boldness": 1.5})) != cached_graph(two)


def test_an_export_has_the_values_in_it(two: Path, photo: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    report = export(two, tmp_path / "rain.onnx", **B)
    assert report.differences
    got = Stylizer.load(tmp_path / "rain.onnx")(read_image(photo).rgb)
    assert apart(got, wanted(two, photo)) < 1e-4
    said = read_metadata(tmp_path / "rain.onnx")
    assert (said.style, said.knobs, said.bound) == ("rain", {}, {"boldness": 1.5})
    with pytest.raises(ConfigError, match=r"rain\.onnx: no style 'sun'"):
        Stylizer.load(tmp_path / "rain.onnx", style="sun")
    with pytest.raises(ConfigError, match=r"no knob 'boldness'.*There are none"):
        Stylizer.load(tmp_path / "rain.onnx", knobs={"boldness": 1})


def test_videos_go_through_it(two: Path, photo: Path, tmp_path: Path) -> None:
    pytest.importorskip("av")
    from fast_nst.apps.video import stylize_video

    with Image.open(photo) as image:
        image.save(tmp_path / "in.gif", save_all=True, append_images=[image.rotate(180)])
    (tmp_path / "out").mkdir()
    frame = tmp_path / "out" / "00001.png"
    for steady in (0.0, 0.9):
        report = stylize_video(
            open_filter(two, engine="torch", moving=True, **B).to_torch(),
            tmp_path / "in.gif",
            tmp_path / "out" / "%05d.png",
            steady=steady,
        )
        assert report.frames == 2
        with Image.open(tmp_path / "in.gif") as clip:
            clip.convert("RGB").save(tmp_path / "first.png")
        assert apart(frame, wanted(two, tmp_path / "first.png")) < 3 / 255


def test_two_filters_blend_whatever_they_are_bound_to(two: Path, photo: Path) -> None:
    sun, rain = Stylizer.load(two), Stylizer.load(two, **B)
    got = Stylizer.blend(sun, rain, 0.25)(read_image(photo).rgb)
    expected = torch.lerp(wanted(two, photo, 0, 1.0), wanted(two, photo), 0.25)
    assert apart(got, expected) < 1e-6


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"style": "rian"}, r"no style 'rian' \(did you mean 'rain'\?\)\. Styles: sun, rain\."),
        ({"knobs": {"bold": 1}}, r"no knob 'bold' \(did you mean 'boldness'\?\).*0 to 2"),
        ({"knobs": {"boldness": 3}}, r"boldness is 3; expected 0 to 2\."),
        ({"knobs": {"boldness": float("nan")}}, r"boldness is nan; expected 0 to 2\."),
    ],
)
@pytest.mark.parametrize("engine", ["torch", "torch-compiled", "onnxruntime"])
def test_what_a_filter_does_not_have_is_one_line(
    two: Path, choice: dict[str, Any], message: str, engine: str
) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        Stylizer.load(two, engine=engine, **choice)
    assert "two.safetensors: " in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_network_without_knobs_is_bound_to_itself_and_takes_none(filter_file: Path) -> None:
    network = load_unbound(filter_file).network
    assert network.bind() is network
    with pytest.raises(ConfigError, match=r"no knob 'size'.*There are none"):
        network.bind(size=1.0)
    with pytest.raises(ConfigError, match="style number is 1; expected 0 to 0"):
        network.bind(1)
    with pytest.raises(ConfigError, match="no style 'other'"):
        Stylizer.load(filter_file, style="other")
    assert Stylizer.load(filter_file, style="test_style").metadata is not None


def test_a_file_whose_styles_are_not_those_of_its_network_is_refused(
    two: Path, tmp_path: Path
) -> None:
    network, metadata = load_unbound(two).network, load_unbound(two).metadata
    document = FilterMetadata(metadata.styles[:1], metadata.network, metadata.network_arguments)
    wrong = save_filter(tmp_path / "wrong.safetensors", network, document)
    with pytest.raises(CheckpointError, match="names 1 styles"):
        Stylizer.load(wrong)


def test_info_lists_styles_and_knobs(two: Path) -> None:
    shown = CliRunner().invoke(main, ["info", str(two)]).output
    for text in ("sun", "rain", "boldness", "more contrast"):
        assert text in shown
    document = json.loads(CliRunner().invoke(main, ["info", "--json", str(two)]).output)
    assert [style["name"] for style in document["styles"]] == ["sun", "rain"]
    assert document["knobs"]["boldness"]["most"] == 2
    assert document["format_version"] == 2


ENGINE = """
import numpy as np

class Negative:
    def __init__(self, opening):
        from fast_nst.filters.checkpoint import read_metadata
        self.metadata = read_metadata(opening.path)
    def run(self, images):
        return 1 - images

open_session = Negative
"""


def test_a_new_engine_is_one_module_and_one_row(
    filter_file: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made_up_engine.py").write_text(ENGINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(ENGINES, "made-up", Engine("negatives", "made_up_engine", on_arrays=True))
    image = read_image(photo).rgb
    assert apart(Stylizer.load(filter_file, engine="made-up")(image), 1 - image) < 1e-6
    out = tmp_path / "out.png"
    arguments = ["stylize", "--ckpt", filter_file, photo, "-o", out, "--engine"]
    result = CliRunner().invoke(main, [str(each) for each in (*arguments, "made-up")])
    assert result.exit_code == 0, result.output
    assert apart(out, 1 - image) < 1 / 255
    refused = CliRunner().invoke(main, [str(each) for each in (*arguments, "mad-up")])
    assert "did you mean 'made-up'?" in str(refused.exception) + refused.output
    del sys.modules["made_up_engine"]


def test_the_help_names_every_engine() -> None:
    shown = CliRunner().invoke(main, ["stylize", "--help"]).output
    assert all(name in shown for name in ENGINES)
