"""Every network in every engine and format: the images of float64, of flat images as well."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fast_nst.export.formats import write_program, write_torchscript
from fast_nst.filter_metadata import FilterMetadata, Style
from fast_nst.filters.checkpoint import Filter, load_filter, save_filter
from fast_nst.networks import create_network
from fast_nst.networks.norm import InstanceNorm, Statistics
from fast_nst.runtimes.compiled import CompiledNetwork
from fast_nst.runtimes.load import load_network
from fast_nst.runtimes.select import Opening
from fast_nst.tiling.strips import stylize_rows
from fast_nst.training.start import bundled_starts, create_started_network

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "johnson": ("johnson", {}),
    "quarter": ("quarter", {}),
    "quarter_adaptive": ("quarter", {"adaptive": True}),
    "mobile": ("mobile", {}),
    "pytorch_examples": ("pytorch_examples", {}),
}
ENGINES = ["torch", "torch-compiled float32", "torch-compiled bfloat16", "onnxruntime"]
SIZES = [(1, 1), (45, 63), (128, 97), (256, 256), (360, 640)]
COLORS = [(135, 206, 235), (0, 0, 0), (255, 255, 255), (200, 16, 46)]


def make_small(kind: str) -> tuple[nn.Module, FilterMetadata]:
    """A small network with random weights, also where fresh ones are constant."""
    name, more = KINDS[kind]
    arguments = {"width": 4, "blocks": 1, **more}
    torch.manual_seed(0)
    network = create_network(name, **arguments).eval().requires_grad_(False)
    for key, value in network.named_parameters():
        if value.ndim == 1:
            value.copy_(0.5 * torch.randn_like(value) + ("weight" in key))
        elif key.endswith("change"):
            value.normal_(std=0.1)
    if kind == "pytorch_examples":  # its colors are not limited by a sigmoid
        network.head.conv.weight.mul_(20)
        network.head.conv.bias.fill_(128)
    return network, FilterMetadata((Style(kind),), name, arguments)


def make_started(name: str) -> tuple[nn.Module, FilterMetadata]:
    """A network with trained weights: a bundled start, with adaptive norms for ``quarter``."""
    file = next(each for each in bundled_starts() if each.stem.startswith(name))
    metadata = load_filter(file).metadata
    arguments = dict(metadata.network_arguments)
    if name == "quarter":
        arguments["adaptive"] = True
    network = create_started_network(name, arguments, "bundled").eval().requires_grad_(False)
    torch.manual_seed(0)
    for key, value in network.named_parameters():
        if key.endswith("change"):
            value.normal_(std=0.02)
    return network, FilterMetadata((Style(name),), name, arguments)


def exact(network: nn.Module, images: Tensor, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """What the network is by its definition, in float64."""
    network = copy.deepcopy(network).double()

    def normalize(norm: InstanceNorm, x: Tensor) -> Tensor:
        mean = x.mean(dim=(2, 3))
        centered = x - mean[..., None, None]
        # Convolutions round in float64, too, and each norm would make 300 times as much of it.
        noise = centered.abs() < 1e-9 * (1 + mean.abs())[..., None, None]
        centered = centered.masked_fill(noise, 0)
        var = centered.square().mean(dim=(2, 3))
        scale, shift = norm.affine(Statistics(mean, var))
        scale = scale / (var + 1e-5).sqrt()
        return scale[..., None, None] * centered + shift[..., None, None]

    with monkeypatch.context() as patch, torch.no_grad():
        patch.setattr(InstanceNorm, "forward", normalize)
        result: Tensor = network(images.double())
    assert result.dtype == torch.float64
    return result


def load_engine(engine: str, file: Path) -> Callable[[Tensor], Tensor]:
    """The filter in an engine."""
    if engine.startswith("torch-compiled"):
        dtype = getattr(torch, engine.split()[1])  # bfloat16 also where it is slow
        return CompiledNetwork(load_filter(file).network, dtype)
    if engine == "onnxruntime":
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    return load_network(Opening(file), engine)[0]


def halves(height: int, width: int) -> Tensor:
    image = flat(COLORS[0], height, width)
    image[..., : width // 2] = flat(COLORS[3], height, width)[..., : width // 2]
    return image


def dot(height: int, width: int) -> Tensor:
    image = flat(COLORS[0], height, width)
    image[..., height // 3, width // 2] = 0
    return image


def noise(height: int, width: int) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def flat(color: tuple[int, ...], height: int, width: int) -> Tensor:
    return (torch.tensor(color) / 255).view(1, 3, 1, 1).repeat(1, 1, height, width)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAST_NST_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_network_in_every_engine_gives_the_images_of_float64(
    kind: str,
    engine: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if engine.startswith("torch-compiled"):
        request.getfixturevalue("compiler")
    network, metadata = make_small(kind)
    run = load_engine(engine, save_filter(tmp_path / "a.safetensors", network, metadata))
    one_color = flat(COLORS[0], 40, 52)
    faint = 0.75 + torch.round(3 * noise(40, 52)) / 255  # nearly white, as in a fade
    for image in (noise(40, 52), halves(40, 52), dot(40, 52), faint, one_color):
        wanted = exact(network, image, monkeypatch)
        with torch.no_grad():
            apart = 255 * (run(image).double() - wanted)
        if "bfloat16" not in engine:
            assert apart.abs().max() < 0.5
        elif image is one_color:
            assert apart.abs().max() < 1
        else:  # its numbers have 8 bits, whatever a norm does
            assert apart.square().mean().sqrt() < 1
    assert wanted.std() > 0.01


@pytest.mark.parametrize("engine", ["torch", "exported", "torchscript", "strips", "onnxruntime"])
@pytest.mark.parametrize("name", ["quarter", "mobile"])
def test_a_flat_image_is_the_same_at_every_size(
    name: str, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, metadata = make_started(name)
    runs: Callable[[Tensor], Tensor]
    if engine == "strips":
        runs = in_strips(network)
    elif engine in ("exported", "torchscript"):
        write = write_program if engine == "exported" else write_torchscript
        made = write(Filter(network, metadata), tmp_path / "a").run
        assert made is not None
        runs = lambda x: torch.from_numpy(made(x.numpy()))  # noqa: E731
    else:
        runs = load_engine(engine, save_filter(tmp_path / "a.safetensors", network, metadata))
    for color in COLORS:
        # One color gives one cell of 4x4 px again and again, whatever the size.
        cell = exact(network, flat(color, 16, 16), monkeypatch)[..., 4:8, 4:8]
        for height, width in SIZES if color == COLORS[0] else SIZES[1:3]:
            wanted = cell.repeat(1, 1, height // 4 + 1, width // 4 + 1)[..., :height, :width]
            with torch.no_grad():
                apart = runs(flat(color, height, width)).double() - wanted
            assert 255 * apart.abs().max() < 0.1, (color, height, width)


def in_strips(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """The network as ``--memory`` runs it, in little memory."""

    def run(image: Tensor) -> Tensor:
        result = torch.empty_like(image)

        def write(top: int, rows: Tensor) -> None:
            result[:, :, top : top + rows.shape[2]] = rows

        size = (image.shape[2], image.shape[3])
        read = lambda top, bottom: image[:, :, top:bottom]  # noqa: E731
        stylize_rows(network, size, read, write, memory=3e8)
        return result

    return run
