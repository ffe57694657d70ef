"""Which video files can be written, and how."""

from __future__ import annotations

import pytest

from fast_nst.apps.video.formats import (
    Needs,
    choose_format,
    is_image_sequence,
    is_video_target,
)
from fast_nst.errors import VideoError


def test_numbered_images_are_known_by_their_pattern() -> None:
    assert is_image_sequence("frames/%05d.png")
    assert is_image_sequence("%d.PNG")
    for name in ("a.png", "100%.png", "%d%d.png", "%s.png", "%05d.jpg"):
        assert not is_image_sequence(name)
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
    with pytest.raises(VideoError, match=r"a.vob: .vob files are only read. Use one of .mp4, "):
        choose_format("a.vob")
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


@pytest.mark.parametrize(
    ("name", "needs", "codec", "pixels"),
    [
        ("a.mp4", Needs(), "h264", "yuv420p"),
        ("a.mp4", Needs(10), "hevc", "yuv420p10le"),
        ("a.mp4", Needs(12), "hevc", "yuv420p10le"),
        ("a.mp4", Needs(8, alpha=True), "h264", "yuv420p"),
        ("a.mkv", Needs(8, alpha=True), "vp9", "yuva420p"),
        ("a.mkv", Needs(12, alpha=True), "prores", "yuva444p10le"),
        ("a.webm", Needs(10), "av1", "yuv420p10le"),
        ("a.webm", Needs(12, alpha=True), "vp9", "yuva420p"),
        ("a.mov", Needs(8, alpha=True), "prores", "yuva444p10le"),
        ("a.avi", Needs(10), "h264", "yuv420p10le"),
        ("a.gif", Needs(16, alpha=True), "gif", "pal8"),
        ("%d.png", Needs(10), "png", "rgb48be"),
        ("a.apng", Needs(8, alpha=True), "apng", "rgba"),
    ],
)
def test_the_default_is_the_first_codec_that_holds_most(
    name: str, needs: Needs, codec: str, pixels: str
) -> None:
    format_, chosen = choose_format(name, needs=needs)
    assert chosen.name == codec
    assert chosen.choose(needs.within(alpha=format_.alpha)).name == pixels


def test_a_preset_goes_before_that_of_ten_bits() -> None:
    _, usual = choose_format("a.mp4", "hevc")
    deep = usual.choose(Needs(10))
    assert usual.encoder_options(75)["preset"] == "fast"
    assert usual.encoder_options(75, deep)["preset"] == "ultrafast"
    _, slow = choose_format("a.mp4", "hevc", "slow")
    assert slow.encoder_options(75, deep)["preset"] == "slow"


def test_a_depth_that_was_asked_for_is_had_or_refused() -> None:
    with pytest.raises(VideoError, match=r"with 10 bits: vp9 holds 8.*or --codec av1"):
        choose_format("a.webm", "vp9", needs=Needs(10, exactly=True))
    with pytest.raises(VideoError, match=r"with 8 bits: prores holds 10"):
        choose_format("a.mov", needs=Needs(8, exactly=True))
