"""Whatever the file, the image that comes out is the one a viewer shows."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageCms
from torch import Tensor

from fast_nst.errors import ImageError
from fast_nst.image.formats import check_size
from fast_nst.image.io import (
    image_from_pil,
    image_to_pil,
    list_images,
    read_image,
    write_image,
)
from fast_nst.image.transparency import cover_hidden_colors

STEP = 1 / 255


def photo(height: int = 24, width: int = 32) -> np.ndarray:
    """A smooth image, different in every corner and channel."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return (np.stack([x, y, 1 - x * y], axis=-1) * 255).round().astype(np.uint8)


def as_tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 255


def assert_close(got: Tensor, wanted: Tensor, steps: float = 0.01) -> None:
    """Compare up to ``steps`` 8-bit steps."""
    torch.testing.assert_close(got, wanted, atol=steps * STEP, rtol=0)


# Reading: orientation


TRANSPOSED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    stored = Image.fromarray(photo())
    if orientation in TRANSPOSED:  # as the camera saw it: the inverse of what a viewer does
        stored = stored.transpose(TRANSPOSED[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo{suffix}"
    lossless: dict[str, dict[str, Any]] = {
        ".webp": {"lossless": True},
        ".jpg": {"quality": 100, "subsampling": 0},
    }
    stored.save(path, exif=exif, **lossless.get(suffix, {}))
    assert_close(read_image(path).rgb, as_tensor(photo()), steps=4 if suffix == ".jpg" else 0.01)


def test_an_image_with_damaged_exif_is_read_as_stored(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(photo()).save(path, exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff", quality=100)
    assert read_image(path).rgb.shape == (3, 24, 32)


# Reading: modes


def test_rgb_is_read_exactly(tmp_path: Path) -> None:
    Image.fromarray(photo()).save(tmp_path / "photo.png")
    image = read_image(tmp_path / "photo.png")
    assert image.alpha is None
    assert image.rgb.dtype == torch.float32
    assert_close(image.rgb, as_tensor(photo()))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_gray_is_scaled_and_not_clipped(tmp_path: Path, suffix: str) -> None:
    gray = photo()[..., 0]
    Image.fromarray(gray.astype(np.uint16) * 257).save(tmp_path / f"gray{suffix}")
    wanted = torch.from_numpy(gray).float().expand(3, -1, -1) / 255
    assert_close(read_image(tmp_path / f"gray{suffix}").rgb, wanted)


def test_a_dark_16_bit_image_stays_dark(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 200, np.uint16)).save(tmp_path / "dark.png")
    assert read_image(tmp_path / "dark.png").rgb.max() <= STEP


def test_32_bit_gray_that_holds_16_bits_is_scaled_as_16_bits() -> None:
    image = Image.fromarray(np.full((4, 4), 32768, np.int32))
    assert image.mode == "I"
    assert_close(image_from_pil(image).rgb, torch.full((3, 4, 4), 32768 / 65535))


def test_floating_point_gray_from_0_to_1_is_taken_as_it_is() -> None:
    image = Image.fromarray(np.full((4, 4), 0.5, np.float32))
    assert_close(image_from_pil(image).rgb, torch.full((3, 4, 4), 0.5), steps=0.51)


@pytest.mark.parametrize("value", [1.5, -0.5, np.nan])
def test_floating_point_outside_0_to_1_is_refused(tmp_path: Path, value: float) -> None:
    Image.fromarray(np.full((4, 4), value, np.float32)).save(tmp_path / "hdr.tif")
    with pytest.raises(ImageError, match=r"cannot read .*hdr\.tif.*8 or 16 bits"):
        read_image(tmp_path / "hdr.tif")


@pytest.mark.parametrize(
    "mode", ["L", "LA", "1", "P", "CMYK", "YCbCr", "RGBA", "HSV", "PA", "RGBX"]
)
def test_every_mode_looks_as_pillow_shows_it(mode: str) -> None:
    image = Image.fromarray(photo()).convert("L" if mode == "PA" else "RGB").convert(mode)
    wanted = as_tensor(np.asarray(image.convert("RGB")))
    got = image_from_pil(image)
    assert got.alpha is None
    assert_close(got.rgb, wanted)


# Reading: transparency


def magenta_outside(soft: bool = False) -> np.ndarray:
    """The photo with a hole: magenta there, and transparent."""
    rgba = np.dstack([photo(), np.full((24, 32), 255, np.uint8)])
    rgba[4:20, 6:20] = (255, 0, 255, 0)
    if soft:
        rgba[4:20, 20:24, 3] = 128
    return rgba


def test_hidden_colors_do_not_leak_and_visible_ones_stay(tmp_path: Path) -> None:
    rgba = magenta_outside(soft=True)
    Image.fromarray(rgba).save(tmp_path / "hole.png")
    image = read_image(tmp_path / "hole.png")
    assert image.alpha is not None
    assert_close(image.alpha[0], torch.from_numpy(rgba[..., 3]).float() / 255)
    visible = image.alpha[0] > 0
    assert_close(image.rgb[:, visible], as_tensor(photo())[:, visible])
    hidden = image.rgb[:, ~visible]
    visible_colors = image.rgb[:, visible]
    assert (hidden >= visible_colors.amin(1, keepdim=True) - STEP).all()
    assert (hidden <= visible_colors.amax(1, keepdim=True) + STEP).all()
    # Not a constant either: it goes on as the photo does, so that no edge appears.
    assert (hidden - as_tensor(photo())[:, ~visible]).abs().mean() < 0.15


def test_the_result_is_the_same_whatever_color_is_hidden() -> None:
    one, other = magenta_outside(), magenta_outside()
    other[other[..., 3] == 0] = (0, 255, 0, 0)
    got = [image_from_pil(Image.fromarray(rgba)).rgb for rgba in (one, other)]
    assert torch.equal(got[0], got[1])


def test_noise_in_almost_transparent_pixels_hardly_shows() -> None:
    rgba = np.dstack([np.full((16, 16, 3), 100, np.uint8), np.full((16, 16), 255, np.uint8)])
    rgba[4:12, 4:12] = (255, 0, 255, 1)
    rgb = image_from_pil(Image.fromarray(rgba)).rgb
    assert (rgb - 100 / 255).abs().max() < 0.1


def test_a_faint_image_keeps_its_detail() -> None:
    rgba = np.dstack([photo(), np.full((24, 32), 40, np.uint8)])
    assert_close(image_from_pil(Image.fromarray(rgba)).rgb, as_tensor(photo()))


def test_an_image_that_is_transparent_everywhere_becomes_gray() -> None:
    image = image_from_pil(Image.new("RGBA", (7, 5), (255, 0, 255, 0)))
    assert_close(image.rgb, torch.full((3, 5, 7), 0.5))
    assert image.alpha is not None
    assert image.alpha.max() == 0


def test_a_palette_with_a_transparent_color_has_alpha(tmp_path: Path) -> None:
    image = Image.new("P", (4, 2), 0)
    image.putpalette([255, 0, 255, 10, 20, 30])
    image.paste(1, (2, 0, 4, 2))
    image.save(tmp_path / "palette.png", transparency=0)
    got = read_image(tmp_path / "palette.png")
    assert got.alpha is not None
    assert got.alpha[0, 0].tolist() == [0, 0, 1, 1]
    assert_close(got.rgb, torch.tensor([10, 20, 30]).view(3, 1, 1).expand(3, 2, 4) / 255)


@pytest.mark.parametrize(("mode", "key"), [("L", 200), ("RGB", (200, 0, 200))])
def test_a_color_named_as_transparent_has_alpha(
    tmp_path: Path, mode: str, key: int | tuple[int, int, int]
) -> None:
    image = Image.new(mode, (4, 2), key)
    image.paste(Image.new(mode, (2, 2), 50 if mode == "L" else (50, 50, 50)), (2, 0))
    image.save(tmp_path / "key.png", transparency=key)
    got = read_image(tmp_path / "key.png")
    assert got.alpha is not None
    assert got.alpha[0, 0].tolist() == [0, 0, 1, 1]
    assert_close(got.rgb, torch.full((3, 2, 4), 50 / 255))


# Reading: color profiles


def linear_profile() -> bytes:
    """A profile with sRGB's primaries and a straight tone curve: 50 % of it is brighter in sRGB."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for index in range(int.from_bytes(profile[128:132], "big")):
        entry = 132 + 12 * index
        if bytes(profile[entry : entry + 4]) in (b"rTRC", b"gTRC", b"bTRC"):
            at = int.from_bytes(profile[entry + 4 : entry + 8], "big")
            profile[at : at + 12] = b"curv" + bytes(8)  # no entries: the identity
            profile[entry + 8 : entry + 12] = (12).to_bytes(4, "big")
    return bytes(profile)


def test_an_icc_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 4), (128, 64, 0))
    image.save(tmp_path / "linear.png", icc_profile=linear_profile())
    # The sRGB curve of 128/255 and 64/255, by hand: 1.055 x^(1/2.4) - 0.055.
    wanted = torch.tensor([0.7366, 0.5382, 0.0]).view(3, 1, 1).expand(3, 4, 4)
    assert_close(read_image(tmp_path / "linear.png").rgb, wanted, steps=2)


def test_an_icc_profile_leaves_alpha_alone(tmp_path: Path) -> None:
    image = Image.new("RGBA", (4, 4), (128, 64, 0, 100))
    image.save(tmp_path / "linear.png", icc_profile=linear_profile())
    got = read_image(tmp_path / "linear.png")
    assert got.alpha is not None
    assert_close(got.alpha, torch.full((1, 4, 4), 100 / 255))
    assert got.rgb[0, 0, 0].item() == pytest.approx(0.7366, abs=2 * STEP)


@pytest.mark.parametrize("profile", [b"no profile at all", linear_profile()[:200]])
def test_a_damaged_icc_profile_is_passed_over(tmp_path: Path, profile: bytes) -> None:
    Image.fromarray(photo()).save(tmp_path / "photo.png", icc_profile=profile)
    assert_close(read_image(tmp_path / "photo.png").rgb, as_tensor(photo()))


def test_a_profile_of_another_color_space_is_passed_over(tmp_path: Path) -> None:
    image = Image.fromarray(photo()).convert("CMYK")
    image.save(tmp_path / "cmyk.tif", icc_profile=linear_profile())
    wanted = as_tensor(np.asarray(image.convert("RGB")))
    assert_close(read_image(tmp_path / "cmyk.tif").rgb, wanted)


# Reading: containers, damage


def test_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    for suffix in (".gif", ".png", ".webp"):
        path = tmp_path / f"animated{suffix}"
        options: dict[str, Any] = {"lossless": True} if suffix == ".webp" else {}
        frames[0].save(path, save_all=True, append_images=frames[1:], **options)
        red = torch.tensor([1.0, 0, 0]).view(3, 1, 1).expand(3, 4, 4)
        assert_close(read_image(path).rgb, red)


def test_the_content_and_not_the_name_decides_the_format(tmp_path: Path) -> None:
    Image.fromarray(photo()).save(tmp_path / "photo.jpg", format="PNG")
    assert_close(read_image(tmp_path / "photo.jpg").rgb, as_tensor(photo()))


def jpeg_bytes() -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"These are words.", "not an image"),
        (jpeg_bytes()[:1500], "damaged or incomplete"),
    ],
)
def test_a_broken_file_is_one_clear_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        read_image(path)
    message = str(caught.value)
    assert str(path) in message
    assert reason in message
    assert "\n" not in message
    assert message.count(". ") >= 1, "the next step is missing"


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "missing.jpg")
    with pytest.raises(ImageError, match="is a folder"):
        read_image(tmp_path)


def test_an_image_above_pillows_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(photo()).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 24 * 32 // 2 - 1)
    with pytest.raises(ImageError, match="megapixels"):
        read_image(tmp_path / "large.png")


def test_a_large_image_below_the_limit_is_read_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    Image.fromarray(photo()).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 24 * 32 // 2 + 1)
    assert read_image(tmp_path / "large.png").rgb.shape == (3, 24, 32)
    assert not recwarn.list


def test_reading_a_pil_image_does_not_change_it() -> None:
    image = Image.fromarray(magenta_outside())
    before = image.copy()
    image_from_pil(image)
    assert image == before


# Listing


def test_a_folder_lists_its_images_sorted_and_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "sub/c.webp", "notes.txt", ".hidden.png", ".git/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    listed = [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path)]
    assert listed == ["a.png", "b.JPG", "sub/c.webp"]


def test_a_file_lists_itself_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "photo.dat").touch()
    assert list_images(tmp_path / "photo.dat") == [tmp_path / "photo.dat"]


def test_a_missing_path_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not exist"):
        list_images(tmp_path / "missing")


# Writing


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.tiff", "a.bmp", "A.PNG"])
def test_lossless_formats_come_back_as_written(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / name, as_tensor(photo()))
    assert_close(read_image(tmp_path / name).rgb, as_tensor(photo()))


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp"])
def test_lossy_formats_come_back_nearly_as_written(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / name, as_tensor(photo()))
    got = read_image(tmp_path / name).rgb
    assert (got - as_tensor(photo())).abs().mean() < 3 * STEP


def test_jpeg_keeps_full_color_resolution(tmp_path: Path) -> None:
    stripes = torch.zeros(3, 32, 32)
    stripes[0, :, ::2] = 1
    stripes[2, :, 1::2] = 1
    write_image(tmp_path / "a.jpg", stripes)
    assert (read_image(tmp_path / "a.jpg").rgb - stripes).abs().mean() < 0.05


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_alpha_is_kept_where_the_format_can(tmp_path: Path, suffix: str) -> None:
    alpha = torch.linspace(0, 1, 32).expand(1, 24, 32)
    write_image(tmp_path / f"a{suffix}", as_tensor(photo()), alpha)
    got = read_image(tmp_path / f"a{suffix}").alpha
    assert got is not None
    assert_close(got, alpha, steps=0.51)


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_alpha_is_laid_on_white_where_the_format_cannot(tmp_path: Path, suffix: str) -> None:
    alpha = torch.zeros(1, 16, 16)
    alpha[:, :8] = 1
    write_image(tmp_path / f"a{suffix}", torch.zeros(3, 16, 16), alpha)
    got = read_image(tmp_path / f"a{suffix}")
    assert got.alpha is None
    assert_close(got.rgb, (1 - alpha).expand(3, 16, 16), steps=2)


def test_values_outside_the_range_are_clipped_and_not_wrapped() -> None:
    rgb = torch.tensor([-0.5, 1.5, 0.5]).view(3, 1, 1)
    assert image_to_pil(rgb).getpixel((0, 0)) == (0, 255, 128)


def test_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="finite"):
        write_image(tmp_path / "a.png", torch.full((3, 4, 4), torch.nan))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(3, 4), (1, 4, 4), (1, 3, 4, 4), (3, 0, 4)])
def test_other_shapes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        write_image(tmp_path / "a.png", torch.zeros(shape))
    with pytest.raises(ValueError, match="expected"):
        write_image(tmp_path / "a.png", torch.zeros(3, 4, 4), torch.zeros(4, 4))


@pytest.mark.parametrize("name", ["a.mp4", "a", "a.jpgg"])
def test_an_unknown_ending_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError, match=r"\.png, \.jpg"):
        write_image(tmp_path / name, torch.zeros(3, 4, 4))


def test_a_mistyped_ending_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"did you mean '\.jpe?g'"):
        write_image(tmp_path / "a.jpgg", torch.zeros(3, 4, 4))


def test_folders_are_made_and_only_the_image_is_left(tmp_path: Path) -> None:
    write_image(tmp_path / "new" / "deep" / "a.png", torch.zeros(3, 4, 4))
    assert [path.name for path in (tmp_path / "new" / "deep").iterdir()] == ["a.png"]


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_image(tmp_path / "a.png", torch.zeros(3, 4, 4))
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "a.png")]
    assert modes[0] == modes[1]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(image: Image.Image, file: io.BufferedWriter, **_: object) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(ImageError, match="No space left"):
        write_image(path, torch.zeros(3, 4, 4))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match=r"cannot write .*a\.png"):
        write_image(tmp_path / "file" / "a.png", torch.zeros(3, 4, 4))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ImageError, match="Permission denied"):
        write_image(tmp_path / "a.png", torch.zeros(3, 4, 4))


def test_an_image_too_large_for_its_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="at most 16383"):
        write_image(tmp_path / "a.webp", torch.zeros(3, 1, 16384))
    assert list(tmp_path.iterdir()) == []


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 251 + ".png")
    write_image(path, torch.zeros(3, 4, 4))
    assert path.is_file()


def test_hidden_colors_are_continued_as_by_push_and_pull_of_torch() -> None:
    def fill(weighted: Tensor, weight: Tensor) -> Tensor:
        """The same definition in PyTorch, whose pooling and resizing are not Pillow's."""
        color = weighted / weight.clamp(min=1e-12)
        if weight.shape[-2:] == (1, 1):
            return torch.where(weight > 0, color, 0.5)
        both = torch.cat([weighted, weight])[None]
        coarser = F.avg_pool2d(both, 2, ceil_mode=True, count_include_pad=False)[0]
        around = F.interpolate(
            fill(coarser[:3], coarser[3:])[None],
            size=weight.shape[-2:],
            mode="bilinear",
            align_corners=False,
        )[0]
        return torch.lerp(around, color, (8 * weight).clamp(max=1))

    generator = torch.Generator().manual_seed(0)
    for height, width in ((37, 50), (1, 9), (64, 3)):
        rgb = torch.rand(3, height, width, generator=generator)
        alpha = (4 * torch.rand(1, height, width, generator=generator) - 3).clamp(0, 1)
        got = torch.from_numpy(cover_hidden_colors(rgb.numpy(), alpha.numpy()))
        torch.testing.assert_close(got, fill(rgb * alpha, alpha).clamp(0, 1), rtol=0, atol=1e-5)


def test_an_image_that_a_format_cannot_hold_is_told_with_width_before_height() -> None:
    with pytest.raises(ImageError, match="20000x3 px and WEBP holds at most 16383 px a side"):
        check_size("WEBP", (20000, 3))
    check_size("WEBP", (16383, 3))
