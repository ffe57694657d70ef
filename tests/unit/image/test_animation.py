"""Animated images keep their frames, times and number of plays in every format that has them."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fast_nst.errors import ImageError
from fast_nst.image.animation import Animation, Pages, read_frames
from fast_nst.image.formats import ANIMATED, Timing, encode

COLORS = ("red", "lime", "blue", "white")
DURATIONS_MS = (50.0, 120.0, 30.0, 400.0)


def frames(mode: str = "RGB") -> list[Image.Image]:
    images = [Image.new(mode, (12, 8), color) for color in COLORS]
    if mode == "RGBA":
        for number, image in enumerate(images):
            image.putpixel((number, 0), (0, 0, 0, 0))
    return images


def read(content: bytes) -> Animation:
    animation = read_frames(content)
    assert isinstance(animation, Animation)
    return animation


@pytest.mark.parametrize("kind", ANIMATED)
def test_frames_and_their_times_come_back(kind: str) -> None:
    animation = read(encode(frames(), kind, timing=Timing(DURATIONS_MS)))
    assert (animation.count, animation.size) == (4, (8, 12))
    images, durations_ms = zip(*animation.frames(), strict=True)
    assert durations_ms == DURATIONS_MS
    for image, (red, green, blue) in zip(
        images, [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)], strict=True
    ):
        got = image.rgb.mean((1, 2)).tolist()
        assert got == pytest.approx([red, green, blue], abs=0.03)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("plays", [0, 1, 2, 7])
def test_the_number_of_plays_comes_back(kind: str, plays: int) -> None:
    assert read(encode(frames(), kind, timing=Timing(DURATIONS_MS, plays))).plays == plays


@pytest.mark.parametrize("kind", ANIMATED)
def test_transparency_of_every_frame_comes_back(kind: str) -> None:
    animation = read(encode(frames("RGBA"), kind, timing=Timing(DURATIONS_MS)))
    for number, (image, _) in enumerate(animation.frames()):
        assert image.alpha is not None
        hidden = np.argwhere(image.alpha[0] < 0.5).tolist()
        assert hidden == [[0, number]], f"frame {number}"


def test_times_that_gif_cannot_hold_add_up_all_the_same() -> None:
    durations_ms = (33.3,) * 4
    animation = read(encode(frames(), "GIF", timing=Timing(durations_ms)))
    assert sum(duration for _, duration in animation.frames()) == pytest.approx(130)


def test_colors_of_a_gif_do_not_flicker() -> None:
    """What does not move has the same colors in every frame."""
    still = Image.effect_noise((32, 32), 80).convert("RGB")
    moving = [still.copy() for _ in range(3)]
    for image, color in zip(moving, ("red", "lime", "blue"), strict=True):
        image.paste(color, (0, 28, 32, 32))
    animation = read(encode(moving, "GIF", timing=Timing((100.0,) * 3)))
    tops = [image.rgb[:, :24] for image, _ in animation.frames()]
    assert all(np.array_equal(a, b) for a, b in pairwise(tops))


def test_an_apngs_image_for_other_viewers_is_no_frame() -> None:
    file = io.BytesIO()
    default, *rest = frames()
    default.save(file, "PNG", save_all=True, append_images=rest, default_image=True, duration=80)
    animation = read(file.getvalue())
    assert animation.count == 3
    first, _ = next(animation.frames())
    assert first.rgb[:, 0, 0].tolist() == [0, 1, 0]


def test_pages_of_a_tiff_are_pages_and_no_animation(tmp_path: Path) -> None:
    first, *rest = frames()
    first.save(tmp_path / "pages.tif", save_all=True, append_images=rest)
    pages = read_frames(tmp_path / "pages.tif")
    assert isinstance(pages, Pages)
    assert pages.count == 1 + len(rest)


def test_an_animation_larger_than_an_image_may_be_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = encode(frames(), "PNG", timing=Timing(DURATIONS_MS))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # twice that is allowed; one frame has 96
    with pytest.raises(ImageError, match="4 frames"):
        read_frames(content)


def test_a_damaged_frame_is_one_clear_error() -> None:
    content = encode(frames(), "PNG", timing=Timing(DURATIONS_MS))
    animation = read(content)
    damaged = Animation(content[:-60], animation.count, animation.size, 0)
    with pytest.raises(ImageError, match="damaged"):
        list(damaged.frames())


def test_a_border_without_opacity_stays_so_in_an_animated_webp(tmp_path: Path) -> None:
    """libwebp cuts frames to what is seen, and forgets that the rest is transparent."""
    from fast_nst.image.formats import save

    def frame(number: int) -> Image.Image:
        image = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
        image.paste((0, 150, 0, 255), (8, 12, 32, 36))
        image.putpixel((10 + number, 20), (255, 0, 0, 255))
        return image

    file = tmp_path / "a.webp"
    with file.open("wb") as opened:
        save([frame(0), frame(1)], "WEBP", opened, timing=Timing((100, 100)))
    with Image.open(file) as image:
        assert image.n_frames == 2
        assert image.convert("RGBA").getpixel((0, 0))[3] == 0
        assert image.convert("RGBA").getpixel((20, 30))[3] == 255
