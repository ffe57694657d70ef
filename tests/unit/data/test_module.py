from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from fast_nst.data import IMAGES, create_images
from fast_nst.data.module import ImageDataModule
from fast_nst.data.workers import SkippedList
from fast_nst.errors import ConfigError, DataError

Save = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, save_photo: Save) -> Path:
    for number in range(8):
        save_photo(tmp_path / f"{number}.png", number)
    return tmp_path


def _batches(data: ImageDataModule, count: int) -> list[Tensor]:
    return list(islice(iter(data.train_dataloader()), count))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_of_8_bits_until_they_are_on_the_device(workers: int) -> None:
    data = ImageDataModule("synthetic", size=32, batch_size=3, num_workers=workers)
    for batch in _batches(data, 3):
        assert (batch.shape, batch.dtype) == ((3, 3, 32, 32), torch.uint8)
        moved = data.on_after_batch_transfer(batch, 0)
        assert moved.dtype == torch.float32
        torch.testing.assert_close(moved * 255, batch.float())


def test_modules_of_one_seed_give_the_same_batches() -> None:
    first, second, other = (
        _batches(ImageDataModule("synthetic", size=32, seed=seed), 1)[0] for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("workers", [0, 1])
def test_no_two_passes_over_a_loader_are_alike(workers: int) -> None:
    loader = ImageDataModule("synthetic", size=32, num_workers=workers).train_dataloader()
    assert not torch.equal(next(iter(loader)), next(iter(loader)))


@pytest.mark.parametrize(
    ("device", "devices", "cores", "workers"),
    [
        ("cpu", 1, 16, 1),
        ("cuda", 1, 16, 12),
        ("cuda", 1, 4, 3),
        ("cuda", 2, 8, 3),
        ("cuda", 1, 1, 1),
        ("mps", 1, 16, 1),
    ],
)
def test_cores_that_do_not_train_prepare_images(
    monkeypatch: pytest.MonkeyPatch, device: str, devices: int, cores: int, workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    data = ImageDataModule("synthetic", size=32)
    strategy = SimpleNamespace(root_device=torch.device(device))
    data.trainer = SimpleNamespace(strategy=strategy, num_devices=devices)
    assert data.train_dataloader().num_workers == workers
    data.num_workers = 0
    assert data.train_dataloader().num_workers == 0


def test_late_images_are_larger_and_batches_keep_their_number_of_pixels() -> None:
    data = ImageDataModule("synthetic", size=32, batch_size=4, late_size=64, late_share=0.25)
    done = 0.0
    data.fraction = lambda: done
    sizes = []
    for batch in islice(iter(data.train_dataloader()), 8):
        sizes.append(tuple(batch.shape))
        done += 1 / 8
    assert sizes == [(4, 3, 32, 32)] * 6 + [(1, 3, 64, 64)] * 2
    assert next(iter(data.train_dataloader())).shape == (1, 3, 64, 64)  # a resume that is late


def test_a_folder_is_read_through_the_module(folder: Path) -> None:
    data = ImageDataModule("folder", size=16, batch_size=2, path=folder, held_out=2)
    assert data.skipped == []
    (folder / "zz.png").write_text("broken")
    assert [batch.shape for batch in _batches(data, 8)] == [(2, 3, 16, 16)] * 8
    assert [Path(path).name for path, _ in data.skipped] == ["zz.png"]
    held_out = data.validation_images(2)
    blue = held_out[:, 2].mean((1, 2)) * 255
    assert blue.tolist() == pytest.approx([0.0, 20.0], abs=1.0)


def test_validation_images_do_not_depend_on_the_seed() -> None:
    first, second = (
        ImageDataModule("synthetic", size=32, seed=seed).validation_images(4, 40) for seed in (0, 1)
    )
    assert first.shape == (4, 3, 40, 40)
    assert torch.equal(first, second)


def test_setup_tells_of_missing_images_before_training(tmp_path: Path) -> None:
    data = ImageDataModule("folder", path=tmp_path / "nowhere")
    with pytest.raises(DataError, match="does not exist"):
        data.setup("fit")


def test_every_kind_in_the_table_can_be_imported() -> None:
    from importlib import import_module

    for module, name in IMAGES.values():
        assert isinstance(getattr(import_module(module), name), type)


def test_an_unknown_kind_is_named_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match=r"'foldre'.*did you mean 'folder'.*synthetic, folder"):
        create_images("foldre", 32)


def test_an_unknown_or_missing_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no option 'photo_shar'.*did you mean 'photo_share'"):
        create_images("synthetic", 32, photo_shar=0.5)
    with pytest.raises(ConfigError, match="data=synthetic has no option 'held_out'"):
        ImageDataModule("synthetic", size=32, held_out=3).setup()
    with pytest.raises(ConfigError, match=r"needs data\.path"):
        create_images("folder", 32)


@pytest.mark.parametrize(
    "options",
    [{"batch_size": 0}, {"num_workers": -1}, {"seed": -1}, {"held_out": -1}, {"late_share": 2}],
)
def test_impossible_numbers_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        ImageDataModule(**options)  # type: ignore[arg-type]


def test_importing_the_data_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, fast_nst.data;"
        "print([m for m in ('torch', 'numpy', 'PIL', 'datasets', 'skimage', 'pytorch_lightning')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_skipped_image_is_listed_once() -> None:
    skipped = SkippedList()
    for name, reason in (("a.png", "broken\nin two lines"), ("b.png", "empty"), ("b.png", "empty")):
        skipped.add(name, reason)
    assert skipped.read() == [("a.png", "broken in two lines"), ("b.png", "empty")]


def test_what_does_not_fit_into_the_list_is_counted() -> None:
    skipped = SkippedList()
    for number in range(100):
        skipped.add(f"{number:03d}" + "x" * 1000, "broken")
    listed = skipped.read()
    named = [name for name, _ in listed[:-1]]
    assert named[0].startswith("000")
    assert listed[-1][0] == f"{100 - len(named)} more"
