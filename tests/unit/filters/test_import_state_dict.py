"""Filters of the PyTorch examples, against a re-creation of the network that they were made for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.errors import CheckpointError
from fast_nst.filters.checkpoint import load_filter, save_filter
from fast_nst.filters.import_state_dict import import_filter

State = dict[str, Tensor]


def make_state(width: int = 4, blocks: int = 2) -> State:
    """A state dict as that program's old files have it, with weights that saturate some values."""
    generator = torch.Generator().manual_seed(3)
    state: State = {}

    def conv(name: str, before: int, after: int, kernel: int, gain: float = 1.0) -> None:
        weight = torch.randn(after, before, kernel, kernel, generator=generator)
        state[f"{name}.conv2d.weight"] = gain * weight / (before**0.5 * kernel)
        state[f"{name}.conv2d.bias"] = torch.randn(after, generator=generator)

    def norm(name: str, channels: int) -> None:
        state[f"{name}.weight"] = 1 + 0.3 * torch.randn(channels, generator=generator)
        state[f"{name}.bias"] = 0.3 * torch.randn(channels, generator=generator)
        state[f"{name}.running_mean"] = torch.full((channels,), 7.0)
        state[f"{name}.running_var"] = torch.full((channels,), 9.0)

    widths = [3, width, 2 * width, 4 * width]
    for number, kernel in ((1, 9), (2, 3), (3, 3)):
        conv(f"conv{number}", widths[number - 1], widths[number], kernel)
        norm(f"in{number}", widths[number])
    for number in range(1, blocks + 1):
        for half in (1, 2):
            conv(f"res{number}.conv{half}", 4 * width, 4 * width, 3)
            norm(f"res{number}.in{half}", 4 * width)
    conv("deconv1", 4 * width, 2 * width, 3)
    norm("in4", 2 * width)
    conv("deconv2", 2 * width, width, 3)
    norm("in5", width)
    conv("deconv3", width, 3, 9, gain=100.0)
    state["deconv3.conv2d.bias"] += 120
    return state


def their_image(state: State, pixels: Tensor, blocks: int = 2) -> Tensor:
    """What that program makes of ``pixels``, (B, 3, H, W) in 0-255: functions on its state dict."""

    def conv(name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight, bias = state[f"{name}.conv2d.weight"], state[f"{name}.conv2d.bias"]
        edge = weight.shape[-1] // 2
        return F.conv2d(F.pad(x, (edge,) * 4, mode="reflect"), weight, bias, stride)

    def norm(name: str, x: Tensor) -> Tensor:
        return F.instance_norm(x, weight=state[f"{name}.weight"], bias=state[f"{name}.bias"])

    def twice(x: Tensor) -> Tensor:
        return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    x = pixels
    for number, stride in ((1, 1), (2, 2), (3, 2)):
        x = norm(f"in{number}", conv(f"conv{number}", x, stride)).relu()
    for number in range(1, blocks + 1):
        y = norm(f"res{number}.in1", conv(f"res{number}.conv1", x)).relu()
        x = x + norm(f"res{number}.in2", conv(f"res{number}.conv2", y))
    x = norm("in4", conv("deconv1", twice(x))).relu()
    x = norm("in5", conv("deconv2", twice(x))).relu()
    return conv("deconv3", x).clamp(0, 255)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "candy.pth"
    torch.save(make_state(), path)
    return path


@pytest.mark.parametrize("size", [(40, 36), (37, 30), (9, 21), (5, 5)])
def test_an_imported_filter_gives_the_image_of_the_program_it_came_from(
    file: Path, size: tuple[int, int]
) -> None:
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    theirs = their_image(make_state(), 255 * images)[..., : size[0], : size[1]]
    assert theirs.std() > 20
    if size == (40, 36):
        assert 0 in theirs
        assert 255 in theirs
    ours = import_filter(file).network(images)
    assert (255 * ours - theirs).abs().max() < 0.1


def test_images_of_any_size_are_taken(file: Path) -> None:
    network = import_filter(file).network
    for size in ((1, 1), (2, 7), (4, 64)):
        assert network(torch.rand(1, 3, *size)).shape == (1, 3, *size)


def test_width_and_blocks_are_found_and_the_saved_filter_loads(file: Path, tmp_path: Path) -> None:
    loaded = import_filter(file)
    assert loaded.metadata.style == "candy"
    assert loaded.metadata.network == "pytorch_examples"
    assert loaded.metadata.network_arguments == {"width": 4, "blocks": 2}
    again = load_filter(save_filter(tmp_path / "a.safetensors", loaded.network, loaded.metadata))
    image = torch.rand(1, 3, 20, 20)
    assert torch.equal(again.network(image), loaded.network(image))
    assert again.metadata == loaded.metadata


@pytest.mark.parametrize("wrap", ["state_dict", "module."])
def test_common_wrappings_of_state_dicts_are_taken_off(tmp_path: Path, wrap: str) -> None:
    state: Any = make_state()
    if wrap == "module.":
        state = {f"module.{name}": value for name, value in state.items()}
    else:
        state = {"state_dict": state, "epoch": 2}
    torch.save(state, tmp_path / "wrapped.model")
    assert import_filter(tmp_path / "wrapped.model").metadata.style == "wrapped"


def test_an_unknown_layout_is_one_line_that_lists_what_is_known(tmp_path: Path) -> None:
    torch.save({"layer.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(
        CheckpointError, match=r"layer\.weight.*Known layouts: fast_neural_style of"
    ) as raised:
        import_filter(tmp_path / "other.pth")
    assert "\n" not in str(raised.value)


def test_a_file_without_a_layer_or_with_another_shape_is_refused(tmp_path: Path) -> None:
    state = make_state()
    del state["in4.bias"]
    torch.save(state, tmp_path / "short.pth")
    with pytest.raises(CheckpointError, match=r"lacks the tensor up\.0\.norm\.bias"):
        import_filter(tmp_path / "short.pth")
    torch.save({**make_state(), "in4.bias": torch.zeros(3)}, tmp_path / "odd.pth")
    with pytest.raises(CheckpointError, match="has shape"):
        import_filter(tmp_path / "odd.pth")


@pytest.mark.parametrize("content", [b"", b"no image, no filter", b"PK\x03\x04 damaged"])
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match="is not a state dict"):
        import_filter(tmp_path / "text.pth")


def test_a_whole_module_is_refused_and_runs_no_code(tmp_path: Path) -> None:
    torch.save(torch.nn.Conv2d(1, 1, 1), tmp_path / "module.pth")
    with pytest.raises(CheckpointError, match=r"module\.state_dict\(\)"):
        import_filter(tmp_path / "module.pth")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        import_filter(tmp_path / "none.pth")
