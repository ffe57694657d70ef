"""Clips that are not as most are, through the real command: what is right for each.

Every clip is made here, by PyAV or Pillow. ``--strength 0`` leaves frames as they are, on their way
through the network's own numbers, so that what comes out tells what the rest does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

av = pytest.importorskip("av")

from fast_nst.apps.video import stylize_video  # noqa: E402
from fast_nst.apps.video.clip import HighRange  # noqa: E402
from fast_nst.apps.video.color import Colors  # noqa: E402
from fast_nst.apps.video.decode import ClipReader  # noqa: E402
from fast_nst.apps.video.high_range import to_standard  # noqa: E402
from fast_nst.cli import main as cli  # noqa: E402
from fast_nst.errors import VideoError  # noqa: E402

FONT = b"not really a font, but as long as one\0" * 20


@pytest.fixture
def run(filter_file: Path, tmp_path: Path) -> Callable[..., tuple[Path, str]]:
    """Runs the command; gives the file that it wrote, and its notes."""

    def invoke(source: Path, name: str, *options: str) -> tuple[Path, str]:
        target = tmp_path / name
        words = ["stylize", "--ckpt", str(filter_file), "--device", "cpu", "--strength", "0"]
        result = CliRunner().invoke(cli.main, [*words, str(source), "-o", str(target), *options])
        assert result.exit_code == 0, result.output
        return target, result.stderr

    return invoke


# How clips are made


def write(
    path: Path,
    frames: list[NDArray[Any]],
    *,
    encoder: str = "libx264",
    pixels: str = "yuv420p",
    colors: tuple[int, int, int, int] = (1, 1, 1, 1),
    rate: int = 10,
    begin: int = 0,
    sounds: int = 0,
    sound: str = "aac",
    options: dict[str, str] | None = None,
    before: Callable[[Any, Any], Any] | None = None,
) -> Path:
    """Write (H, W, 3 or 4) frames in [0, 1], from frame number ``begin`` on, and tones."""
    muxer = {".mkv": "matroska", ".ts": "mpegts"}.get(path.suffix, path.suffix[1:])
    with av.open(str(path), "w", format=muxer) as file:
        height, width = frames[0].shape[:2]
        stream = file.add_stream(encoder, rate=rate, width=width, height=height)
        stream.pix_fmt, stream.options = pixels, options or {}
        context = stream.codec_context
        limits, context.colorspace, context.color_primaries, context.color_trc = colors
        context.color_range = limits
        heard = [file.add_stream(sound, rate=44_100, layout="stereo") for _ in range(sounds)]
        late = before(file, stream) if before else None
        file.start_encoding()
        if late is not None:
            file.mux(late)
        for each in heard:
            add_tone(file, each, (begin + len(frames)) / rate)
        for number, values in enumerate(frames, begin):
            frame = to_frame(values, pixels, colors[1], limits)
            frame.pts, frame.time_base = number, Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def to_frame(values: NDArray[Any], pixels: str, matrix: int, limits: int) -> Any:
    """A frame of floats; swscale's 16-bit white is 65280 on the way to YUV."""
    kind = "gbrp16le" if values.shape[2] == 3 else "gbrap16le"
    deep = np.rint(values * 65280).astype(np.uint16)
    if values.shape[2] == 4:
        deep[..., 3] = np.rint(values[..., 3] * 65535)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(deep), format=kind)
    return frame.reformat(
        format=pixels,
        dst_colorspace={1: 1, 6: 5, 9: 9}[matrix],
        dst_color_range=limits,
        interpolation="BICUBIC",
    )


def add_tone(file: Any, stream: Any, seconds: float) -> None:
    resampler = av.AudioResampler(format=stream.format, layout=stream.layout, rate=44_100)
    for begin in range(0, round(seconds * 44_100), 1024):
        wave = (np.sin(np.arange(begin, begin + 1024) * 0.06) * 0.4).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([wave] * 2), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 44_100, begin, Fraction(1, 44_100)
        for part in resampler.resample(frame):
            file.mux(stream.encode(part))
    file.mux(stream.encode(None))


