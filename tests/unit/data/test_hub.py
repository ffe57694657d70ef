from __future__ import annotations

import io
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

from fast_nst.data.hub import HubImages
from fast_nst.errors import DataError
from fast_nst.image.eight_bit import from_bytes

datasets = pytest.importorskip("datasets")

Save = Callable[..., Path]
Take = Callable[..., Tensor]


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for name, value in (
        ("HF_HUB_OFFLINE", True),
        ("HF_DATASETS_CACHE", tmp_path / "cache"),
        ("HF_MODULES_CACHE", str(tmp_path / "modules")),
        ("SLEEP_TIME_ON_THREADS_SHUTDOWN", 0),  # else 5 s at the end of each streamed pass
    ):
        monkeypatch.setattr(datasets.config, name, value, raising=False)
    datasets.disable_progress_bars()


def _png(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(90, 110, (40, 48, 3))
    pixels[..., 2] = 20 * number
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def _write(path: Path, images: list[bytes | None], column: str = "image") -> dict[str, Any]:
    """Write a parquet file as the Hub keeps them; return the arguments that read it."""
    cells = [None if p is None else {"bytes": p, "path": f"{k}.png"} for k, p in enumerate(images)]
    features = datasets.Features({column: datasets.Image(), "label": datasets.Value("int64")})
    table = {column: cells, "label": list(range(len(cells)))}
    datasets.Dataset.from_dict(table, features=features).to_parquet(str(path))
    return {"name": "parquet", "data_files": str(path), "size": 16}


@pytest.fixture
def local(tmp_path: Path) -> dict[str, Any]:
    return _write(tmp_path / "eight.parquet", [_png(number) for number in range(8)])


def _which(images: Tensor) -> list[int]:
    return [round(float(image[2].mean()) * 255 / 20) for image in images]


@pytest.mark.parametrize("streaming", [True, False])
def test_a_pass_shows_every_image_once(local: dict[str, Any], take: Take, streaming: bool) -> None:
    images = take(HubImages(**local, streaming=streaming), 16)
    assert images.shape == (16, 3, 16, 16)
    assert sorted(_which(images[:8])) == sorted(_which(images[8:])) == list(range(8))
    assert _which(images[:8]) != _which(images[8:])


@pytest.mark.parametrize("streaming", [True, False])
def test_the_seed_and_the_epoch_decide_the_stream(
    local: dict[str, Any], take: Take, streaming: bool
) -> None:
    images = HubImages(**local, seed=3, streaming=streaming)
    first = take(images, 8)
    assert torch.equal(first, take(HubImages(**local, seed=3, streaming=streaming), 8))
    assert not torch.equal(first, take(HubImages(**local, seed=4, streaming=streaming), 8))
    images.set_epoch(1)
    assert not torch.equal(first, take(images, 8))


def test_an_imagefolder_is_read(tmp_path: Path, save_photo: Save, take: Take) -> None:
    for number in range(6):
        save_photo(tmp_path / "photos" / f"{number}.png", number)
    images = HubImages("imagefolder", 16, data_dir=str(tmp_path / "photos"))
    assert sorted(_which(take(images, 6))) == list(range(6))


def test_workers_share_the_rows_out(local: dict[str, Any]) -> None:
    loader = DataLoader(HubImages(**local, streaming=False), batch_size=4, num_workers=2)
    both = from_bytes(torch.cat(list(islice(iter(loader), 2))))
    assert sorted(_which(both)) == list(range(8))


def test_more_workers_than_files_of_a_stream_neither_fail_nor_repeat(
    local: dict[str, Any],
) -> None:
    loader = DataLoader(HubImages(**local), batch_size=4, num_workers=2)
    both = from_bytes(torch.cat(list(islice(iter(loader), 2))))
    assert sorted(_which(both)) == list(range(8))


@pytest.mark.parametrize("streaming", [True, False])
def test_broken_rows_are_skipped_and_named(tmp_path: Path, take: Take, streaming: bool) -> None:
    rows = [_png(0), b"hello", _png(2), _png(3)[:200], None]
    arguments = _write(tmp_path / "broken.parquet", rows)
    images = HubImages(**arguments, streaming=streaming)
    assert set(_which(take(images, 6))) == {0, 2}
    assert len(images.skipped) == 3
    assert {"1.png", "3.png"} < {name for name, _ in images.skipped}


def test_only_broken_rows_are_an_error_and_not_an_endless_loop(tmp_path: Path) -> None:
    images = HubImages(**_write(tmp_path / "broken.parquet", [b"hello", b"", None]))
    with pytest.raises(DataError, match="none of the 3 images") as caught:
        next(iter(images))
    assert "\n" not in str(caught.value)


def test_a_wrong_column_lists_the_columns_and_suggests_one(local: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"did you mean 'image'.*image, label"):
        HubImages(**local, image_column="imgae")


def test_another_column_can_be_chosen(tmp_path: Path, take: Take) -> None:
    arguments = _write(tmp_path / "photo.parquet", [_png(1)], column="photo")
    assert _which(take(HubImages(**arguments, image_column="photo"), 2)) == [1, 1]


def test_a_column_without_images_is_an_error(local: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="image_column"):
        next(iter(HubImages(**local, image_column="label")))


@pytest.mark.parametrize("streaming", [True, False])
def test_held_out_rows_are_not_trained_on(
    local: dict[str, Any], take: Take, streaming: bool
) -> None:
    images = HubImages(**local, held_out=2, streaming=streaming)
    assert _which(images.fixed_images(2, 20)) == [0, 1]
    assert set(_which(take(images, 12))) == set(range(2, 8))


def test_without_a_network_the_other_kinds_are_named() -> None:
    with pytest.raises(DataError, match=r"data=synthetic.*data=folder") as caught:
        HubImages("nobody/no-such-dataset", 16)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot load the dataset 'parquet'"):
        HubImages("parquet", 16, data_files=str(tmp_path / "none.parquet"))


def test_without_the_package_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match="pip install datasets"):
        HubImages("parquet", 16)


@pytest.mark.parametrize("streaming", [True, False])
def test_two_machines_share_the_rows_out(
    local: dict[str, Any], take: Take, streaming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    for rank in range(2):
        monkeypatch.setattr("fast_nst.data.hub.consumer", lambda rank=rank: (rank, 2))
        seen += _which(take(HubImages(**local, streaming=streaming), 4))
    assert sorted(seen) == list(range(8))
