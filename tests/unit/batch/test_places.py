"""Files anywhere: what a reader sees of one that is written, and which errors are told."""

from __future__ import annotations

import errno
import importlib.util
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fast_nst.batch.places import Place, open_place
from fast_nst.batch.remote import RemotePlace, open_url
from fast_nst.errors import ClusterError, ImageError


@pytest.fixture
def memory() -> Iterator[str]:
    place = open_url("memory://places")
    yield "memory://places"
    if place.system.exists(place.path):
        place.system.rm(place.path, recursive=True)


def everything_in(folder: Place) -> list[str]:
    """The paths of all files, hidden ones too."""
    if isinstance(folder, RemotePlace):
        return sorted(folder.list_paths())
    return sorted(str(file) for file in Path(folder.path).rglob("*") if file.is_file())


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, memory: str) -> Place:
    return open_place(tmp_path / "deep" if request.param == "local" else memory)


def test_what_is_written_can_be_read_and_leaves_nothing_else(folder: Place) -> None:
    place = folder.child(Path("sub/a.png"))
    assert place.stamp() is None
    assert place.write(b"one", replace=False)
    assert place.read() == b"one"
    assert everything_in(folder) == [place.path]


def test_a_second_writer_leaves_the_file_of_the_first(folder: Place) -> None:
    place = folder.child(Path("a.png"))
    assert place.write(b"first", replace=False)
    before = place.stamp()
    assert not place.write(b"second", replace=False)
    assert place.read() == b"first"
    assert place.stamp() == before
    assert len(everything_in(folder)) == 1


def test_a_stamp_changes_when_the_same_content_is_written_again(folder: Place) -> None:
    place = folder.child(Path("a.png"))
    place.write(b"same", replace=False)
    before = place.stamp()
    assert before == place.stamp()
    assert place.write(b"same", replace=True)
    assert place.stamp() != before


def test_where_files_cannot_be_linked_they_are_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "not permitted")

    monkeypatch.setattr(os, "link", refuse)
    place = open_place(tmp_path / "a.png")
    assert place.write(b"first", replace=False)
    assert not place.write(b"second", replace=False)
    assert place.read() == b"first"
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_place_is_the_same_in_another_process(tmp_path: Path) -> None:
    place = pickle.loads(pickle.dumps(open_place(tmp_path / "a.png")))
    place.write(b"here", replace=False)
    assert (tmp_path / "a.png").read_bytes() == b"here"


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    # None of the project's packages needs these, of which one may be installed all the same.
    needs = {"box://a": "boxfs", "dvc://a": "dvc", "oci://a": "ocifs"}
    url, package = next(
        (url, package) for url, package in needs.items() if not importlib.util.find_spec(package)
    )
    with pytest.raises(ClusterError, match=f"pip install {package}"):
        open_place(url)


def test_an_unknown_file_system_is_an_error_that_suggests_a_known_one() -> None:
    with pytest.raises(ClusterError, match="did you mean 'memory'"):
        open_place("memry://images")


def test_a_file_that_is_not_there_and_one_that_cannot_be_written_are_one_line(
    tmp_path: Path, memory: str
) -> None:
    with pytest.raises(ImageError, match=r"cannot read memory://places/no\.png: there is no such"):
        open_place(f"{memory}/no.png").read()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ImageError, match="cannot write"):
        open_place(tmp_path / "file" / "a.png").write(b"", replace=False)


def test_paths_and_their_urls_load_no_fsspec(tmp_path: Path) -> None:
    program = (
        "import sys; from fast_nst.batch.places import open_place\n"
        "from fast_nst.batch.plan import plan\n"
        "plan([sys.argv[1]], 'out')\n"
        "assert open_place('file://' + sys.argv[1]) == open_place(sys.argv[1])\n"
        "print([name for name in ('fsspec', 'torch') if name in sys.modules])"
    )
    (tmp_path / "a.jpg").touch()
    command = [sys.executable, "-c", program, str(tmp_path / "a.jpg")]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
