from pathlib import Path

import pytest
import torch

from fast_nst.errors import ConfigError
from fast_nst.image.io import write_image
from fast_nst.image.resize import resize_short_side
from fast_nst.image.style import enlarge, fit_style, read_style


def disk(side: int) -> torch.Tensor:
    """An anti-aliased bright disk on dark ground, (3, side, side)."""
    line = (torch.arange(side) + 0.5) / side - 0.5
    distance = torch.hypot(line[:, None], line[None])
    bright = ((0.3 - distance) * side + 0.5).clamp(0, 1)
    return (0.2 + 0.6 * bright).expand(3, -1, -1).contiguous()


def steepness(image: torch.Tensor) -> float:
    return float(image.diff(dim=2).abs().max())


def test_an_enlarged_edge_is_steeper_than_an_interpolated_one_without_a_halo() -> None:
    small, large = disk(64), disk(256)
    smooth, sharp = resize_short_side(small, 256), enlarge(small, 256)
    assert sharp.shape == (3, 256, 256)
    assert steepness(smooth) < 0.4 * steepness(large)
    assert steepness(sharp) > 1.5 * steepness(smooth)
    assert float(sharp.max()) <= float(smooth.max()) + 1e-6
    assert float(sharp.min()) >= float(smooth.min()) - 1e-6
    # The disk stays where it is, and as large.
    assert ((sharp > 0.5) != (large > 0.5)).float().mean() < 0.01


def test_larger_images_are_only_reduced() -> None:
    image = torch.rand(3, 90, 120, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(fit_style(image, 45), resize_short_side(image, 45))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 100, 100), "one flat color"),
        ((3, 32, 32 * 9), "at most 8 times"),
        ((3, 31, 100), r"100x31 px; a style image needs at least 32 px"),
    ],
)
def test_what_is_no_style_is_refused(shape: tuple[int, ...], message: str) -> None:
    image = torch.zeros(shape)
    if "flat" not in message:
        image[:, ::2] = 1
    with pytest.raises(ConfigError, match=message):
        fit_style(image, 64, 32)


def test_a_filter_is_no_style(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is a filter, and a style is a picture\. .*--ckpt"):
        read_style(tmp_path / "starry_night.safetensors", 64)


def test_a_file_is_read_at_the_size(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", disk(80))
    assert read_style(tmp_path / "a.png", 64).shape == (3, 64, 64)
