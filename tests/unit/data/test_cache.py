from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from fast_nst.data import cache
from fast_nst.data.cache import PhotoCache, cache_root
from fast_nst.data.folder import FolderImages
from fast_nst.data.module import ImageDataModule
from fast_nst.errors import DataError
from fast_nst.image.eight_bit import from_bytes

Save = Callable[..., Path]
Take = Callable[..., Tensor]

# A process of its own, not a fork of this one, whose threads may hold locks.
FILL = """
import sys
from itertools import islice
from fast_nst.data import cache
from fast_nst.data.folder import FolderImages
cache.KEPT_FREE = 0
assert len(list(islice(FolderImages(sys.argv[1], 16, cache=True), 24))) == 24
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAST_NST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "KEPT_FREE", 0)
    return tmp_path / "cache"


@pytest.fixture
def photos(tmp_path: Path, save_photo: Save) -> Path:
    for number in range(6):
        save_photo(tmp_path / "photos" / f"{number}.png", number)
    return tmp_path / "photos"


def _entries(root: Path) -> list[Path]:
    return sorted(root.rglob("*.rgb"))


def _which(images: Tensor) -> list[int]:
    return sorted(round(float(image[2].mean()) * 255 / 20) for image in images)


def test_the_stream_is_the_same_before_and_after_the_cache_is_filled(
    root: Path, photos: Path, take: Take
) -> None:
    cold = take(FolderImages(photos, 16, cache=True), 18)
    assert len(_entries(root)) == 6
    assert torch.equal(cold, take(FolderImages(photos, 16, cache=True), 18))
    plain = take(FolderImages(photos, 16), 18)
    assert (cold - plain).abs().max() < 2.1 / 255  # 8 bits before and after the crop is scaled


def test_a_warm_cache_decodes_nothing(
    root: Path, photos: Path, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(FolderImages(photos, 16, cache=True), 6)
    warm = FolderImages(photos, 16, cache=True)
    monkeypatch.setattr("fast_nst.data.folder.decode", lambda *_: pytest.fail("decoded"))
    assert _which(take(warm, 6)) == list(range(6))


def test_a_changed_photograph_is_decoded_anew(
    root: Path, photos: Path, save_photo: Save, take: Take
) -> None:
    take(FolderImages(photos, 16, cache=True), 6)
    save_photo(photos / "0.png", 9)
    os.utime(photos / "0.png", ns=(1, 1))
    (photos / "1.png").unlink()
    save_photo(photos / "new.png", 8)
    assert _which(take(FolderImages(photos, 16, cache=True), 6)) == [2, 3, 4, 5, 8, 9]


@pytest.mark.parametrize("left", [0, 10, 100, -1])
def test_an_entry_that_was_cut_short_is_written_again(
    root: Path, photos: Path, take: Take, left: int
) -> None:
    whole = take(FolderImages(photos, 16, cache=True), 6)
    before = [entry.read_bytes() for entry in _entries(root)]
    for entry, content in zip(_entries(root), before, strict=True):
        entry.write_bytes(content[:left])
    assert torch.equal(whole, take(FolderImages(photos, 16, cache=True), 6))
    assert [entry.read_bytes() for entry in _entries(root)] == before


def test_two_processes_fill_the_cache_at_once(root: Path, photos: Path, take: Take) -> None:
    both = [subprocess.Popen([sys.executable, "-c", FILL, photos]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert len(_entries(root)) == 6
    assert not list(root.rglob("*.part"))
    assert _which(take(FolderImages(photos, 16, cache=True), 6)) == list(range(6))


def test_workers_fill_it_too(root: Path, photos: Path) -> None:
    loader = DataLoader(FolderImages(photos, 16, cache=True), batch_size=3, num_workers=2)
    assert _which(from_bytes(torch.cat(list(islice(iter(loader), 2))))) == list(range(6))
    assert len(_entries(root)) == 6


def test_a_folder_that_cannot_be_written_is_one_line_with_the_way_out(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FAST_NST_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cannot be written .*data\.cache=false") as caught:
        FolderImages(photos, 16, cache=True)
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_training_without_a_cache_and_is_told(
    root: Path, photos: Path, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "KEPT_FREE", shutil.disk_usage(photos).total)
    data = ImageDataModule("folder", 16, path=photos, cache=True, held_out=0, num_workers=1)
    data.setup()
    assert data.notes == []
    batches = iter(data.train_dataloader())
    next(batches)
    del batches
    assert not _entries(root)
    (note,) = data.notes
    assert "FAST_NST_CACHE" in note
    assert "\n" not in note
    assert _which(take(FolderImages(photos, 16, cache=True), 6)) == list(range(6))


def test_broken_photographs_are_listed_however_warm_the_cache_is(
    root: Path, photos: Path, take: Take
) -> None:
    (photos / "a.jpg").write_text("hello")
    for _ in range(2):
        images = FolderImages(photos, 16, cache=True)
        take(images, 12)
        assert [Path(name).name for name, _ in images.skipped] == ["a.jpg"]


def test_large_photographs_are_kept_small_and_small_ones_as_they_are(
    root: Path, tmp_path: Path
) -> None:
    kept = PhotoCache(tmp_path, size=256)
    assert kept.side == 384
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert kept.write(tmp_path / "a.jpg", torch.rand(3, 500, 1000)).shape == (3, 384, 768)
    found = kept.read(tmp_path / "a.jpg")
    assert found is not None
    assert (found.dtype, found.shape) == (torch.uint8, (3, 384, 768))
    assert kept.write(tmp_path / "a.jpg", torch.rand(3, 50, 70)).shape == (3, 50, 70)


def test_both_sizes_of_a_training_share_one_cache(root: Path, photos: Path) -> None:
    data = ImageDataModule(
        kind="folder", path=str(photos), size=128, late_size=512, held_out=0, cache=True
    )
    data.setup()
    assert [folder.name[-3:] for folder in (root / "photos").iterdir()] == ["768"]


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAST_NST_CACHE", "/somewhere")
    assert cache_root() == Path("/somewhere")
    monkeypatch.delenv("FAST_NST_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/else")
    assert cache_root() == Path("/else/fast_nst")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_root() == Path.home() / ".cache" / "fast_nst"
