"""What workers are told of each image."""

from __future__ import annotations

from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image

from fast_nst.apps.cluster.plan import plan_jobs
from fast_nst.batch.places import open_place
from fast_nst.batch.remote import open_url


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("a.jpg", "a.png", "sub/b.png", ".hidden.png", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(folder / name, "PNG")
    return folder


def test_what_is_there_before_is_remembered(photos: Path) -> None:
    for output in ("memory://bucket/out", str(photos.parent / "out")):
        open_place(f"{output}/sub/b.png").write(b"old", replace=False)
        assert [job.before is None for job in plan_jobs([photos], output)] == [True, True, False]
    open_url("memory://bucket").system.rm("/bucket", recursive=True)


def test_a_new_folder_far_away_is_listed_once_and_no_file_is_asked_for(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    info = MemoryFileSystem.info
    monkeypatch.setattr(
        MemoryFileSystem,
        "info",
        lambda self, path, **more: asked.append(path) or info(self, path, **more),
    )
    jobs = plan_jobs([photos], "memory://new/folder")
    assert [job.before for job in jobs] == [None, None, None]
    assert not [path for path in asked if path.endswith((".jpg", ".png"))]