def grays(count: int = 10, size: tuple[int, int] = (48, 64)) -> list[NDArray[Any]]:
    """Flat frames, each brighter than the last."""
    return [np.full((*size, 3), 0.2 + 0.05 * number) for number in range(count)]


def ramp(size: tuple[int, int] = (64, 512)) -> NDArray[Any]:
    """From a gray to a little brighter one, in steps that 8 bits do not have."""
    return np.broadcast_to(np.linspace(0.4, 0.6, size[1])[None, :, None], (*size, 3))


def cutout(hidden: float = 1.0, size: tuple[int, int] = (48, 64)) -> NDArray[Any]:
    """A green square that is seen, and red all around, which is not."""
    values = np.zeros((*size, 4))
    values[..., 0] = hidden
    values[12:36, 8:32] = (0, 0.6, 0, 1)
    return values


# What is read back


def packets(path: Path) -> dict[int, int]:
    """How many each sound track has."""
    with av.open(str(path)) as file:
        counts = {each.index: 0 for each in file.streams.audio}
        for packet in file.demux(*file.streams.audio):
            counts[packet.stream.index] += bool(packet.size)
    return counts


def decoded(path: Path) -> list[Any]:
    with av.open(str(path)) as file:
        return list(file.decode(video=0))


def times(path: Path) -> NDArray[Any]:
    return np.array([float(frame.time) for frame in decoded(path)])


def luma(frame: Any) -> NDArray[Any]:
    """The first plane, as its file holds it."""
    deep = frame.format.components[0].bits > 8
    rows = np.frombuffer(frame.planes[0], np.uint16 if deep else np.uint8)
    return rows.reshape(frame.height, -1)[:, : frame.width].astype(float)


def opacity(path: Path, decoder: str | None = None) -> NDArray[Any]:
    """Of the first frame, in [0, 1]."""
    with av.open(str(path)) as file:
        context = av.CodecContext.create(decoder, "r") if decoder else file.streams.video[0]
        for packet in file.demux(video=0):
            for frame in context.decode(packet if packet.size else None):
                rgba = frame.reformat(format="gbrap").planes[3]
                rows = np.frombuffer(rgba, np.uint8).reshape(frame.height, -1)
                return rows[:, : frame.width] / 255
    raise AssertionError("no frame")


# Sound


@pytest.mark.parametrize("threads", [2, 8, 16])
@pytest.mark.parametrize(
    ("name", "begin", "sounds"), [("late.mkv", 17, 1), ("many.mp4", 0, 6)], ids=["late", "many"]
)
def test_no_packet_of_sound_is_lost_however_many_threads_decode(
    tmp_path: Path, name: str, begin: int, sounds: int, threads: int
) -> None:
    source = write(tmp_path / name, grays(20), begin=begin, sounds=sounds)
    reader = ClipReader(source, threads=threads)
    found = dict.fromkeys(packets(source), 0)
    for item in reader:
        for packet in item.packets:
            found[packet.stream.index] += 1
    reader.close()
    assert found == packets(source)
    assert len(found) == sounds


def test_a_picture_that_begins_late_does(run: Any, tmp_path: Path) -> None:
    source = write(tmp_path / "late.mkv", grays(), begin=17, sounds=1)
    target, notes = run(source, "out.mp4")
    assert packets(target) == packets(source)
    assert times(target)[0] == pytest.approx(times(source)[0], abs=1e-3)
    assert times(source)[0] > 1.6
    assert "note" not in notes


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
@pytest.mark.parametrize(
    ("sound", "becomes"), [("pcm_s16le", "pcm_s16le"), ("pcm_u8", "aac")], ids=["held", "not held"]
)
def test_sound_whose_channels_are_not_named_is_kept(
    run: Any, tmp_path: Path, suffix: str, sound: str, becomes: str
) -> None:
    clip = write(
        tmp_path / f"pcm{suffix}", grays(), encoder="mjpeg", pixels="yuvj420p",
        colors=(2, 6, 6, 6), sounds=1, sound=sound,
    )  # fmt: skip
    with av.open(str(clip)) as file:
        assert file.streams.audio[0].layout.name == "2 channels"
    target, notes = run(clip, "out.mp4")
    with av.open(str(target)) as file:
        heard = file.streams.audio[0]
        assert (heard.codec_context.name, heard.layout.name) == (becomes, "stereo")
        seconds = sum(frame.samples for frame in file.decode(heard)) / 44_100
    assert seconds == pytest.approx(1, abs=0.06)
    assert len(times(target)) == 10
    assert ("converted" in notes) == (becomes == "aac")


