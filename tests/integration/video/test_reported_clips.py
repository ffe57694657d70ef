"""Clips that came out wrong once, each standing for its kind, through the real command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

av = pytest.importorskip("av")

from fast_nst.apps.video.decode import ClipReader  # noqa: E402
from fast_nst.cli import main as cli  # noqa: E402

pytestmark = pytest.mark.shared


@pytest.fixture
def reported(shared_data: Path) -> Path:
    folder = shared_data / "reported"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    return folder


@pytest.fixture
def run(reported: Path, filter_file: Path, tmp_path: Path) -> Callable[..., tuple[Path, str]]:
    """Runs the command; gives the file that it wrote, and its notes."""

    def invoke(source: str, name: str, *options: str) -> tuple[Path, str]:
        target = tmp_path / name
        words = ["stylize", "--ckpt", str(filter_file), "--device", "cpu", *options]
        result = CliRunner().invoke(cli.main, [*words, str(reported / source), "-o", str(target)])
        assert result.exit_code == 0, result.output
        return target, result.stderr

    return invoke


def packets(path: Path) -> list[int]:
    """How many each sound track has."""
    with av.open(str(path)) as file:
        counts = {each.index: 0 for each in file.streams.audio}
        for packet in file.demux(*file.streams.audio) if counts else ():
            counts[packet.stream.index] += bool(packet.size)
    return list(counts.values())


def times(path: Path) -> Any:
    with av.open(str(path)) as file:
        return np.array([float(frame.time) for frame in file.decode(video=0)])


@pytest.mark.parametrize("name", ["late17.mkv", "many.mp4", "four_audio.mkv", "fps10.mp4"])
@pytest.mark.parametrize("threads", [2, 8, 16])
def test_every_packet_of_sound_is_read(reported: Path, name: str, threads: int) -> None:
    reader = ClipReader(reported / name, threads=threads)
    found: dict[int, int] = {}
    for item in reader:
        for packet in item.packets:
            found[packet.stream.index] = found.get(packet.stream.index, 0) + 1
    reader.close()
    assert [found[index] for index in sorted(found)] == packets(reported / name)


@pytest.mark.parametrize("name", ["late17.mkv", "many.mp4", "four_audio.mkv", "fps10.mp4"])
def test_every_packet_of_sound_is_written(run: Any, reported: Path, name: str) -> None:
    target, notes = run(name, "out.mp4")
    assert packets(target) == packets(reported / name)
    assert "note" not in notes


@pytest.mark.parametrize("name", ["st.avi", "st_pcm.mkv"])
def test_sound_without_a_layout_is_kept_as_stereo(run: Any, name: str) -> None:
    target, _ = run(name, "out.mp4")
    with av.open(str(target)) as file:
        assert file.streams.audio[0].layout.name == "stereo"
    assert len(times(target)) == 8


@pytest.mark.parametrize("name", ["joined.ts", "joined_silent.ts"])
def test_joined_parts_follow_each_other(run: Any, reported: Path, name: str) -> None:
    target, _ = run(name, "out.mp4")
    assert np.diff(times(target)) == pytest.approx([0.1] * 19, abs=2e-3)
    assert packets(target) == packets(reported / name)


def test_attachments_and_covers_stay_or_are_named(run: Any) -> None:
    target, notes = run("fonts.mkv", "out.mkv")
    with av.open(str(target)) as file:
        assert [each.name for each in file.streams.attachments] == ["f.ttf"]
    assert "note" not in notes
    _, notes = run("fonts.mkv", "out.mp4")
    assert "no attachment f.ttf" in notes
    for name in ("cover.mkv", "cover.mp4"):
        for kind in ("mkv", "mp4"):
            target, notes = run(name, f"covered.{kind}")
            with av.open(str(target)) as file:
                assert [each.disposition.name for each in file.streams.video][1:] == [
                    "attached_pic"
                ]
            assert "note" not in notes


@pytest.mark.parametrize(
    ("name", "target", "decoder"),
    [
        ("alpha.webm", "out.webm", "libvpx-vp9"),
        ("alpha.webm", "out.mov", None),
        ("alpha.mov", "out.mov", None),
        ("alpha.mov", "out.webm", "libvpx-vp9"),
    ],
)
def test_transparency_stays(
    run: Any, reported: Path, name: str, target: str, decoder: str | None
) -> None:
    written, _ = run(name, target)
    before = opacity(reported / name, "libvpx-vp9" if name.endswith("webm") else None)
    assert np.abs(opacity(written, decoder) - before).mean() < 0.02
    assert before.min() < 0.1 < 0.9 < before.max()


def opacity(path: Path, decoder: str | None) -> Any:
    """Of the first frame, in [0, 1]."""
    with av.open(str(path)) as file:
        context = av.CodecContext.create(decoder, "r") if decoder else file.streams.video[0]
        for packet in file.demux(video=0):
            for frame in context.decode(packet if packet.size else None):
                plane = frame.reformat(format="gbrap").planes[3]
                return np.frombuffer(plane, np.uint8).reshape(frame.height, -1)[:, :160] / 255
    raise AssertionError("no frame")


def test_high_dynamic_range_is_mapped_or_kept(run: Any) -> None:
    for options, tags in (((), (1, 1, 1)), (("--hdr", "keep"), (9, 9, 16))):
        target, notes = run("hdr.mp4", f"out{len(options)}.mp4", *options)
        assert "high dynamic range (PQ)" in notes
        with av.open(str(target)) as file:
            frame = next(file.decode(video=0))
        assert (frame.colorspace, frame.color_primaries, frame.color_trc) == tags
        assert frame.format.name == "yuv420p10le"


def test_interlaced_clips_are_deinterlaced(run: Any) -> None:
    target, notes = run("inter.mp4", "out.mp4")
    assert "deinterlaced" in notes
    with av.open(str(target)) as file:
        assert not next(file.decode(video=0)).interlaced_frame
    assert np.diff(times(target)) == pytest.approx([0.04] * 24, abs=1e-3)


@pytest.mark.parametrize("name", ["disp.avif", "disp.webp"])
def test_animated_images_keep_their_times(run: Any, name: str) -> None:
    target, _ = run(name, "out.mp4")
    assert times(target) == pytest.approx([0, 0.1, 0.4], abs=1e-3)
    with av.open(str(target)) as file:
        assert file.duration == 450_000
