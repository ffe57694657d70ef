"""Every awkward image in shared/data/odd comes out right, or is refused with one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import Tensor

from fast_nst.cli.main import main
from fast_nst.errors import ImageError
from fast_nst.image.animation import Animation, read_frames
from fast_nst.image.io import image_from_pil, list_images, read_image

pytestmark = pytest.mark.shared

BROKEN = {
    "bomb_header_60000x60000.png": "megapixels",
    "bomb_valid_20000x20000_1bit.png": "megapixels",
    "corrupt_idat_crc.png": "damaged",
    "header_only.jpg": "damaged",
    "text_file.jpg": "not an image",
    "truncated.jpg": "damaged",
    "zero_byte.png": "empty",
}

# Width and height, as shown.
SIZES = {
    "animated.gif": (240, 160),
    "animated.png": (240, 160),
    "animated.webp": (240, 160),
    "exif_orientation5_mirrored.jpg": (321, 481),
    "exif_orientation6.jpg": (321, 481),
    "icc_adobe_rgb.jpg": (500, 416),
    "odd_size_255x193.png": (255, 193),
    "one_pixel.jpg": (1, 1),
    "one_pixel.png": (1, 1),
    "png_named_as.jpg": (17, 13),
    "tall_3x2000.png": (3, 2000),
    "tiny_17x13.png": (17, 13),
    "wide_2000x3.png": (2000, 3),
}


@pytest.fixture(scope="module")
def odd(shared_data: Path) -> Path:
    return shared_data / "odd"


@pytest.fixture(scope="module")
def boats(shared_data: Path) -> Tensor:
    """The photo that most of them were made from."""
    return read_image(shared_data / "heldout" / "bsds_test_118015.jpg").rgb


def gray(rgb: Tensor) -> Tensor:
    """The luma of ITU-R 601, which Pillow used to make the gray files."""
    return (rgb * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0, keepdim=True)


def difference(one: Tensor, other: Tensor) -> float:
    """Mean absolute difference, in 8-bit steps."""
    return (one - other).abs().mean().item() * 255


@pytest.mark.parametrize("name", ["exif_orientation6.jpg", "exif_orientation5_mirrored.jpg"])
def test_orientation_is_applied(odd: Path, name: str) -> None:
    upright = read_image(odd / "exif_orientation6_expected_upright.png").rgb
    assert difference(read_image(odd / name).rgb, upright) < 6


def test_magenta_under_full_transparency_does_not_leak(odd: Path, boats: Tensor) -> None:
    image = read_image(odd / "rgba_soft_alpha.png")
    assert image.alpha is not None
    hidden = image.alpha[0] == 0
    assert hidden.any()
    red, green, blue = image.rgb[:, hidden]
    assert ((torch.minimum(red, blue) - green) < 0.1).all(), "magenta shows"
    solid = image.alpha[0] > 0.5
    assert difference(image.rgb[:, solid], boats[:, solid]) < 0.01


def test_gray_with_alpha_is_the_gray_photo_where_it_shows(odd: Path, boats: Tensor) -> None:
    image = read_image(odd / "gray_alpha_la.png")
    assert image.alpha is not None
    solid = image.alpha[0] > 0.5
    assert difference(image.rgb[:, solid], gray(boats)[:, solid]) < 0.5


def test_the_transparent_index_of_a_palette_becomes_alpha(odd: Path, boats: Tensor) -> None:
    image = read_image(odd / "palette_transparent.png")
    assert image.alpha is not None
    assert set(image.alpha.flatten().tolist()) == {0.0, 1.0}
    shown = image.alpha[0] == 1
    assert difference(image.rgb[:, shown], boats[:, shown]) < 8
    # The hidden index is black in the file; the fill takes the colors around instead.
    assert image.rgb[:, ~shown].mean() > 0.15


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("rgb16.png", 0.01),
        ("photo.bmp", 0.01),
        ("photo_lzw.tif", 0.01),
        ("photo.webp", 4),
        ("progressive.jpg", 5),
        ("name with spaces & ünïcode №1.jpg", 5),
        ("cmyk.jpg", 1),
        ("palette64.png", 6),
    ],
)
def test_every_container_holds_the_same_photo(
    odd: Path, boats: Tensor, name: str, steps: float
) -> None:
    image = read_image(odd / name)
    assert image.alpha is None
    assert difference(image.rgb, boats) < steps


@pytest.mark.parametrize(("name", "steps"), [("gray16.png", 0.6), ("gray8.jpg", 3)])
def test_gray_files_hold_the_gray_photo(odd: Path, boats: Tensor, name: str, steps: float) -> None:
    assert difference(read_image(odd / name).rgb, gray(boats)) < steps


def test_one_bit_is_black_and_white_with_the_photos_mean(odd: Path, boats: Tensor) -> None:
    rgb = read_image(odd / "bilevel_1bit.png").rgb
    assert set(rgb.flatten().tolist()) == {0.0, 1.0}
    assert rgb.mean().item() == pytest.approx(gray(boats).mean().item(), abs=0.02)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_of_an_animation_the_first_frame_is_read(odd: Path, suffix: str) -> None:
    with Image.open(odd / "animated.png") as animation:
        first = animation.convert("RGB")
        animation.seek(5)
        last = animation.convert("RGB")
    assert first.tobytes() != last.tobytes(), "the frames do not differ"
    got = read_image(odd / f"animated.{suffix}").rgb
    to_first, to_last = (difference(got, image_from_pil(frame).rgb) for frame in (first, last))
    assert to_first < 8
    assert to_first < to_last


@pytest.mark.parametrize("name", ["icc_adobe_rgb.jpg", "icc_display_p3.jpg"])
def test_a_wide_gamut_photo_becomes_more_saturated_in_srgb(odd: Path, name: str) -> None:
    converted = read_image(odd / name).rgb
    with Image.open(odd / name) as image:
        image.info.pop("icc_profile")
        as_stored = image_from_pil(image).rgb
    saturation = [(rgb.amax(0) - rgb.amin(0)).mean().item() for rgb in (converted, as_stored)]
    assert saturation[0] > 1.03 * saturation[1]
    # Neutral colors stay neutral: only the primaries differ.
    neutral = (as_stored.amax(0) - as_stored.amin(0)) < 0.01
    spread = converted.amax(0) - converted.amin(0)
    assert spread[neutral].max() < 0.05


@pytest.mark.parametrize(
    ("name", "value"), [("constant_gray.png", 128 / 255), ("all_black.png", 0)]
)
def test_degenerate_content_is_read_as_it_is(odd: Path, name: str, value: float) -> None:
    rgb = read_image(odd / name).rgb
    torch.testing.assert_close(rgb, torch.full_like(rgb, value))


@pytest.mark.parametrize(("name", "reason"), BROKEN.items())
def test_a_broken_file_is_refused_with_one_clear_line(odd: Path, name: str, reason: str) -> None:
    with pytest.raises(ImageError) as caught:
        read_image(odd / name)
    message = str(caught.value)
    assert name in message
    assert reason in message
    assert "\n" not in message


def test_the_whole_folder_goes_through_the_command_line(
    odd: Path, filter_file: Path, tmp_path: Path
) -> None:
    """Broken ones give one line each and no file; all the others come out in their own size."""
    out = tmp_path / "out"
    arguments = ["stylize", "--ckpt", str(filter_file), str(odd), "-o", str(out)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1, result.output
    *errors, summary = result.stderr.splitlines()
    assert len(errors) == len(BROKEN)
    for name in BROKEN:
        assert sum(name in line for line in errors) == 1
    total = len(list_images(odd))
    assert summary == f"{len(BROKEN)} of {total} images failed."
    written = [path for path in out.rglob("*") if path.is_file()]
    assert len(written) == total - len(BROKEN)
    assert not {path.name for path in written} & set(BROKEN)

    for path in list_images(odd):
        if path.name in BROKEN:
            continue
        source = read_image(path)
        result_image = read_image(out / path.name)
        assert frame_times(out / path.name) == frame_times(path), path.name
        assert result_image.rgb.shape == source.rgb.shape, path.name
        height, width = source.rgb.shape[-2:]
        assert SIZES.get(path.name, (width, height)) == (width, height)
        if source.alpha is not None:
            assert result_image.alpha is not None, path.name
            torch.testing.assert_close(result_image.alpha, source.alpha)


def frame_times(path: Path) -> list[float]:
    loaded = read_frames(path)
    return [ms for _, ms in loaded.frames()] if isinstance(loaded, Animation) else []