@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
def test_a_muxer_that_fails_at_the_end_does_not_cost_the_picture(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """MP4 refuses sound without a layout of channels only when all frames are painted."""
    from fast_nst.apps.video import tracks

    monkeypatch.setattr(tracks, "_usual_layout", lambda _: None)
    monkeypatch.setattr(tracks, "_holds", lambda *_: True)
    clip = write(
        tmp_path / "pcm.avi", grays(), encoder="mjpeg", pixels="yuvj420p", colors=(2, 6, 6, 6),
        sounds=1, sound="pcm_s16le",
    )  # fmt: skip
    target, notes = run(clip, name)
    assert ("only the picture: the mp4 file could not be completed" in notes) == (name == "out.mp4")
    assert times(target) == pytest.approx(np.arange(10) / 10, abs=1e-3)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


# Time


@pytest.mark.parametrize(("parts", "sounds"), [(2, 0), (2, 1), (3, 1)])
@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm"])
def test_joined_parts_follow_each_other(
    run: Any, tmp_path: Path, parts: int, sounds: int, name: str
) -> None:
    part = write(tmp_path / "part.ts", grays(), sounds=sounds)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * parts)
    target, _ = run(joined, name)
    assert np.diff(times(target)) == pytest.approx(0.1, abs=2e-3)
    assert len(times(target)) == 10 * parts
    if sounds:
        with av.open(str(target)) as file:
            heard = [float(p.pts * p.time_base) for p in file.demux(audio=0) if p.size]
        assert np.diff(heard).min() > 0
        assert np.diff(heard).max() < 0.06
        assert heard[-1] == pytest.approx(times(target)[-1] + 0.1, abs=0.1)
        if name != "out.webm":
            assert packets(target) == packets(joined)


@pytest.mark.parametrize("kind", ["webp", "avif"])
@pytest.mark.parametrize("seen_through", [False, True])
def test_animated_images_become_videos(
    run: Any, tmp_path: Path, kind: str, seen_through: bool
) -> None:
    frames = [Image.fromarray(np.uint8(np.rint(each * 255))) for each in grays(3)]
    if seen_through:
        for frame in frames:
            frame.putalpha(Image.linear_gradient("L").resize(frame.size))
    source = tmp_path / f"moving.{kind}"
    frames[0].save(
        source, save_all=True, append_images=frames[1:], duration=[100, 300, 50], quality=95
    )
    target, notes = run(source, "out.mp4")
    assert times(target) == pytest.approx([0, 0.1, 0.4], abs=1e-3)
    with av.open(str(target)) as file:
        assert file.duration == 450_000
    assert ("transparency put over white" in notes) == seen_through
    if seen_through:
        target, notes = run(source, "out.webm")
        row = opacity(target, "libvpx-vp9")[:, 30]
        assert row == pytest.approx(np.linspace(0, 1, 48), abs=0.08)
        assert "note" not in notes


# What else a file holds


def jpeg() -> bytes:
    import io

    content = io.BytesIO()
    Image.new("RGB", (40, 40), (200, 30, 30)).save(content, "JPEG")
    return content.getvalue()


def attach(file: Any, _: Any) -> None:
    file.add_attachment("cover.jpg", "image/jpeg", jpeg())
    file.add_attachment("a.ttf", "application/x-truetype-font", FONT)
    file.metadata.update(title="Boats", artist="A. Nonym", location="+27.9881+086.9250/")


