from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from fast_nst.errors import DataError
from fast_nst.evaluation.flicker import (
    estimate_flow,
    frames,
    measure_flicker,
    read_flow,
    warp,
    warp_error,
)
from fast_nst.image.io import write_image

CPU = torch.device("cpu")


def scene(height: int = 40, width: int = 60) -> Tensor:
    """Smooth, so that moving it by whole pixels can be estimated."""
    y = torch.linspace(0, 7, height)[:, None]
    x = torch.linspace(0, 9, width)
    plane = 0.5 + 0.25 * (x + 0.5 * y).sin() + 0.2 * (1.3 * y - 0.4 * x).cos()
    return torch.stack([plane, plane.square(), 1 - plane]).clamp(0, 1)


def write_flow(file: Path, flow: np.ndarray) -> None:
    """(H, W, 2) as a Middlebury file."""
    height, width = flow.shape[:2]
    header = b"PIEH" + np.array([width, height], "<i4").tobytes()
    file.write_bytes(header + flow.astype("<f4").tobytes())


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two frames, the second moved by (3, 2) px and darker, with its flow and a mask."""
    whole = scene(50, 70)
    write_image(tmp_path / "frame_0001.png", whole[:, 5:45, 5:65])
    write_image(tmp_path / "frame_0002.png", 0.9 * whole[:, 3:43, 2:62])
    write_flow(tmp_path / "flow_0001_to_0002.flo", np.broadcast_to([3.0, 2.0], (40, 60, 2)))
    mask = torch.zeros(3, 40, 60)
    mask[:, :10] = 1
    write_image(tmp_path / "occlusions_0001.png", mask)
    return tmp_path


def test_a_flow_file_is_read_as_right_and_down(tmp_path: Path) -> None:
    flow = np.arange(24).reshape(3, 4, 2)
    write_flow(tmp_path / "a.flo", flow)
    assert torch.equal(read_flow(tmp_path / "a.flo"), torch.tensor(flow).permute(2, 0, 1).float())


@pytest.mark.parametrize("data", [b"", b"PIEH", b"PIEH" + bytes(8) + b"more", b"x" * 50])
def test_what_is_no_flow_file_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.flo").write_bytes(data)
    with pytest.raises(DataError, match=r"a\.flo is not a \.flo file"):
        read_flow(tmp_path / "a.flo")


def test_a_frame_moved_back_by_its_flow_is_the_frame_before() -> None:
    image = torch.rand(1, 3, 10, 12, generator=torch.Generator().manual_seed(0))
    second = image.roll((2, 3), (2, 3))
    flow = torch.tensor([3.0, 2.0]).view(2, 1, 1).expand(2, 10, 12)
    moved, inside = warp(second, flow)
    assert inside.sum() == 8 * 9
    torch.testing.assert_close(moved[..., inside], image[..., inside])
    everywhere = torch.ones(10, 12, dtype=torch.bool)
    assert warp_error(image, second, flow, everywhere) < 1e-5
    assert warp_error(image, second, torch.zeros_like(flow), everywhere) > 0.1


def test_a_filter_that_follows_the_scene_does_not_flicker_and_one_tied_to_the_frame_does(
    clip: Path,
) -> None:
    generator = torch.Generator().manual_seed(0)
    pattern = torch.rand(1, 3, 40, 60, generator=generator)
    same, darker, tied = measure_flicker(
        [lambda x: x, lambda x: 0.5 * x, lambda x: 0.5 * (x + pattern)], clip, CPU
    )
    assert (same.pairs, same.estimated) == (1, 0)
    assert same.ratio == pytest.approx(1)
    assert same.content == pytest.approx(0.05, abs=0.02)
    assert darker.ratio == pytest.approx(0.5)
    assert tied.ratio > 2


def test_without_ground_truth_the_flow_is_estimated(clip: Path) -> None:
    (clip / "flow_0001_to_0002.flo").unlink()
    (found,) = measure_flicker([lambda x: x], clip, CPU)
    assert found.estimated == 1
    assert found.content < 0.07


def test_the_estimate_is_the_motion() -> None:
    whole = scene(80, 100)[None]
    flow, seen = estimate_flow(whole[..., 5:75, 5:95], whole[..., 3:73, 4:94])
    middle = flow[:, 20:-20, 20:-20].mean((1, 2))
    torch.testing.assert_close(middle, torch.tensor([1.0, 2.0]), atol=0.3, rtol=0)
    assert seen.float().mean() > 0.6


def test_frames_are_taken_by_number_and_masks_are_none(clip: Path) -> None:
    write_image(clip / "frame_10.png", scene())
    write_image(clip / "invalid_0001.png", scene())
    assert [file.name for file in frames(clip)] == [
        "frame_0001.png", "frame_0002.png", "frame_10.png"
    ]  # fmt: skip


def test_a_folder_without_a_clip_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DataError, match="at least two images"):
            frames(folder)


def test_sizes_that_do_not_fit_are_named(clip: Path) -> None:
    write_flow(clip / "flow_0001_to_0002.flo", np.zeros((4, 5, 2)))
    with pytest.raises(DataError, match="not of the same size"):
        measure_flicker([lambda x: x], clip, CPU)
