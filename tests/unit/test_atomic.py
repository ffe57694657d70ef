"""Files appear whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from fast_nst import atomic


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_written_and_its_folder_made(tmp_path: Path, durable: bool) -> None:
    target = tmp_path / "a" / "b" / "file.bin"
    atomic.write_bytes(target, b"first", durable=durable)
    atomic.write_bytes(target, b"second", durable=durable)
    assert target.read_bytes() == b"second"
    assert names(target.parent) == ["file.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_whatever_stops_it_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "file.bin"
    target.write_bytes(b"before")

    def begin_and_stop() -> None:
        with atomic.open_replacing(target) as file:
            file.write(b"half of it")
            file.flush()
            assert len(names(tmp_path)) == 2
            assert target.read_bytes() == b"before"
            raise error

    with pytest.raises(error):
        begin_and_stop()
    assert target.read_bytes() == b"before"
    assert names(tmp_path) == ["file.bin"]


def test_the_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic.write_bytes(tmp_path / "file.bin", b"x")
        (tmp_path / "other.bin").write_bytes(b"x")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("file.bin", "other.bin")]
    assert modes[0] == modes[1] == 0o640


def test_a_name_as_long_as_the_file_system_allows_is_written(tmp_path: Path) -> None:
    atomic.write_bytes(tmp_path / ("a" * 255), b"x")
    assert names(tmp_path) == ["a" * 255]


def test_a_library_may_write_the_file_by_its_name(tmp_path: Path) -> None:
    with atomic.replacing(tmp_path / "file.bin", suffix=".png") as partial:
        assert partial.parent == tmp_path
        assert partial.suffix == ".png"
        partial.write_bytes(b"x")
    assert names(tmp_path) == ["file.bin"]


def test_a_place_that_cannot_be_written_to_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        atomic.write_bytes(tmp_path / "file" / "below.bin", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        atomic.write_bytes(tmp_path / "folder", b"x")
    assert names(tmp_path) == ["file", "folder"]