def test_covers_fonts_and_tags_stay_where_they_can(run: Any, tmp_path: Path) -> None:
    source = write(tmp_path / "rich.mkv", grays(), before=attach)

    same, notes = run(source, "out.mkv")
    with av.open(str(same)) as file:
        assert [(each.name, bytes(each.data)) for each in file.streams.attachments] == [
            ("a.ttf", FONT)
        ]
        assert cover_in(file) == jpeg()
        assert (file.metadata["title"], file.metadata["ARTIST"]) == ("Boats", "A. Nonym")
    assert "note" not in notes

    mp4, notes = run(source, "out.mp4")
    with av.open(str(mp4)) as file:
        assert cover_in(file) == jpeg()
        assert (file.metadata["title"], file.metadata["artist"]) == ("Boats", "A. Nonym")
    assert notes.count("note") == 1
    assert "no attachment a.ttf: mp4 files hold none" in notes
    back, notes = run(mp4, "back.mkv")
    with av.open(str(back)) as file:
        assert cover_in(file) == jpeg()
    assert "note" not in notes

    for name, muxer in (("out.webm", "webm"), ("out.mov", "mov"), ("out.ts", "mpegts")):
        _, notes = run(source, name)
        assert f"no cover cover.jpg: {muxer} files hold none" in notes
        assert f"no attachment a.ttf: {muxer} files hold none" in notes
    assert "no tags title, ARTIST: mpegts files hold none of these" in notes


def cover_in(file: Any) -> bytes:
    (cover,) = [each for each in file.streams.video if each.disposition.name == "attached_pic"]
    return next(bytes(packet) for packet in file.demux(cover) if packet.size)


@pytest.mark.parametrize("name", ["out.mov", "out.mp4"])
def test_a_timecode_stays(run: Any, tmp_path: Path, name: str) -> None:
    def state(_: Any, stream: Any) -> None:
        stream.metadata["timecode"] = "01:02:03:04"

    source = write(tmp_path / "tc.mov", grays(), before=state, rate=25)
    target, notes = run(source, name)
    with av.open(str(target)) as file:
        assert [each.metadata["timecode"] for each in file.streams.data] == ["01:02:03:04"]
    assert "note" not in notes
    _, notes = run(source, "out.ts")
    assert "timecode" in notes


def test_a_second_picture_is_said_to_be_left_out(run: Any, tmp_path: Path) -> None:
    def second(file: Any, _: Any) -> None:
        extra = file.add_stream("libx264", rate=10, width=64, height=48)
        extra.pix_fmt = "yuv420p"

    source = write(tmp_path / "two.mkv", grays(), before=second)
    _, notes = run(source, "out.mp4")
    assert "only the first of several pictures" in notes


# Transparency


@pytest.mark.parametrize(
    ("name", "encoder", "pixels"),
    [("in.webm", "libvpx-vp9", "yuva420p"), ("in.mov", "prores_ks", "yuva444p10le")],
)
@pytest.mark.parametrize("target", ["out.webm", "out.mkv", "out.mov", "out.apng", "out.webp"])
def test_transparency_stays(
    run: Any, tmp_path: Path, name: str, encoder: str, pixels: str, target: str
) -> None:
    options = {"profile": "4444"} if encoder == "prores_ks" else {"auto-alt-ref": "0"}
    frames = [cutout(hidden) for hidden in (1, 0.5, 0)]
    for number, frame in enumerate(frames):
        frame[20, 10 + number] = 1  # WebP makes one of equal frames
    source = write(tmp_path / name, frames, encoder=encoder, pixels=pixels, options=options)
    written, notes = run(source, target)
    assert "put over white" not in notes
    if target.endswith(("webp", "apng")):
        with Image.open(written) as image:
            assert image.n_frames == 3
            found = np.asarray(image.convert("RGBA"))[..., 3] / 255
    else:
        vp9 = target == "out.webm" or (target == "out.mkv" and name == "in.webm")
        found = opacity(written, "libvpx-vp9" if vp9 else None)
    assert np.abs(found - cutout()[..., 3]).mean() < 0.02


