"""``stylize_video``: everything of a clip but its look stays."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

av = pytest.importorskip("av")

from fast_nst.apps.video import (  # noqa: E402
    VideoInterrupted,
    VideoProgress,
    stylize_video,
)
from fast_nst.errors import ConfigError, VideoError  # noqa: E402

UNEVEN = [0, 512, 700, 3000, 3100, 3900, 9000, 9400]


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".")]


# Time


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv", "out.webm"])
def test_uneven_time_stamps_are_kept(
    name: str, make_clip: Any, read_clip: Any, same: Any, tmp_path: Path
) -> None:
    source = make_clip(times=UNEVEN)
    report = stylize_video(same, source, tmp_path / name, codec=None)
    assert (report.frames, report.lost, same.calls) == (8, 0, 8)
    # Matroska counts in milliseconds.
    within = 1e-3 if name.endswith(("mkv", "webm")) else 1e-6
    assert read_clip(tmp_path / name).times == pytest.approx(
        [time / 12800 for time in UNEVEN], abs=within
    )
    assert leftovers(tmp_path) == []


def test_frames_are_not_exchanged(
    make_clip: Any, read_clip: Any, same: Any, tmp_path: Path
) -> None:
    source = make_clip(times=range(0, 20 * 512, 512))
    stylize_video(same, source, tmp_path / "out.mp4", quality=95)
    grays = [frame[36, 32].mean() for frame in read_clip(tmp_path / "out.mp4").rgb]
    assert grays == pytest.approx([40 + number * 8 for number in range(20)], abs=3)


def test_a_clip_that_begins_late_begins_at_once(
    make_clip: Any, read_clip: Any, same: Any, tmp_path: Path
) -> None:
    source = make_clip("late.ts", times=range(25600, 25600 + 8 * 512, 512))
    assert read_clip(source).times[0] > 1
    stylize_video(same, source, tmp_path / "out.mp4")
    assert read_clip(tmp_path / "out.mp4").times == pytest.approx(np.arange(8) / 25, abs=1e-4)


def test_only_so_many_frames_on_request(
    make_clip: Any, read_clip: Any, same: Any, tmp_path: Path
) -> None:
    report = stylize_video(same, make_clip(), tmp_path / "out.mp4", frames=3)
    assert report.frames == same.calls == 3
    assert len(read_clip(tmp_path / "out.mp4").times) == 3


# Shape


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_turned_clip_comes_out_upright_and_unmarked(
    rotation: int, make_clip: Any, read_clip: Any, same: Any, tmp_path: Path
) -> None:
    source = make_clip(rotation=rotation, aspect=Fraction(4, 3))
    stored = read_clip(source)
    assert abs(stored.rotation) == abs(rotation)
    stylize_video(same, source, tmp_path / "out.mp4", quality=100)
    result = read_clip(tmp_path / "out.mp4")
    assert result.rotation == 0
    # FFmpeg's angle is counter-clockwise, as numpy's.
    upright = np.rot90(stored.rgb[0], rotation // 90).astype(float)
    assert result.rgb[0].shape == upright.shape
    assert np.abs(result.rgb[0] - upright).mean() < 3
    assert result.aspect == (Fraction(4, 3) if rotation == 180 else Fraction(3, 4))


def test_odd_sizes_are_kept_to_the_pixel(
    make_clip: Any, read_clip: Any, same: Any, tmp_path: Path
) -> None:
    source = make_clip("odd.mkv", encoder="libvpx-vp9", size=(47, 65))
    for name, pixels in (("out.mp4", "yuv444p"), ("out.webm", "yuv420p")):
        stylize_video(same, source, tmp_path / name)
        result = read_clip(tmp_path / name)
        assert result.rgb[0].shape == (47, 65, 3)
        assert result.pixels == pixels


def test_the_shape_of_a_pixel_is_kept_or_made_square(
    make_clip: Any, read_clip: Any, same: Any, tmp_path: Path
) -> None:
    source = make_clip(aspect=Fraction(3, 2))
    stylize_video(same, source, tmp_path / "out.mp4")
    assert read_clip(tmp_path / "out.mp4").aspect == Fraction(3, 2)
    stylize_video(same, source, tmp_path / "out.webm")
    square = read_clip(tmp_path / "out.webm")
    assert square.rgb[0].shape == (48, 96, 3)
    assert square.aspect in (1, None)


# Color

TAGS = [(1, 1, 1, 1), (1, 6, 6, 6), (2, 1, 1, 1), (2, 5, 5, 6), (1, 9, 9, 14)]


@pytest.mark.parametrize("colors", TAGS, ids=str)
def test_colors_stay_whatever_matrix_and_range_the_clip_has(
    colors: tuple[int, int, int, int], make_clip: Any, read_clip: Any, same: Any, tmp_path: Path
) -> None:
    source = make_clip(colors=colors)
    stylize_video(same, source, tmp_path / "out.mp4", quality=100)
    result = read_clip(tmp_path / "out.mp4")
    assert result.tags == (1, *colors[1:])
    for corner, wanted in (
        ((6, 8), (200, 30, 30)),
        ((6, 56), (30, 180, 60)),
        ((40, 32), (40,) * 3),
    ):
        assert result.rgb[0][corner] == pytest.approx(wanted, abs=5)


def test_the_filter_sees_the_colors_of_the_clip(make_clip: Any, tmp_path: Path) -> None:
    seen: list[Tensor] = []

    class Look:
        device = torch.device("cpu")

        def __call__(self, frame: Tensor, /) -> Tensor:
            seen.append(frame[:, 6, 8] * 255)
            return frame

    stylize_video(Look(), make_clip(colors=(1, 1, 1, 1)), tmp_path / "out.mp4", frames=1)
    assert seen[0].tolist() == pytest.approx((200, 30, 30), abs=4)


# Sound and subtitles


def packets(path: Path, kind: str) -> list[tuple[float, str]]:
    """When every packet of that kind is due after the first frame, and what it holds."""
    with av.open(str(path)) as file:
        begin = next(file.decode(video=0)).time
    with av.open(str(path)) as file:
        stream = getattr(file.streams, kind)[0]
        return [
            (float(packet.pts * packet.time_base) - begin, hashlib.md5(bytes(packet)).hexdigest())
            for packet in file.demux(stream)
            if packet.size
        ]


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv"])
def test_sound_is_copied_bit_by_bit(name: str, make_clip: Any, same: Any, tmp_path: Path) -> None:
    source = make_clip(sound="aac", times=range(0, 30 * 512, 512), title="Boats")
    report = stylize_video(same, source, tmp_path / name)
    before, after = packets(source, "audio"), packets(tmp_path / name, "audio")
    assert [content for _, content in after] == [content for _, content in before]
    assert [time for time, _ in after] == pytest.approx([time for time, _ in before], abs=1e-3)
    assert report.notes == ()
    with av.open(str(tmp_path / name)) as file:
        assert file.metadata["title"] == "Boats"
        assert "location" not in file.metadata  # nor where they were seen
    with av.open(str(source)) as file:
        assert "location" in file.metadata


def test_sound_that_the_container_does_not_hold_is_converted_and_said(
    make_clip: Any, read_clip: Any, same: Any, tmp_path: Path
) -> None:
    source = make_clip(sound="aac", times=range(0, 25 * 512, 512))
    report = stylize_video(same, source, tmp_path / "out.webm")
    assert report.notes == ("sound converted from aac to opus: webm files hold no aac",)
    assert read_clip(tmp_path / "out.webm").tracks == ["opus"]
    with av.open(str(tmp_path / "out.webm")) as file:
        wave = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    assert len(wave) / 48_000 == pytest.approx(1, abs=0.06)
    spectrum = np.abs(np.fft.rfft(wave[4800:43200]))
    assert spectrum.argmax() * 48_000 / 38_400 == pytest.approx(440, abs=2)


def test_what_holds_no_sound_says_so(make_clip: Any, same: Any, tmp_path: Path) -> None:
    report = stylize_video(same, make_clip(sound="aac"), tmp_path / "out.gif")
    assert report.notes == ("no sound: gif files hold none",)


def test_subtitles_are_copied_or_said_to_be_left_out(
    make_clip: Any, read_clip: Any, same: Any, tmp_path: Path
) -> None:
    source = make_clip("spoken.mkv", subtitles="subrip")
    assert stylize_video(same, source, tmp_path / "out.mkv").notes == ()
    assert packets(tmp_path / "out.mkv", "subtitles") == packets(source, "subtitles")
    report = stylize_video(same, source, tmp_path / "out.mp4")
    assert report.notes == ("no subtitles (srt): mp4 files cannot hold them",)
    assert read_clip(tmp_path / "out.mp4").tracks == []


# Formats


@pytest.mark.parametrize(
    ("name", "codec", "written"),
    [
        ("out.mp4", "h264", "h264"),
        ("out.mp4", "hevc", "hevc"),
        ("out.mp4", "av1", "av1"),
        ("out.webm", None, "vp9"),
        ("out.webm", "av1", "av1"),
        ("out.mov", None, "prores"),
        ("out.gif", None, "gif"),
    ],
)
def test_every_codec_can_be_read_again(
    name: str, codec: str | None, written: str, make_clip: Any, read_clip: Any, same: Any,
    tmp_path: Path, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    source = make_clip(size=(64, 96))
    stylize_video(same, source, tmp_path / name, codec=codec, quality=90)
    result = read_clip(tmp_path / name)
    assert written in result.codec or result.codec == "libdav1d"
    assert result.times == pytest.approx(np.arange(8) / 25, abs=1.1e-3)
    gray = [frame[50, 48].mean() for frame in result.rgb]
    assert gray == pytest.approx([40 + number * 8 for number in range(8)], abs=5)
    assert capfd.readouterr().err == ""  # encoders print nothing past us


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux may be real-time"
)
def test_encoding_av1_as_root_does_not_take_the_machine(
    make_clip: Any, same: Any, tmp_path: Path
) -> None:
    policies = set()

    def look(_: VideoProgress) -> None:
        for thread in map(int, os.listdir("/proc/self/task")):
            with contextlib.suppress(ProcessLookupError):  # it ended since
                policies.add(os.sched_getscheduler(thread))

    stylize_video(same, make_clip(), tmp_path / "out.mp4", codec="av1", on_progress=look)
    assert policies == {os.SCHED_OTHER}


def test_numbered_images(make_clip: Any, same: Any, tmp_path: Path) -> None:
    from PIL import Image

    stylize_video(same, make_clip(times=UNEVEN), tmp_path / "frames" / "%03d.png")
    names = sorted(os.listdir(tmp_path / "frames"))
    assert names == [f"{number:03d}.png" for number in range(1, 9)]
    with Image.open(tmp_path / "frames" / "003.png") as image:
        assert image.size == (64, 48)
        assert image.getpixel((32, 40)) == pytest.approx((56, 56, 56), abs=3)


def test_an_mp4_can_be_played_before_it_is_loaded(
    make_clip: Any, same: Any, tmp_path: Path
) -> None:
    stylize_video(same, make_clip(), tmp_path / "out.mp4")
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_higher_quality_is_larger_and_closer(
    make_clip: Any, read_clip: Any, tmp_path: Path
) -> None:
    noise = torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(0))

    class Noise:
        device = torch.device("cpu")

        def __call__(self, frame: Tensor, /) -> Tensor:
            return noise

    source = make_clip()
    sizes, errors = [], []
    for quality in (10, 50, 100):
        target = tmp_path / f"{quality}.mp4"
        stylize_video(Noise(), source, target, quality=quality)
        sizes.append(target.stat().st_size)
        wanted = noise.permute(1, 2, 0).numpy() * 255
        errors.append(np.abs(read_clip(target).rgb[4] - wanted).mean())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert sizes[2] > 2 * sizes[0]


# Interruptions


class Interrupting:
    """Ctrl-C while the fifth frame is computed."""

    device = torch.device("cpu")

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def __call__(self, frame: Tensor, /) -> Tensor:
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        return frame


def test_ctrl_c_leaves_a_file_that_plays_up_to_there(
    make_clip: Any, read_clip: Any, tmp_path: Path
) -> None:
    source = make_clip(sound="aac", times=range(0, 30 * 512, 512))
    with pytest.raises(VideoInterrupted) as caught:
        stylize_video(Interrupting(at=12), source, tmp_path / "out.mp4")
    assert caught.value.report.frames == 11
    assert len(read_clip(tmp_path / "out.mp4").times) == 11
    assert leftovers(tmp_path) == []
    assert not any(thread.name.startswith(("ahead", "behind")) for thread in threading.enumerate())


def test_ctrl_c_before_the_first_frame_leaves_nothing(make_clip: Any, tmp_path: Path) -> None:
    source = make_clip()
    with pytest.raises(KeyboardInterrupt) as caught:
        stylize_video(Interrupting(at=1), source, tmp_path / "out.mp4")
    assert not isinstance(caught.value, VideoInterrupted)
    assert os.listdir(tmp_path) == [source.name]


def test_a_filter_that_fails_leaves_nothing(make_clip: Any, tmp_path: Path) -> None:
    class Failing:
        device = torch.device("cpu")

        def __call__(self, frame: Tensor, /) -> Tensor:
            return frame[:, 1:]

    source = make_clip()
    with pytest.raises(ValueError, match=r"returned \(3, 47, 64\); expected \(3, 48, 64\)"):
        stylize_video(Failing(), source, tmp_path / "out.mp4")
    assert os.listdir(tmp_path) == [source.name]


# Progress and memory


def test_progress_is_told_after_every_frame(make_clip: Any, same: Any, tmp_path: Path) -> None:
    told: list[VideoProgress] = []
    stylize_video(same, make_clip(), tmp_path / "out.mp4", on_progress=told.append)
    assert [progress.done for progress in told] == list(range(1, 9))
    assert {progress.total for progress in told} == {8}
    assert told[-1].left_s == 0
    assert told[-1].frames_per_s > 0


def test_only_a_few_frames_are_held_at_a_time(
    make_clip: Any, same: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the filter is, decoding waits for it."""
    from fast_nst.apps.video import convert as module

    decoded = 0
    most = 0
    convert = module.to_rgb

    def count(*arguments: Any) -> Any:
        nonlocal decoded
        decoded += 1
        return convert(*arguments)

    class Watching:
        device = torch.device("cpu")
        calls = 0

        def __call__(self, frame: Tensor, /) -> Tensor:
            nonlocal most
            self.calls += 1
            threading.Event().wait(0.02)
            most = max(most, decoded - self.calls)
            return frame

    monkeypatch.setattr(module, "to_rgb", count)
    source = make_clip(times=range(0, 40 * 512, 512))
    stylize_video(Watching(), source, tmp_path / "out.mp4")
    assert decoded == 40
    assert most <= 4


