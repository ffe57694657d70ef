"""Which picture becomes which file, in any file system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from fast_nst.apps.cluster.places import open_place
from fast_nst.apps.cluster.plan import plan_jobs
from fast_nst.errors import ImageError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("a.jpg", "a.png", "sub/b.png", ".hidden.png", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(folder / name, "PNG")
    return folder


@pytest.fixture
def remote(photos: Path) -> Iterator[str]:
    place = open_place("memory://bucket/photos")
    place.system.put(str(photos) + "/", place.path, recursive=True)
    yield "memory://bucket/photos"
    place.system.rm("/bucket", recursive=True)


def targets(*arguments: object) -> list[str]:
    return [job.target.name for job in plan_jobs(*arguments)]  # type: ignore[arg-type]


def test_a_folder_keeps_its_structure_wherever_it_lies(photos: Path, remote: str) -> None:
    expected = ["a.jpg", "a.png", "sub/b.png"]
    for folder in (str(photos), remote, f"{remote}/", f"file://{photos}"):
        for output in ("memory://out", str(photos.parent / "out")):
            assert targets([folder], output) == [f"{output}/{name}" for name in expected]


def test_a_pattern_keeps_the_structure_below_its_fixed_part(photos: Path, remote: str) -> None:
    for folder in (str(photos), remote):
        assert targets([f"{folder}/**/*.png"], "memory://out") == [
            "memory://out/a.png",
            "memory://out/sub/b.png",
        ]


def test_equal_names_are_numbered_and_a_picture_named_twice_is_taken_once(remote: str) -> None:
    names = targets([remote, f"{remote}/a.jpg"], "memory://out", ".webp")
    assert names == [f"memory://out/{name}" for name in ("a.webp", "a-2.webp", "sub/b.webp")]


def test_one_picture_may_go_to_a_file_and_several_may_not(remote: str) -> None:
    assert targets([f"{remote}/a.jpg"], "memory://out/b.png") == ["memory://out/b.png"]
    assert targets([f"{remote}/a.jpg"], "memory://out") == ["memory://out/a.jpg"]
    with pytest.raises(ImageError, match="Name a folder"):
        plan_jobs([remote], "memory://out/b.png")


def test_an_input_is_never_the_output(photos: Path, remote: str) -> None:
    for folder in (str(photos), remote):
        with pytest.raises(ImageError, match="would overwrite the input"):
            plan_jobs([folder], folder)


def test_results_within_the_input_folder_are_no_inputs(photos: Path, remote: str) -> None:
    for folder in (str(photos), remote):
        done = open_place(f"{folder}/done/a.png")
        done.write(b"result", replace=False)
        assert len(plan_jobs([folder], f"{folder}/done")) == 3


def test_what_is_there_before_is_remembered(photos: Path) -> None:
    for output in ("memory://bucket/out", str(photos.parent / "out")):
        open_place(f"{output}/sub/b.png").write(b"old", replace=False)
        assert [job.before is None for job in plan_jobs([photos], output)] == [True, True, False]
    open_place("memory://bucket").system.rm("/bucket", recursive=True)


def test_missing_inputs_and_folders_without_pictures_are_one_line(remote: str) -> None:
    with pytest.raises(ImageError, match=r"cannot read memory://nothing: there is no such file"):
        plan_jobs(["memory://nothing"], "out")
    with pytest.raises(ImageError, match=r"no pictures in memory://bucket/photos/\*\.gif"):
        plan_jobs([f"{remote}/*.gif"], "out")
    with pytest.raises(ImageError, match=r"ending '\.xyz' is unknown"):
        plan_jobs([remote], "out", ".xyz")