def test_where_there_can_be_no_transparency_it_is_white(run: Any, tmp_path: Path) -> None:
    source = write(
        tmp_path / "in.mov", [cutout()] * 2, encoder="prores_ks", pixels="yuva444p10le",
        options={"profile": "4444"},
    )  # fmt: skip
    target, notes = run(source, "out.mp4", "--codec", "h264")
    assert "transparency put over white: mp4 files hold none in h264" in notes
    rgb = decoded(target)[0].to_ndarray(format="rgb24", src_colorspace="itu709")
    assert rgb[24, 50] == pytest.approx([255] * 3, abs=4)
    assert rgb[24, 20] == pytest.approx([0, 153, 0], abs=6)


def test_hidden_colors_do_not_reach_the_filter(tmp_path: Path) -> None:
    class Look:
        device = torch.device("cpu")
        seen: Tensor

        def __call__(self, frame: Tensor, /) -> Tensor:
            self.seen = frame
            return frame

    look = Look()
    source = write(
        tmp_path / "in.mov", [cutout()] * 2, encoder="prores_ks", pixels="yuva444p10le",
        options={"profile": "4444"},
    )  # fmt: skip
    stylize_video(look, source, tmp_path / "out.mov")
    assert look.seen[0].max() < 0.2  # red is hidden
    assert look.seen[1].mean() == pytest.approx(0.6, abs=0.05)


def test_transparency_is_turned_with_the_picture(run: Any, tmp_path: Path) -> None:
    source = write(
        tmp_path / "in.mov", [cutout()] * 2, encoder="prores_ks", pixels="yuva444p10le",
        options={"profile": "4444"}, before=lambda _, stream: stream.set_display_rotation(90),
    )  # fmt: skip
    assert decoded(source)[0].rotation == 90
    target, _ = run(source, "out.mov")
    found = opacity(target)
    assert found.shape == (64, 48)
    assert np.abs(found - np.rot90(cutout()[..., 3])).mean() < 0.02


def test_only_gifs_that_are_transparent_are_taken_for_it(run: Any, tmp_path: Path) -> None:
    for name, holes in (("opaque", False), ("holes", True)):
        frames = [Image.fromarray(np.uint8(each[..., :3] * 255)) for each in [cutout(0.5)] * 2]
        frames[1].putpixel((0, 0), (9, 9, 9))  # two equal frames would be one
        if holes:
            for frame in frames:
                frame.putalpha(Image.fromarray(np.uint8(cutout()[..., 3] * 255)))
        source = tmp_path / f"{name}.gif"
        frames[0].save(source, save_all=True, append_images=frames[1:], duration=100, disposal=2)
        _, notes = run(source, f"{name}.mp4")
        assert ("transparency" in notes) == holes
        if holes:
            target, _ = run(source, "out.webm")
            assert np.abs(opacity(target, "libvpx-vp9") - cutout()[..., 3]).mean() < 0.02


# Depth


@pytest.mark.parametrize(
    ("name", "codec", "becomes"),
    [
        ("out.mp4", None, "hevc"),
        ("out.mp4", "h264", "h264"),
        ("out.mkv", "av1", "libdav1d"),
        ("out.mov", None, "prores"),
        ("out.webm", None, "libdav1d"),
    ],
)
def test_ten_bits_stay_ten(
    run: Any, tmp_path: Path, name: str, codec: str | None, becomes: str
) -> None:
    source = write(
        tmp_path / "in.mkv", [ramp()] * 3, encoder="libx265", pixels="yuv420p10le",
        options={"x265-params": "log-level=-1:lossless=1"},
    )  # fmt: skip
    before = luma(decoded(source)[0])
    options = ["--codec", codec] if codec else []
    target, notes = run(source, name, *options, "--quality", "100")
    with av.open(str(target)) as file:
        assert file.streams.video[0].codec_context.name == becomes
    frame = decoded(target)[0]
    assert frame.format.components[0].bits == 10
    after = luma(frame)
    assert len(np.unique(after)) > 150  # 8 bits have 45 here
    assert np.abs(after - before).mean() < 0.7
    assert "became" not in notes


