from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from fast_nst.data import photos
from fast_nst.data.leaves import draw_image
from fast_nst.data.synthetic import SyntheticImages
from fast_nst.data.textures import noise_fields, palette
from fast_nst.errors import ConfigError, DataError

Take = Callable[..., Tensor]


def _spectrum_slope(gray: Tensor) -> float:
    """Fit log power over log frequency of the (B, N, N) images' mean spectrum."""
    side = gray.shape[-1]
    hann = torch.hann_window(side)
    centered = gray - gray.mean((1, 2), keepdim=True)
    power = torch.fft.fft2(centered * hann[:, None] * hann).abs().square().mean(0)
    frequency = torch.fft.fftfreq(side) * side
    radius = torch.hypot(frequency[:, None], frequency).round()
    rings = range(3, 2 * side // 5)
    mean = [float(power[radius == ring].mean()) for ring in rings]
    return float(np.polyfit(np.log(list(rings)), np.log(mean), 1)[0])


def test_images_are_of_the_size_that_was_asked_for(take: Take) -> None:
    images = take(SyntheticImages(48, seed=1), 12)
    assert images.shape == (12, 3, 48, 48)
    assert images.std() > 0.05


def test_the_same_seed_repeats_the_stream(take: Take) -> None:
    first, second = (take(SyntheticImages(32, seed=5), 8) for _ in range(2))
    assert torch.equal(first, second)


def test_another_seed_or_epoch_gives_another_stream(take: Take) -> None:
    images = SyntheticImages(32, seed=5)
    first = take(images, 4)
    images.set_epoch(1)
    assert not torch.equal(first, take(images, 4))
    assert not torch.equal(first, take(SyntheticImages(32, seed=6), 4))


def test_a_later_epoch_of_one_seed_is_not_an_epoch_of_the_next_seed(take: Take) -> None:
    later = SyntheticImages(32, seed=5)
    later.set_epoch(1)
    assert not torch.equal(take(later, 4), take(SyntheticImages(32, seed=6), 4))


def test_no_two_images_of_a_stream_are_equal(take: Take) -> None:
    images = take(SyntheticImages(32, seed=2), 40).flatten(1)
    distances = torch.cdist(images, images) + 1e6 * torch.eye(40)
    assert distances.min() > 0.05


def test_each_worker_draws_its_own_images() -> None:
    loader = DataLoader(SyntheticImages(32, seed=3), batch_size=3, num_workers=2)
    stream = iter(loader)
    from_first, from_second = next(stream), next(stream)
    assert not torch.equal(from_first, from_second)
    again = iter(loader)
    assert torch.equal(from_first, next(again))
    assert torch.equal(from_second, next(again))


def test_the_stream_does_not_touch_the_global_generators(take: Take) -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    take(SyntheticImages(32), 3)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


def test_drawing_is_a_function_of_the_generator_alone() -> None:
    first, second, other = (draw_image(np.random.default_rng(seed), 96) for seed in (4, 4, 5))
    assert first.shape == (96, 96, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [16, 17, 64])
def test_small_and_odd_sizes_can_be_drawn(size: int, take: Take) -> None:
    assert draw_image(np.random.default_rng(0), size).shape == (size, size, 3)
    assert take(SyntheticImages(size), 3).shape == (3, 3, size, size)


def test_textures_are_not_changed_by_drawing() -> None:
    texture = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    copy = texture.copy()
    for seed in range(6):
        draw_image(np.random.default_rng(seed), 128, [texture])
    assert np.array_equal(texture, copy)


def test_drawn_images_have_the_power_spectrum_of_photographs(take: Take) -> None:
    # 1148 photographs, cropped the same way, give -2.75 by this measure; white noise gives 0.
    gray = take(SyntheticImages(128, seed=7, photo_share=0.0), 150).mean(1)
    assert -3.3 < _spectrum_slope(gray) < -2.3


def test_drawn_images_have_the_colors_of_photographs(take: Take) -> None:
    images = take(SyntheticImages(64, seed=8, photo_share=0.0), 150)
    assert 0.3 < images.mean() < 0.6
    contrast = images.mean(1).std((1, 2))
    assert 0.1 < contrast.median() < 0.28
    chroma = (images.amax(1) - images.amin(1)).mean()
    assert 0.05 < chroma < 0.25
    channels = torch.corrcoef(images.transpose(0, 1).flatten(1))
    assert channels.min() > 0.5


def test_noise_gets_smoother_from_field_to_field() -> None:
    fields = noise_fields(np.random.default_rng(0), 4, side=64)
    assert fields.std(axis=(1, 2)) == pytest.approx(np.ones(4), abs=1e-4)
    roughness = np.abs(np.diff(fields, axis=1)).mean(axis=(1, 2))
    assert (np.diff(roughness) < 0).all()


def test_a_palette_stays_within_the_colors_there_are() -> None:
    colors = palette(np.random.default_rng(0), 500)
    assert colors.shape == (500, 3)
    assert colors.min() >= 0.0
    assert colors.max() <= 1.0


def test_the_photo_share_is_the_share_of_photographs(
    take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fast_nst.data import synthetic

    black = np.zeros((64, 64, 3), np.uint8)
    monkeypatch.setattr(synthetic, "bundled_photos", lambda: ([black], np.ones(1)))
    monkeypatch.setattr(
        synthetic, "draw_image", lambda rng, size, _: np.full((size, size, 3), 255, np.uint8)
    )
    images = take(SyntheticImages(16, seed=0, photo_share=0.3), 400)
    assert (images.mean((1, 2, 3)) < 0.5).float().mean() == pytest.approx(0.3, abs=0.07)


def test_photographs_come_from_the_wheel_of_scikit_image() -> None:
    found, shares = photos.bundled_photos()
    assert len(found) >= 5
    assert all(p.dtype == np.uint8 and p.shape[2] == 3 for p in found)
    assert shares.sum() == pytest.approx(1.0)


def test_missing_photographs_are_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(photos, "_SHARES", {"no_such.png": 1.0})
    with pytest.raises(DataError, match=r"photo_share=0"):
        photos.bundled_photos()


@pytest.mark.parametrize("options", [{"size": 8}, {"photo_share": 1.5}, {"photo_share": -0.1}])
def test_impossible_settings_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(options))} is"):
        SyntheticImages(**{"size": 32, **options})  # type: ignore[arg-type]


def test_the_fixed_images_are_the_same_for_every_seed() -> None:
    first = SyntheticImages(32, seed=0).fixed_images(5, 48)
    second = SyntheticImages(32, seed=9).fixed_images(5, 48)
    assert first.shape == (5, 3, 48, 48)
    assert torch.equal(first, second)


def test_a_crop_is_cheap(take: Take) -> None:
    stream = iter(SyntheticImages(128, seed=0))
    take(stream, 20)
    start = time.process_time()
    take(stream, 50)
    # About 4 ms is usual: the bound only catches a slip by an order of magnitude.
    assert (time.process_time() - start) / 50 < 0.06
