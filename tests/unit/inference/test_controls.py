"""What can be chosen at run time does what it says, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from fast_nst.errors import ConfigError
from fast_nst.image.color import luminance
from fast_nst.image.io import TensorImage
from fast_nst.inference import Controls, Stylizer, read_mask


class Negative(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return 1 - images


class Flat(nn.Module):
    """Answers in one color, and remembers the sizes that it was asked for."""

    def __init__(self, *color: float) -> None:
        super().__init__()
        self.color, self.sizes = torch.tensor(color, dtype=torch.float32), list[tuple[int, ...]]()

    def forward(self, images: Tensor) -> Tensor:
        self.sizes.append(tuple(images.shape[-2:]))
        return self.color.view(1, 3, 1, 1).expand_as(images)


@pytest.fixture
def negative() -> Stylizer:
    return Stylizer(Negative())


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_strength_goes_in_a_straight_line_from_content_to_style(negative: Stylizer) -> None:
    content = noise(3, 8, 9)
    for strength in (0.0, 0.25, 1.0):
        wanted = (1 - strength) * content + strength * (1 - content)
        torch.testing.assert_close(negative(content, strength=strength), wanted)


def test_without_strength_the_network_is_not_asked() -> None:
    flat = Flat(1, 0, 0)
    content = noise(3, 8, 9)
    assert torch.equal(Stylizer(flat)(content, strength=0.0), content)
    assert flat.sizes == []


def test_luminance_keeps_the_colors_and_takes_the_lightness(negative: Stylizer) -> None:
    content = torch.full((3, 4, 4), 0.4)
    content[0] = 0.6
    stylized = negative(content, preserve_color="luminance")
    torch.testing.assert_close(luminance(stylized[None]), luminance(1 - content[None]))
    # Red above green and blue as before: the negative's own color would be cyan.
    assert (stylized[0] - stylized[1]).min() > 0.1
    torch.testing.assert_close(stylized[1], stylized[2])


def test_match_gives_the_contents_mean_color(negative: Stylizer) -> None:
    content = noise(3, 32, 32) * 0.2 + torch.tensor([0.6, 0.4, 0.3]).view(3, 1, 1)
    matched = negative(content, preserve_color="match")
    torch.testing.assert_close(matched.mean((1, 2)), content.mean((1, 2)), atol=1e-3, rtol=0)
    assert not torch.allclose(matched, content, atol=0.05)


def test_a_mask_says_where_to_stylize(negative: Stylizer) -> None:
    content = noise(3, 6, 8)
    mask = torch.zeros(1, 6, 8)
    mask[..., 4:] = 1
    stylized = negative(content, mask=mask)
    assert torch.equal(stylized[..., :4], content[..., :4])
    torch.testing.assert_close(stylized[..., 4:], 1 - content[..., 4:])
    inverted = negative(content, mask=mask, mask_invert=True)
    torch.testing.assert_close(inverted[..., :4], 1 - content[..., :4])
    assert torch.equal(inverted[..., 4:], content[..., 4:])


def test_a_mask_of_another_size_is_brought_to_the_images(negative: Stylizer) -> None:
    content = noise(3, 30, 40)
    mask = torch.zeros(1, 3, 4)
    mask[..., 2:] = 1
    stylized = negative(content, mask=mask)
    assert torch.equal(stylized[..., :14], content[..., :14])
    torch.testing.assert_close(stylized[..., 26:], 1 - content[..., 26:])


def test_feathering_is_as_wide_as_asked() -> None:
    content = torch.zeros(3, 21, 201)
    mask = torch.zeros(1, 21, 201)
    mask[..., 100:] = 1
    white = Stylizer(Flat(1, 1, 1))
    share = white(content, mask=mask, mask_feather=40.0)[0, 10]
    assert (share.diff() >= -1e-6).all()
    between = ((share > 0.03) & (share < 0.97)).sum().item()
    assert 34 <= between <= 42
    assert share[100].item() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("scale", "seen"), [(2.0, (20, 30)), (0.5, (80, 120)), (1.0, (40, 60))])
def test_scale_shows_the_network_another_size(scale: float, seen: tuple[int, int]) -> None:
    flat = Flat(0.2, 0.5, 0.8)
    stylized = Stylizer(flat)(torch.full((3, 40, 60), 0.5), scale=scale)
    assert flat.sizes == [seen]
    torch.testing.assert_close(stylized, flat.color.view(3, 1, 1).expand(3, 40, 60))


def test_larger_strokes_keep_the_contents_fine_detail_without_its_colors() -> None:
    content = torch.full((3, 40, 40), 0.5)
    content[0, :, ::2] = 0.9  # red lines of one pixel, which are lost at half the size
    stylized = Stylizer(Flat(0.5, 0.5, 0.5))(content, scale=2.0)
    assert stylized[:, 20, 10:30].std(dim=1).min() > 0.03
    assert torch.equal(stylized[0], stylized[1])


def test_the_smallest_image_takes_every_scale(filter_file: Path) -> None:
    stylizer = Stylizer.load(filter_file)
    for scale in (0.25, 4.0):
        assert stylizer(noise(3, 1, 1), scale=scale).shape == (3, 1, 1)


def test_alpha_and_metadata_stay(negative: Stylizer) -> None:
    image = TensorImage(noise(3, 5, 5), noise(1, 5, 5))
    stylized = negative.stylize_image(image, Controls(strength=0.5, scale=2.0))
    assert stylized.alpha is image.alpha


@pytest.mark.parametrize(
    ("controls", "named"),
    [
        ({"strength": 1.5}, "strength is 1.5; expected 0 to 1"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"scale": 0.0}, "scale is 0; expected 0.25 to 4"),
        ({"preserve_color": "lumniance"}, "did you mean 'luminance'"),
        ({"mask_feather": -1.0}, "mask_feather is -1"),
        ({"mask_invert": True}, "no mask to invert"),
        ({"mask": torch.zeros(4, 4)}, r"mask is \(4, 4\)"),
    ],
)
def test_what_is_out_of_range_is_one_clear_error(controls: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Controls(**controls)


def test_an_unknown_control_is_a_type_error(negative: Stylizer) -> None:
    with pytest.raises(TypeError, match="strenght"):
        negative(noise(3, 4, 4), strenght=0.5)


def test_a_mask_file_is_its_lightness_or_its_opacity(tmp_path: Path) -> None:
    Image.new("RGB", (4, 2), "white").save(tmp_path / "white.png")
    assert read_mask(tmp_path / "white.png").shape == (1, 2, 4)
    assert torch.all(read_mask(tmp_path / "white.png") > 0.999)
    cut_out = Image.new("RGBA", (4, 2), (0, 0, 0, 255))
    cut_out.putpixel((0, 0), (255, 255, 255, 0))
    cut_out.save(tmp_path / "cut.png")
    mask = read_mask(tmp_path / "cut.png")
    assert mask[0, 0, 0] == 0
    assert mask[0, 1, 3] == 1


# Two filters


def test_a_mix_has_both_results_in_their_shares() -> None:
    red, blue = Stylizer(Flat(1, 0, 0)), Stylizer(Flat(0, 0, 1))
    mixed = Stylizer.blend(red, blue, 0.25)(noise(3, 4, 4))
    torch.testing.assert_close(mixed[:, 0, 0], torch.tensor([0.75, 0, 0.25]))


@pytest.mark.parametrize("share", [0, 1])
def test_a_mix_of_one_filter_asks_no_other(share: float) -> None:
    flats = Flat(1, 0, 0), Flat(0, 0, 1)
    Stylizer.blend(Stylizer(flats[0]), Stylizer(flats[1]), share)(noise(3, 4, 4))
    assert [len(flat.sizes) for flat in flats] == [1 - share, share]


def test_a_mix_takes_the_controls_once() -> None:
    mixed = Stylizer.blend(Stylizer(Flat(1, 1, 1)), Stylizer(Flat(1, 1, 1)), 0.5)
    torch.testing.assert_close(
        mixed(torch.zeros(3, 4, 4), strength=0.5), torch.full((3, 4, 4), 0.5)
    )


def test_a_share_out_of_range_is_refused() -> None:
    one = Stylizer(Negative())
    with pytest.raises(ConfigError, match=r"mix is 1\.5"):
        Stylizer.blend(one, one, 1.5)