def test_depth_that_a_codec_does_not_hold_is_said(run: Any, tmp_path: Path) -> None:
    source = write(tmp_path / "in.mkv", [ramp()] * 3, encoder="libx265", pixels="yuv420p10le")
    _, notes = run(source, "out.webm", "--codec", "vp9")
    assert "10 bits became 8: vp9 here holds no more" in notes
    target, notes = run(source, "%d.png")
    assert "note" not in notes
    with av.open(str(target).replace("%d", "1")) as file:
        frame = next(file.decode(video=0))
        assert frame.format.name == "rgb48be"
        values = frame.to_ndarray()
    assert len(np.unique(values)) > 150
    assert values[..., 0].max() / 65535 == pytest.approx(0.6, abs=2e-3)


def test_a_depth_can_be_asked_for(run: Any, tmp_path: Path, same: Any) -> None:
    source = write(tmp_path / "in.mp4", grays())
    target, notes = run(source, "asked.mkv", "--depth", "10")
    assert decoded(target)[0].format.name == "yuv420p10le"
    assert "note" not in notes
    report = stylize_video(same, source, tmp_path / "out.mp4", depth=10)
    assert decoded(report.target)[0].format.name == "yuv420p10le"
    deep = write(tmp_path / "in.mkv", grays(), encoder="libx265", pixels="yuv420p10le")
    report = stylize_video(same, deep, tmp_path / "out.mp4", depth=8)
    assert (decoded(report.target)[0].format.name, report.notes) == ("yuv420p", ())
    with pytest.raises(VideoError, match=r"with 16 bits: h264 holds 8 or 10. Use such a --depth"):
        stylize_video(same, source, tmp_path / "out.mp4", codec="h264", depth=16)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_clips_of_few_frames_can_be_hevc(run: Any, make_clip: Any, count: int) -> None:
    """x265 gives decoding times at random for one and two frames."""
    target, _ = run(make_clip(), "out.mp4", "--codec", "hevc", "--frames", str(count))
    with av.open(str(target)) as file:
        assert file.duration == pytest.approx(count * 40_000, abs=2000)
        assert len(list(file.decode(video=0))) == count


@pytest.mark.parametrize("limits", [1, 2], ids=["limited", "full"])
def test_white_and_black_of_ten_bits_stay(run: Any, tmp_path: Path, limits: int) -> None:
    """swscale makes 943 of white, unless it is told otherwise."""
    flat = [np.full((48, 64, 3), level) for level in (0.0, 0.5, 1.0)]
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w", format="matroska") as file:
        stream = file.add_stream("ffv1", rate=10, width=64, height=48)
        stream.pix_fmt = "yuv420p10le"
        stream.codec_context.color_range, stream.codec_context.colorspace = limits, 1
        for number, level in enumerate((64, 502, 940) if limits == 1 else (0, 512, 1023)):
            frame = av.VideoFrame(64, 48, "yuv420p10le")
            for place, plane in enumerate(frame.planes):
                np.frombuffer(plane, np.uint16)[:] = 512 if place else level
            frame.pts, frame.color_range, frame.colorspace = number, limits, 1
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    target, _ = run(source, "out.mp4", "--quality", "100")
    found = [luma(frame).mean() for frame in decoded(target)]
    assert found == pytest.approx([64 + 876 * each.mean() for each in flat], abs=1.5)