# What cannot be done


def test_a_file_that_is_no_video_is_refused(same: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("milk, bread\n" * 40)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder.mp4").mkdir()
    for name, why in (
        ("notes.mp4", "not a video"),
        ("empty.mp4", "the file is empty"),
        ("folder.mp4", "it is a folder"),
        ("missing.mp4", "no such file"),
    ):
        with pytest.raises(VideoError, match=f"cannot read .*{name}: .*{why}"):
            stylize_video(same, tmp_path / name, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
    assert leftovers(tmp_path) == []


def test_a_file_with_nothing_but_sound_is_refused(same: Any, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.m4a"), "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate = 48_000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with pytest.raises(VideoError, match="there is no video in it, only audio"):
        stylize_video(same, tmp_path / "song.m4a", tmp_path / "out.mp4")


@pytest.mark.parametrize("name", ["whole.mp4", "whole.mkv"])
def test_of_a_truncated_clip_what_decodes_is_written_and_the_rest_counted(
    name: str, make_clip: Any, read_clip: Any, same: Any, tmp_path: Path
) -> None:
    times = range(0, 60 * 512, 512)
    source = make_clip(
        name, times=times, options={"movflags": "+faststart"} if name.endswith("mp4") else None
    )
    content = source.read_bytes()
    torn = tmp_path / f"torn{source.suffix}"
    torn.write_bytes(content[: len(content) * 2 // 3])
    report = stylize_video(same, torn, tmp_path / "out.mp4")
    assert 5 <= report.frames < 60
    assert report.lost == pytest.approx(60 - report.frames, abs=1)
    assert len(read_clip(tmp_path / "out.mp4").times) == report.frames


def test_a_target_that_cannot_be_written_is_refused_before_the_work(
    make_clip: Any, same: Any, tmp_path: Path
) -> None:
    source = make_clip()
    (tmp_path / "file").touch()
    (tmp_path / "taken.mp4").mkdir()
    for target, why in (
        ("file/out.mp4", "cannot write"),
        ("taken.mp4", "it is a folder"),
        ("out.mp5", r"unknown \(did you mean '.mp4'\?\)"),
        ("out", "its name has no ending"),
        ("out.png", "Name them by number"),
        ("clip.mp4", "would overwrite the input"),
    ):
        with pytest.raises(VideoError, match=why):
            stylize_video(same, source, tmp_path / target)
    assert same.calls == 0
    assert sorted(os.listdir(tmp_path)) == ["clip.mp4", "file", "taken.mp4"]


def test_options_out_of_range_are_refused(make_clip: Any, same: Any, tmp_path: Path) -> None:
    source = make_clip()
    with pytest.raises(VideoError, match="quality is 101; expected 0 to 100"):
        stylize_video(same, source, tmp_path / "out.mp4", quality=101)
    with pytest.raises(VideoError, match="frames is 0"):
        stylize_video(same, source, tmp_path / "out.mp4", frames=0)
    with pytest.raises(VideoError, match=r"prores does not go into \.webm"):
        stylize_video(same, source, tmp_path / "out.webm", codec="prores")


def test_a_size_that_an_encoder_cannot_do_is_one_line(
    make_clip: Any, same: Any, tmp_path: Path
) -> None:
    with pytest.raises(VideoError, match="libx265 cannot encode 20x12 px"):
        stylize_video(same, make_clip(size=(12, 20)), tmp_path / "out.mp4", codec="hevc")


def test_without_pyav_the_extra_is_named(
    same: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ConfigError, match=r"pip install 'fast-nst\[video\]'"):
        stylize_video(same, tmp_path / "clip.mp4", tmp_path / "out.mp4")


# The shared clips


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count", "tracks"),
    [
        ("bikes.mp4", 250, []),
        ("carphone_pristine.mp4", 120, []),
        ("cockatoo.mp4", 280, ["mp3float"]),
        ("newtonscradle.gif", 36, []),
        ("person_walks_in_9s.mp4", 90, []),
        ("realshort.mp4", 36, ["aac"]),
    ],
)
def test_the_shared_clips_keep_frames_times_and_sound(
    name: str, count: int, tracks: list[str], shared_data: Path, same: Any, read_clip: Any,
    tmp_path: Path,
) -> None:  # fmt: skip
    source = shared_data / "video" / name
    frames = 20  # enough to see; all of them take a minute
    report = stylize_video(same, source, tmp_path / "out.mp4", frames=frames, quality=40)
    assert (report.frames, report.lost, report.notes) == (frames, 0, ())
    from fast_nst.apps.video.decode import ClipReader

    reader = ClipReader(source)
    assert reader.info.frames == count
    reader.close()
    result = read_clip(tmp_path / "out.mp4")
    with av.open(str(source)) as file:
        begin = float(file.start_time / 1e6)
        before = [next(file.decode(video=0)) for _ in range(frames)]
    times = [float(frame.time) - begin for frame in before]
    assert result.times == pytest.approx(times, abs=1e-4)
    assert result.rgb[0].shape == (before[0].height, before[0].width, 3)
    assert result.tracks == tracks
