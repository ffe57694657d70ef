from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

from fast_nst.data.folder import FolderImages
from fast_nst.data.transforms import decode, seeded, training_transform
from fast_nst.errors import ConfigError, DataError
from fast_nst.image.eight_bit import from_bytes

Save = Callable[..., Path]
Take = Callable[..., Tensor]


@pytest.fixture
def folder(tmp_path: Path, save_photo: Save) -> Path:
    """Eight photographs at three depths, one under an awkward name, and a text file."""
    for number in range(4):
        save_photo(tmp_path / "photos" / f"{number}.png", number)
    for number in range(4, 7):
        save_photo(tmp_path / "photos" / "more" / "deeper" / f"{number}.PNG", number)
    save_photo(tmp_path / "photos" / "more" / "name with spaces & ünïcode №7.png", 7)
    (tmp_path / "photos" / "notes.txt").write_text("not an image")
    return tmp_path / "photos"


def _which(images: Tensor) -> list[int]:
    """Tell the photographs' numbers from their blue."""
    return [round(float(image[2].mean()) * 255 / 20) for image in images]


def test_images_are_of_the_size_that_was_asked_for(folder: Path, take: Take) -> None:
    images = take(FolderImages(folder, 24), 10)
    assert images.shape == (10, 3, 24, 24)
    assert images.std() > 0.05


def test_a_pass_shows_every_image_of_nested_folders_once(folder: Path, take: Take) -> None:
    images = take(FolderImages(folder, 16), 16)
    assert sorted(_which(images[:8])) == sorted(_which(images[8:])) == list(range(8))
    assert _which(images[:8]) != _which(images[8:])


def test_the_same_seed_repeats_the_stream(folder: Path, take: Take) -> None:
    first, second = (take(FolderImages(folder, 16, seed=4), 10) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, take(FolderImages(folder, 16, seed=5), 10))


def test_epochs_differ(folder: Path, take: Take) -> None:
    images = FolderImages(folder, 16)
    first = take(images, 8)
    images.set_epoch(1)
    assert not torch.equal(first, take(images, 8))


def test_workers_share_the_files_out(folder: Path) -> None:
    loader = DataLoader(FolderImages(folder, 16), batch_size=4, num_workers=2)
    both = from_bytes(torch.cat(list(islice(iter(loader), 2))))
    assert sorted(_which(both)) == list(range(8))


def test_more_workers_than_files_still_see_images(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "only.png", 3)
    loader = DataLoader(FolderImages(tmp_path, 16), batch_size=1, num_workers=2)
    assert [_which(from_bytes(batch)) for batch in islice(iter(loader), 4)] == [[3]] * 4


def test_the_stream_does_not_touch_torchs_generator(folder: Path, take: Take) -> None:
    before = torch.get_rng_state()
    take(FolderImages(folder, 16), 3)
    assert torch.equal(before, torch.get_rng_state())


@pytest.fixture
def damaged(folder: Path) -> Path:
    """The same folder with four more files that are no images any more."""
    (folder / "zero.png").write_bytes(b"")
    (folder / "text.jpg").write_text("hello")
    whole = (folder / "1.png").read_bytes()
    (folder / "more" / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "folder.png").mkdir()  # not a file at all
    return folder


def test_broken_files_are_skipped_and_named(damaged: Path, take: Take) -> None:
    images = FolderImages(damaged, 16)
    assert set(_which(take(images, 24))) == set(range(8))
    names = [Path(path).name for path, _ in images.skipped]
    assert sorted(names) == ["text.jpg", "truncated.png", "zero.png"]
    assert all(reason for _, reason in images.skipped)


def test_workers_report_the_broken_files_to_the_main_process(damaged: Path) -> None:
    images = FolderImages(damaged, 16)
    loader = DataLoader(images, batch_size=2, num_workers=2)
    list(islice(iter(loader), 12))
    assert {Path(path).name for path, _ in images.skipped} == {
        "text.jpg",
        "truncated.png",
        "zero.png",
    }


def test_only_broken_files_are_an_error_and_not_an_endless_loop(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).write_text("hello")
    with pytest.raises(DataError, match=r"none of the 2 images.*a\.png") as caught:
        FolderImages(tmp_path, 16)
    assert "\n" not in str(caught.value)


def test_files_that_vanish_all_are_an_error(tmp_path: Path, save_photo: Save) -> None:
    file = save_photo(tmp_path / "a.png")
    stream = iter(FolderImages(tmp_path, 16))
    next(stream)
    file.unlink()
    with pytest.raises(DataError, match="any more"):
        next(stream)


def test_a_missing_folder_an_empty_one_and_a_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        FolderImages(tmp_path / "nowhere", 16)
    with pytest.raises(DataError, match="holds no images"):
        FolderImages(tmp_path, 16)
    file = tmp_path / "file.png"
    file.write_bytes(b"")
    with pytest.raises(DataError, match="is a file"):
        FolderImages(file, 16)


def test_held_out_images_are_not_trained_on(folder: Path, take: Take) -> None:
    images = FolderImages(folder, 16, held_out=2)
    fixed = images.fixed_images(2, 32)
    assert fixed.shape == (2, 3, 32, 32)
    assert _which(fixed) == [0, 1]
    assert set(_which(take(images, 18))) == set(range(2, 8))


def test_a_small_folder_holds_nothing_out(tmp_path: Path, save_photo: Save, take: Take) -> None:
    save_photo(tmp_path / "a.png", 1)
    images = FolderImages(tmp_path, 16, held_out=4)
    assert _which(take(images, 2)) == [1, 1]
    assert images.fixed_images(3, 20).shape == (3, 3, 20, 20)


def test_a_large_jpeg_is_decoded_no_larger_than_needed(tmp_path: Path) -> None:
    Image.fromarray(np.full((800, 1200, 3), 128, np.uint8)).save(tmp_path / "a.jpg")
    assert decode(tmp_path / "a.jpg", 100).shape == (3, 100, 150)
    assert decode(tmp_path / "a.jpg", 801).shape == (3, 800, 1200)


def test_images_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((20, 40, 3), 128, np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    assert decode(tmp_path / "a.jpg", 20).shape == (3, 40, 20)


def test_images_smaller_than_a_crop_are_enlarged(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "a.png", 0, side=5)
    assert next(iter(FolderImages(tmp_path, 64))).shape == (3, 64, 64)


def test_the_transform_flips_half_of_the_time() -> None:
    ramp = torch.linspace(0, 1, 32).expand(3, 32, 32)
    transform = training_transform(16)
    flipped = 0
    for seed in range(200):
        with seeded(seed):
            row = transform(ramp)[0, 0]
        flipped += bool(row[0] > row[-1])
    assert 70 < flipped < 130


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 8, "least_scale": 0.0}])
def test_impossible_settings_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        training_transform(**options)  # type: ignore[arg-type]


@pytest.mark.shared
def test_every_awkward_file_is_read_or_skipped(shared_data: Path, take: Take) -> None:
    images = FolderImages(shared_data / "odd", 32)
    assert torch.isfinite(take(images, 40)).all()
    names = {Path(path).name for path, _ in images.skipped}
    assert {"truncated.jpg", "header_only.jpg", "text_file.jpg", "zero_byte.png"} <= names
    assert not any("exif" in name or "icc" in name or "gray" in name for name in names)