@pytest.mark.parametrize(
    ("pixels", "limits", "white"),
    [("gray", 1, 235), ("gray", 2, 255), ("gray10le", 1, 940), ("gray10le", 2, 1023)],
)
def test_white_of_gray_clips_is_white(
    run: Any, tmp_path: Path, pixels: str, limits: int, white: int
) -> None:
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w", format="matroska") as file:
        stream = file.add_stream("ffv1", rate=10, width=64, height=48)
        stream.pix_fmt = pixels
        stream.codec_context.color_range = limits
        for number in range(3):
            frame = av.VideoFrame(64, 48, pixels)
            np.frombuffer(frame.planes[0], np.uint8 if white < 256 else np.uint16)[:] = white
            frame.pts, frame.color_range = number, limits
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    target, _ = run(source, "%d.png")
    with Image.open(str(target).replace("%d", "1")) as image:
        values = np.asarray(image.convert("RGB"))
    assert values.min() >= 254


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_no_engine_falls_back_to_eight_bits(filter_file: Path, tmp_path: Path, engine: str) -> None:
    if engine == "onnxruntime":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    source = write(tmp_path / "in.mkv", [ramp()] * 3, encoder="libx265", pixels="yuv420p10le")
    target = tmp_path / "%d.png"
    words = ["stylize", "--ckpt", str(filter_file), "--device", "cpu", "--engine", engine]
    result = CliRunner().invoke(cli.main, [*words, str(source), "-o", str(target)])
    assert result.exit_code == 0, result.output
    with av.open(str(tmp_path / "1.png")) as file:
        values = next(file.decode(video=0)).to_ndarray()
    assert len(np.unique(values)) > 1000


# High dynamic range

PQ = HighRange(Colors(9, 9, 16), 1000.0)
HLG = HighRange(Colors(9, 9, 18), 1000.0)


@pytest.mark.parametrize("high", [PQ, HLG], ids=["PQ", "HLG"])
@pytest.mark.parametrize("steady", ["0", "0.9"])
def test_high_range_is_mapped_or_kept(
    run: Any, tmp_path: Path, high: HighRange, steady: str
) -> None:
    kind = "PQ" if high is PQ else "HLG"
    levels = (0.2, 0.4, 0.58, 0.7)
    source = write(
        tmp_path / "in.mp4", [np.full((48, 64, 3), level) for level in levels], encoder="libx265",
        pixels="yuv420p10le", colors=(1, 9, 9, high.colors.transfer),
        options={"x265-params": "log-level=-1", "crf": "4"},
    )  # fmt: skip
    before = [luma(frame).mean() for frame in decoded(source)]
    target, notes = run(source, "out.mp4", "--steady", steady, "--quality", "100")
    assert f"high dynamic range ({kind}) mapped to BT.709; --hdr keep keeps it" in notes
    frames = decoded(target)
    tags = (frames[0].colorspace, frames[0].color_primaries, frames[0].color_trc)
    assert tags == (1, 1, 1)
    wanted = [
        64 + 876 * to_standard(np.full(3, (level - 64) / 876), high).mean() for level in before
    ]
    assert [luma(frame).mean() for frame in frames] == pytest.approx(wanted, abs=3)

    target, notes = run(source, "kept.mp4", "--hdr", "keep", "--steady", steady, "--quality", "100")
    assert f"high dynamic range ({kind}) kept" in notes
    frames = decoded(target)
    assert frames[0].format.name == "yuv420p10le"
    tags = (frames[0].colorspace, frames[0].color_primaries, frames[0].color_trc)
    assert tags == (9, 9, high.colors.transfer)
    assert [luma(frame).mean() for frame in frames] == pytest.approx(before, abs=3)


def test_what_is_said_of_the_mastering_display_is_used_and_kept(
    run: Any, tmp_path: Path, same: Any
) -> None:
    told = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(40000000,50)"
    source = write(
        tmp_path / "in.mp4", [np.full((48, 64, 3), 0.75)] * 3, encoder="libx265",
        pixels="yuv420p10le", colors=(1, 9, 9, 16),
        options={"x265-params": f"log-level=-1:{told}:max-cll=3000,400"},
    )  # fmt: skip
    reader = ClipReader(source)
    high = reader.info.high_range
    reader.close()
    assert high == HighRange(Colors(9, 9, 16), 4000.0, f"{told}:max-cll=3000,400")
    target, _ = run(source, "out.mp4", "--hdr", "keep", "--quality", "100")
    reader = ClipReader(target)
    assert reader.info.high_range == high
    reader.close()
    assert luma(decoded(target)[0]).mean() == pytest.approx(luma(decoded(source)[0]).mean(), abs=3)
    report = stylize_video(same, source, tmp_path / "out.mov", hdr="keep")
    assert "no data of the mastering display: prores here holds none" in report.notes


