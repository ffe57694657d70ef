"""Which file is written for which: images and videos, on disks and behind URLs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image

from fast_nst.apps.video.plan import VIDEOS
from fast_nst.batch.places import open_place
from fast_nst.batch.plan import IMAGES, Planned, is_done, plan
from fast_nst.batch.remote import open_url
from fast_nst.errors import ClusterError, ImageError, VideoError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("a.jpg", "a.png", "sub/b.png", ".hidden.png", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(folder / name, "PNG")
    return folder


@pytest.fixture
def remote(photos: Path) -> Iterator[str]:
    place = open_url("memory://bucket/photos")
    place.system.put(str(photos) + "/", place.path, recursive=True)
    yield "memory://bucket/photos"
    place.system.rm("/bucket", recursive=True)


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def targets(*arguments: object) -> list[str]:
    return [file.target.name for file in plan(*arguments)]  # type: ignore[arg-type]


def both(inputs: Sequence[Path | str], output: Path | str) -> tuple[dict[str, str], dict[str, str]]:
    """Videos and images: source and target."""
    files = plan(inputs, output, None, (IMAGES, VIDEOS))
    names = [
        {file.source.name: file.target.name for file in files if file.medium is medium}
        for medium in (VIDEOS, IMAGES)
    ]
    return names[0], names[1]


# Images anywhere


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


def test_a_file_whose_name_has_wildcards_is_no_pattern(tmp_path: Path) -> None:
    touch(tmp_path / "a[1].jpg", tmp_path / "a1.jpg")
    (file,) = plan([tmp_path / "a[1].jpg"], tmp_path / "out.png")
    assert file.on_disk().source == tmp_path / "a[1].jpg"


def test_equal_names_are_numbered_and_an_image_named_twice_is_taken_once(remote: str) -> None:
    names = targets([remote, f"{remote}/a.jpg"], "memory://out", ".webp")
    assert names == [f"memory://out/{name}" for name in ("a.webp", "a-2.webp", "sub/b.webp")]


def test_one_image_may_go_to_a_file_and_several_may_not(remote: str) -> None:
    assert targets([f"{remote}/a.jpg"], "memory://out/b.png") == ["memory://out/b.png"]
    assert targets([f"{remote}/a.jpg"], "memory://out") == ["memory://out/a.jpg"]
    with pytest.raises(ImageError, match="Name a folder"):
        plan([remote], "memory://out/b.png")


def test_an_input_is_never_the_output(photos: Path, remote: str) -> None:
    for folder in (str(photos), remote):
        with pytest.raises(ImageError, match="would overwrite the input"):
            plan([folder], folder)


def test_results_within_the_input_folder_are_no_inputs(photos: Path, remote: str) -> None:
    for folder in (str(photos), remote):
        done = open_place(f"{folder}/done/a.png")
        done.write(b"result", replace=False)
        assert len(plan([folder], f"{folder}/done")) == 3


def test_missing_inputs_and_folders_without_images_are_one_line(remote: str) -> None:
    with pytest.raises(ImageError, match=r"cannot read memory://nothing: there is no such file"):
        plan(["memory://nothing"], "out")
    with pytest.raises(ImageError, match=r"no images match memory://bucket/photos/\*\.gif"):
        plan([f"{remote}/*.gif"], "out")
    with pytest.raises(ImageError, match=r"ending '\.xyz' is unknown"):
        plan([remote], "out", ".xyz")
    with pytest.raises(ClusterError, match="no known file system"):
        plan([remote], "nosuch://out")


# Videos, and both


def test_videos_are_told_from_images_by_their_endings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(*map(Path, ("a.MP4", "b.jpg", "c.gif")))
    videos, images = both(["a.MP4", "b.jpg", "c.gif"], "out/")
    assert videos == {"a.MP4": "out/a.MP4"}
    assert images == {"b.jpg": "out/b.jpg", "c.gif": "out/c.gif"}


def test_anything_is_a_video_if_a_video_is_to_come_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(Path("dance.gif"), Path("dance.mp4"))
    for target in ("out.mp4", "out.webm", "frames/%05d.png"):
        assert both(["dance.gif"], target) == ({"dance.gif": target}, {})
    assert both(["dance.gif"], "out.gif") == ({}, {"dance.gif": "out.gif"})
    assert both(["dance.mp4"], "out.gif") == ({"dance.mp4": "out.gif"}, {})
    with pytest.raises(VideoError, match="a video is many images"):
        both(["dance.mp4"], "out.png")


def test_a_folder_of_both_keeps_its_structure_without_hidden_files(tmp_path: Path) -> None:
    clips, out = tmp_path / "clips", tmp_path / "out"
    touch(clips / "a.mp4", clips / "x" / "a.avi", clips / ".hidden" / "b.mp4", clips / ".c.mp4")
    found = {
        str(clips / "a.mp4"): str(out / "a.mp4"),
        str(clips / "x" / "a.avi"): str(out / "x" / "a.mp4"),
    }
    assert both([clips], out) == (found, {})
    touch(clips / "photo.jpg", clips / "notes.txt")
    assert both([clips], out) == (found, {str(clips / "photo.jpg"): str(out / "photo.jpg")})


def test_videos_of_a_pattern_keep_their_folders_and_equal_names_are_numbered(
    tmp_path: Path,
) -> None:
    touch(tmp_path / "a" / "v.avi", tmp_path / "b" / "v.mp4", tmp_path / "b" / "v.avi")
    videos, _ = both([tmp_path / "*" / "v.*"], tmp_path / "out")
    assert sorted(videos.values()) == [
        str(tmp_path / "out" / "a" / "v.mp4"),
        str(tmp_path / "out" / "b" / "v-2.mp4"),
        str(tmp_path / "out" / "b" / "v.mp4"),
    ]


def test_results_of_an_earlier_run_are_no_videos_to_repaint(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4", tmp_path / "out" / "a.mp4")
    assert list(both([tmp_path], tmp_path / "out")[0]) == [str(tmp_path / "a.mp4")]


def test_an_output_that_holds_the_folder_of_clips_hides_nothing(tmp_path: Path) -> None:
    touch(tmp_path / "clips" / "a.mp4")
    videos, _ = both([tmp_path / "clips"], tmp_path)
    assert list(videos.values()) == [str(tmp_path / "a.mp4")]


def test_a_video_is_never_overwritten(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4")
    for output in (tmp_path, tmp_path / "a.mp4"):
        with pytest.raises(ImageError, match="would overwrite the input"):
            both([tmp_path / "a.mp4"], output)


def test_several_files_do_not_go_into_one(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "c.jpg")
    with pytest.raises(ImageError, match=r"one video, and there are several\. Name a folder"):
        both([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "out.mp4")
    with pytest.raises(ImageError, match=r"one image, and there are several\. Name a folder"):
        both([tmp_path / "a.mp4", tmp_path / "c.jpg"], tmp_path / "out.jpg")


def test_nothing_to_repaint_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"no images or videos in .*\.png, .*\.mp4"):
        both([tmp_path], tmp_path / "out")
    with pytest.raises(ImageError, match=r"missing\.mp4 does not exist"):
        both([tmp_path / "missing.mp4"], tmp_path / "out.mp4")


# What is done already


def test_an_image_is_done_if_it_is_whole_and_no_older_than_its_source(
    photos: Path, remote: str
) -> None:
    for folder in (str(photos), remote):
        source, target = open_place(f"{folder}/a.png"), open_place(f"{folder}/done.png")
        assert not is_done(Planned(source, target))
        target.write(source.read(), replace=False)
        assert is_done(Planned(source, target))
        target.write(source.read()[:40], replace=True)
        assert not is_done(Planned(source, target))
        assert is_done(Planned(source, target, VIDEOS)), "videos appear when they are complete"
    os.utime(photos / "done.png", (0, 0))
    assert not is_done(
        Planned(open_place(photos / "a.png"), open_place(photos / "done.png"), VIDEOS)
    )


@pytest.mark.parametrize("where", ["disk", "remote"])
def test_skipped_files_are_named_once_and_hidden_ones_never(
    photos: Path, remote: str, tmp_path: Path, where: str
) -> None:
    said: list[str] = []
    source = str(photos) if where == "disk" else remote
    plan([source, source], tmp_path / "out", on_skipped=said.append)
    assert said == ["skipped 1 file: notes.txt (no images by their endings)"]


def test_of_many_skipped_files_some_are_named(photos: Path, tmp_path: Path) -> None:
    touch(*(photos / f"{number}.xmp" for number in range(9)))
    said: list[str] = []
    plan([str(photos / "*")], tmp_path / "out", on_skipped=said.append)
    names = "0.xmp, 1.xmp, 2.xmp, 3.xmp, 4.xmp and 5 more"
    assert said == [f"skipped 10 files: {names} (no images by their endings)"]


def test_a_camera_file_of_several_pictures_becomes_a_jpeg(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.MPO", tmp_path / "in" / "b.JFIF")
    found = plan([tmp_path / "in"], tmp_path / "out/")
    assert [Path(file.target.name).name for file in found] == ["a.jpg", "b.JFIF"]
