from __future__ import annotations

from pathlib import Path

import pytest

from fast_nst.apps.video.formats import choose_format, is_picture_sequence, is_video_target
from fast_nst.apps.video.plan import plan_videos
from fast_nst.errors import VideoError


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def plan(inputs: list[Path | str], output: Path | str) -> tuple[dict[str, str], list[str]]:
    videos, rest = plan_videos([str(each) for each in inputs], str(output))
    return {str(video.source): str(video.target) for video in videos}, list(rest)


def test_videos_are_told_from_pictures_by_their_endings(tmp_path: Path) -> None:
    videos, rest = plan(["a.MP4", "b.jpg", "c.gif"], tmp_path / "out/")
    assert videos == {"a.MP4": str(tmp_path / "out" / "a.MP4")}
    assert rest == ["b.jpg", "c.gif"]


def test_anything_is_a_video_if_a_video_is_to_come_out(tmp_path: Path) -> None:
    for target in ("out.mp4", "out.webm", "frames/%05d.png"):
        assert plan(["dance.gif"], tmp_path / target) == (
            {"dance.gif": str(tmp_path / target)},
            [],
        )
    assert plan(["dance.gif"], tmp_path / "out.gif") == ({}, ["dance.gif"])
    assert plan(["dance.mp4"], tmp_path / "out.gif")[1] == []


def test_folders_keep_their_structure_and_pictures_are_left_to_others(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    touch(clips / "a.mp4", clips / "x" / "a.avi", clips / ".hidden" / "b.mp4")
    videos, rest = plan([clips], tmp_path / "out")
    assert videos == {
        str(clips / "a.mp4"): str(tmp_path / "out" / "a.mp4"),
        str(clips / "x" / "a.avi"): str(tmp_path / "out" / "x" / "a.mp4"),
    }
    assert rest == []
    touch(clips / "photo.jpg")
    assert plan([clips], tmp_path / "out")[1] == [str(clips)]


def test_patterns_and_equal_names(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "v.avi", tmp_path / "b" / "v.mp4")
    videos, rest = plan([tmp_path / "*" / "v.*"], tmp_path / "out")
    assert sorted(videos.values()) == [
        str(tmp_path / "out" / "v-2.mp4"),
        str(tmp_path / "out" / "v.mp4"),
    ]
    assert rest == []


def test_results_of_an_earlier_run_are_no_inputs(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4", tmp_path / "out" / "a.mp4")
    assert list(plan([tmp_path], tmp_path / "out")[0]) == [str(tmp_path / "a.mp4")]


def test_several_videos_do_not_go_into_one(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"there are several\. Name a folder"):
        plan(["a.mp4", "b.mp4"], tmp_path / "out.mp4")


def test_numbered_pictures_are_known_by_their_pattern() -> None:
    assert is_picture_sequence("frames/%05d.png")
    assert is_picture_sequence("%d.PNG")
    for name in ("a.png", "100%.png", "%d%d.png", "%s.png", "%05d.jpg"):
        assert not is_picture_sequence(name)
    assert is_video_target("a.MKV")
    assert not is_video_target("a.gif")


@pytest.mark.parametrize(
    ("quality", "crf"), [(0, "40"), (75, "18"), (100, "10")], ids=["least", "default", "best"]
)
def test_quality_becomes_a_rate_factor(quality: int, crf: str) -> None:
    _, codec = choose_format("a.mp4")
    assert codec.encoder_options(quality)["crf"] == crf


def test_a_mistyped_codec_or_ending_is_named_with_the_nearest() -> None:
    with pytest.raises(VideoError, match=r"did you mean '.webm'"):
        choose_format("a.wbm")
    with pytest.raises(VideoError, match=r"vp8 does not go into .webm \(did you mean 'vp9'\?\)"):
        choose_format("a.webm", "vp8")


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_preset_changes_that_option_alone(codec: str) -> None:
    _, usual = choose_format("a.mp4", codec)
    _, fastest = choose_format("a.mp4", codec, "ultrafast")
    assert fastest.encoder_options(75) == usual.encoder_options(75) | {"preset": "ultrafast"}


def test_a_preset_that_is_none_is_named_with_the_nearest() -> None:
    with pytest.raises(VideoError, match=r"no preset 'ultrafats' \(did you mean 'ultrafast'\?\)"):
        choose_format("a.mp4", preset="ultrafats")
    with pytest.raises(VideoError, match=r"prores has no preset to choose.* use h264 or hevc"):
        choose_format("a.mov", preset="fast")