def test_high_range_that_cannot_be_kept_is_refused(tmp_path: Path, same: Any) -> None:
    source = write(
        tmp_path / "in.mp4", grays(3), encoder="libx265", pixels="yuv420p10le",
        colors=(1, 9, 9, 16),
    )  # fmt: skip
    with pytest.raises(VideoError, match=r"out.gif: gif here holds no high dynamic range. Use"):
        stylize_video(same, source, tmp_path / "out.gif", hdr="keep")
    with pytest.raises(VideoError, match=r"hdr is 'kep' \(did you mean 'keep'\?\); expected"):
        stylize_video(same, source, tmp_path / "out.mp4", hdr="kep")


# Lines


def woven() -> Iterator[NDArray[Any]]:
    """A bright bar that moves; odd lines are half a frame later."""
    for number in range(8):
        frame = np.full((96, 160, 3), 0.1)
        for line in range(96):
            begin = 10 + 16 * number + 8 * (line % 2)
            frame[line, begin : begin + 16] = 0.9
        yield frame


def test_interlaced_frames_are_made_whole_first(run: Any, tmp_path: Path) -> None:
    source = write(
        tmp_path / "in.mp4", list(woven()), options={"x264-params": "tff=1:crf=4"}, rate=25
    )
    assert decoded(source)[3].interlaced_frame
    target, notes = run(source, "out.mp4", "--quality", "100")
    assert "deinterlaced" in notes
    frames = decoded(target)
    assert len(frames) == 8
    assert not any(frame.interlaced_frame for frame in frames)
    assert np.diff(times(target)) == pytest.approx(0.04, abs=1e-3)
    assert combs(frames) < combs(decoded(source)) / 4

    target, notes = run(source, "combed.mp4", "--deinterlace", "off", "--quality", "100")
    assert "note" not in notes
    assert combs(decoded(target)) == pytest.approx(combs(decoded(source)), rel=0.1)


def combs(frames: list[Any]) -> float:
    """How much lines differ from those above and below them alike."""
    found = []
    for frame in frames[2:-2]:
        lines = luma(frame)[16:80]
        found.append(np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2).mean())
    return float(np.mean(found))


# Containers


@pytest.mark.parametrize(
    "suffix",
    [".avi", ".ts", ".mts", ".m2ts", ".flv", ".f4v", ".3gp", ".3g2", ".wmv", ".asf", ".mxf",
     ".nut", ".mov", ".m4v"],
)  # fmt: skip
def test_every_container_can_be_read_again(run: Any, tmp_path: Path, suffix: str) -> None:
    source = write(tmp_path / "in.mp4", grays(), rate=25, sounds=1)
    target, notes = run(source, f"out{suffix}")
    found = times(target)
    if suffix in (".wmv", ".asf"):  # FFmpeg guesses the last one's when it reads them
        found = found[:-1]
    assert np.diff(found) == pytest.approx(0.04, abs=2e-3)
    brightness = [luma(frame).mean() / 2 ** (frame.format.components[0].bits - 8)
                  for frame in decoded(target)]  # fmt: skip
    wanted = [16 + 219 * each.mean() for each in grays()]
    assert brightness == pytest.approx(wanted, abs=2)
    with av.open(str(target)) as file:
        assert len(file.streams.audio) == 1
        assert sum(frame.samples for frame in file.decode(audio=0)) > 15_000
    assert "left out" not in notes
    assert "ends early" not in notes


def test_frames_that_must_move_are_said(run: Any, make_clip: Any) -> None:
    source = make_clip(times=[0, 512, 700, 3000, 3100, 3900])
    _, notes = run(source, "out.avi")
    assert "frames moved to multiples of" in notes
    assert "avi files hold no other times" in notes
