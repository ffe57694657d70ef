import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from fast_nst.errors import CheckpointError
from fast_nst.filters.checkpoint import (
    KEY,
    FilterMetadata,
    Style,
    load_filter,
    read_metadata,
    save_filter,
)
from fast_nst.networks import create_network

METADATA = FilterMetadata(
    (Style("test"),), "johnson", {"width": 4, "blocks": 1}, losses={"style": 0.5}
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = create_network("johnson", **METADATA.network_arguments)
    return save_filter(tmp_path / "made" / "test.safetensors", network, METADATA)


def rewrite(file: Path, document: object, drop: str = "", **tensors: torch.Tensor) -> None:
    state = {name: value for name, value in load_file(file).items() if name != drop}
    save_file({**state, **tensors}, file, metadata={KEY: json.dumps(document)})


def test_a_filter_comes_back_as_it_was_saved(file: Path) -> None:
    loaded = load_filter(file)
    torch.manual_seed(0)
    original = create_network("johnson", **METADATA.network_arguments)
    image = torch.rand(1, 3, 20, 24)
    assert torch.equal(loaded.network(image), original(image))
    assert loaded.metadata == METADATA
    assert not loaded.network.training


def test_saving_leaves_nothing_but_the_file(file: Path) -> None:
    assert [each.name for each in file.parent.iterdir()] == ["test.safetensors"]


def test_metadata_is_read_without_the_weights(file: Path) -> None:
    assert read_metadata(file).losses == {"style": 0.5}


def test_a_missing_file_says_how_to_train_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no such file.*fast_nst\.train"):
        load_filter(tmp_path / "none.safetensors")


@pytest.mark.parametrize("name", ["text.safetensors", "text.ckpt"])
def test_a_text_file_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("hello, I am not a checkpoint at all")
    with pytest.raises(CheckpointError, match="is not a"):
        load_filter(file)


def test_a_truncated_file_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match="damaged"):
        load_filter(file)


def test_a_newer_format_asks_for_an_upgrade(file: Path) -> None:
    rewrite(file, asdict(replace(METADATA, format_version=99)))
    with pytest.raises(CheckpointError, match=r"format version 99.*Upgrade"):
        load_filter(file)


def test_another_safetensors_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, file)
    with pytest.raises(CheckpointError, match="not a fast_nst filter"):
        load_filter(file)


def test_every_tensor_is_checked(file: Path) -> None:
    good = file.read_bytes()
    document = asdict(METADATA)
    cases = {
        "lacks the tensor head.bias": {"drop": "head.bias"},
        "head.bias has shape": {"head.bias": torch.zeros(4)},
        "not finite": {"head.bias": torch.full((3,), torch.nan)},
        "unknown tensor extra": {"extra": torch.zeros(1)},
    }
    for message, change in cases.items():
        file.write_bytes(good)
        rewrite(file, document, **change)  # type: ignore[arg-type]
        with pytest.raises(CheckpointError, match=message):
            load_filter(file)


def test_metadata_that_lacks_something_is_refused(file: Path) -> None:
    document = asdict(METADATA)
    del document["network"]
    rewrite(file, document)
    with pytest.raises(CheckpointError, match="lacks network"):
        load_filter(file)
    rewrite(file, {**asdict(METADATA), "network": "unheard_of"})
    with pytest.raises(CheckpointError, match="no network 'unheard_of'"):
        load_filter(file)


def test_loading_runs_no_code_from_the_file(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return (Path.touch, (tmp_path / "ran",))

    file = tmp_path / "evil.ckpt"
    torch.save({"state_dict": Evil()}, file)
    with pytest.raises(CheckpointError):
        load_filter(file)
    assert not (tmp_path / "ran").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "a_file").touch()
    network = create_network("johnson", **METADATA.network_arguments)
    with pytest.raises(CheckpointError, match="cannot be written"):
        save_filter(tmp_path / "a_file" / "x.safetensors", network, METADATA)
