"""Videos and cameras through the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

pytest.importorskip("av")

from fast_nst.apps.video.decode import ClipReader
from fast_nst.cli import main as cli
from fast_nst.inference import Stylizer
from fast_nst.runtimes.graph_cache import cached_graph


@pytest.fixture
def run(filter_file: Path) -> Any:
    def invoke(*arguments: str | Path) -> Result:
        words = ["stylize", "--ckpt", str(filter_file), "--device", "cpu", *map(str, arguments)]
        return CliRunner().invoke(cli.main, words)

    return invoke


def test_a_video_is_stylized_as_the_stylizer_does(
    run: Any, make_clip: Any, read_clip: Any, filter_file: Path, tmp_path: Path
) -> None:
    source = make_clip(colors=(1, 6, 6, 6))
    result = run(source, "-o", tmp_path / "out.mp4")
    assert result.exit_code == 0, result.output
    assert f"wrote {tmp_path / 'out.mp4'}: 8 frames, " in result.stdout
    assert len(read_clip(tmp_path / "out.mp4").times) == 8

    result = run(source, "-o", tmp_path / "%d.png", "--frames", "1")  # nothing is lost in these
    assert result.exit_code == 0, result.output
    reader = ClipReader(source)
    frame = next(iter(reader)).rgb
    reader.close()
    with Image.open(tmp_path / "1.png") as written:
        np.testing.assert_array_equal(written, Stylizer.load(filter_file)(frame))


@pytest.mark.parametrize(("engine", "loaded"), [("auto", False), ("onnxruntime", True)])
def test_auto_takes_pytorch_for_videos_though_there_is_a_graph(
    make_clip: Any, filter_file: Path, tmp_path: Path, engine: str, loaded: bool
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    cached_graph(filter_file)
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('loaded', 'onnxruntime' in sys.modules))\n"
        "from fast_nst.cli.main import main\n"
        "main()"
    )
    words = ["stylize", "--ckpt", filter_file, "--device", "cpu", "--engine", engine]
    words += [make_clip(), "-o", tmp_path / "out.mp4"]
    command = [sys.executable, "-c", program, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"loaded {loaded}"
    assert (tmp_path / "out.mp4").is_file()


def test_several_videos_keep_their_names_and_folders_and_a_bad_one_does_not_stop_the_rest(
    run: Any, make_clip: Any, read_clip: Any, tmp_path: Path
) -> None:
    (tmp_path / "in" / "day").mkdir(parents=True)
    make_clip("in/a.mp4")
    make_clip("in/day/b.mkv")
    (tmp_path / "in" / "broken.avi").write_text("not a video")
    out = tmp_path / "out"
    result = run(tmp_path / "in", "-o", out)
    assert result.exit_code == 1
    assert "error: cannot read" in result.stderr
    assert "1 of 3 videos failed." in result.stderr
    assert len(read_clip(out / "a.mp4").times) == 8
    assert len(read_clip(out / "day" / "b.mkv").times) == 8
    assert not (out / "broken.mp4").exists()
    again = run(tmp_path / "in", "-o", out, "--resume")
    assert again.stdout.count("skipped") == 2


def test_a_folder_of_both_gives_videos_and_images_and_what_fails_stops_neither(
    run: Any, make_clip: Any, read_clip: Any, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    make_clip("in/a.mp4")
    Image.new("RGB", (24, 16), "teal").save(tmp_path / "in" / "b.png")
    (tmp_path / "in" / "broken.mkv").write_text("no video")
    (tmp_path / "in" / "broken.jpg").write_text("no image")
    out = tmp_path / "out"
    result = run(tmp_path / "in", "-o", out, "--format", "webp", "--frames", "2")
    assert result.exit_code == 1, result.output
    assert "1 of 2 videos failed." in result.stderr
    assert "1 of 2 images failed." in result.stderr
    assert sorted(file.name for file in out.iterdir()) == ["a.mp4", "b.webp"]
    assert len(read_clip(out / "a.mp4").times) == 2
    again = run(tmp_path / "in", "-o", out, "--format", "webp", "--resume")
    assert "a.mp4, which is done" in again.stdout
    assert "skipped 1 that" in again.stdout


def test_lost_frames_are_counted_and_the_exit_code_is_1(
    run: Any, make_clip: Any, read_clip: Any, tmp_path: Path
) -> None:
    source = make_clip(times=range(0, 60 * 512, 512), options={"movflags": "+faststart"})
    content = source.read_bytes()
    source.write_bytes(content[: len(content) * 2 // 3])
    result = run(source, "-o", tmp_path / "out.mp4")
    assert result.exit_code == 1
    written = len(read_clip(tmp_path / "out.mp4").times)
    assert f"{60 - written} frames could not be decoded" in result.stderr
    assert "Traceback" not in result.output


def test_what_becomes_of_sound_is_said(run: Any, make_clip: Any, tmp_path: Path) -> None:
    result = run(make_clip(sound="aac"), "-o", tmp_path / "out.webm")
    assert result.exit_code == 0
    assert "note: " in result.stderr
    assert "sound converted from aac to opus" in result.stderr


def test_ctrl_c_says_what_is_there_and_exits_130(
    run: Any, make_clip: Any, read_clip: Any, ctrl_c: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    calls = 0
    stylize = Stylizer.__call__

    def interrupted(self: Stylizer, image: Any, **controls: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 5:
            ctrl_c()
        return stylize(self, image, **controls)

    monkeypatch.setattr(Stylizer, "__call__", interrupted)
    result = run(make_clip(), "-o", tmp_path / "out.mp4")
    assert result.exit_code == 130
    assert "interrupted after 4 frames; wrote" in result.stderr
    assert len(read_clip(tmp_path / "out.mp4").times) == 4
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["clip.mp4"], 2, "give either -o OUT"),
        (["clip.mp4", "-o", "out.mp4", "--codec", "h265"], 2, "'hevc'"),
        (["clip.mp4", "-o", "out.mp4", "--preset", "quick"], 2, "'ultrafast'"),
        (["clip.mp4", "-o", "out.webm", "--preset", "fast"], 1, "vp9 has no preset to choose"),
        (["clip.mp4", "-o", "out.mp4", "--frames", "0"], 2, "--frames"),
        (["clip.mp4", "-o", "out.xyz"], 1, "the ending '.xyz' is unknown"),
        (["*.mp4", "-o", "out.mp4"], 1, "Name a folder"),
        (["missing.mp4", "-o", "out.mp4"], 1, "missing.mp4 does not exist"),
        (["camera:0", "clip.mp4", "-o", "out.mp4"], 2, "give it alone"),
    ],
)
def test_what_cannot_be_is_one_line(
    arguments: list[str], code: int, message: str, run: Any, make_clip: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    make_clip()
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert os.listdir(tmp_path) == ["clip.mp4"]


@pytest.mark.parametrize(
    ("arguments", "cabac"), [([], b"cabac=1"), (["--preset", "ultrafast"], b"cabac=0")]
)
@pytest.mark.parametrize("camera", [False, True])
def test_the_preset_reaches_the_encoder_of_videos_and_cameras(
    arguments: list[str], cabac: bytes, camera: bool, run: Any, make_clip: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if camera:
        pytest.importorskip("pygame")
        monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    source = make_clip()
    result = run(f"camera:{source}" if camera else source, "-o", tmp_path / "out.mp4", *arguments)
    assert result.exit_code == 0, result.output
    # x264 writes its settings into what it encodes; ultrafast is the one without CABAC.
    assert cabac in (tmp_path / "out.mp4").read_bytes()


def test_a_camera_writes_a_file_and_says_how_it_went(
    run: Any, make_clip: Any, read_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    source = make_clip(times=range(0, 12 * 512, 512))
    result = run(f"camera:{source}", "-o", tmp_path / "out.mp4", "--camera-size", "32")
    assert result.exit_code == 0, result.output
    assert "dropped, at most" in result.stdout
    assert f"wrote {tmp_path / 'out.mp4'}" in result.stdout
    clip = read_clip(tmp_path / "out.mp4")
    assert clip.rgb[0].shape == (32, 43, 3)
    assert f"{len(clip.times)} frames, " in result.stdout


def test_a_camera_that_is_not_there_is_one_line(run: Any, tmp_path: Path) -> None:
    result = run("camera:97", "-o", tmp_path / "out.mp4")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: cannot open camera:97: ")
    assert result.stderr.count("\n") == 1


def _room(number: int, *, noisy: bool) -> np.ndarray:
    """A still room through which a square walks, which leaves after frame 10; (H, W, 3)."""
    generator = np.random.default_rng(0)
    room = generator.integers(60, 180, (12, 16, 3)).repeat(8, 0).repeat(8, 1).astype(float)
    if number < 10:
        room[32:64, 8 * number : 8 * number + 32] = (230, 40, 40)
    if noisy:
        room += np.random.default_rng(number + 1).normal(0, 3, room.shape)
    return np.clip(np.rint(room), 0, 255).astype(np.uint8)


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """Its 24 frames, lossless."""
    import av

    path = tmp_path / "walk.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264rgb", rate=10, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "rgb24"
        for number in range(24):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(_room(number, noisy=True), "rgb24")))
        file.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_a_still_background_flickers_half_as_much_and_what_walked_through_leaves_no_ghost(
    engine: str, run: Any, walk: Path, tmp_path: Path
) -> None:
    pytest.importorskip("cv2")
    if engine == "onnxruntime":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    shown = {}
    for name, options in (("plain", ["--steady", "0"]), ("steady", ["--steady", "0.9"])):
        folder = tmp_path / name
        # Half of the content, as a network of random weights leaves little of a square's color.
        look = ["--engine", engine, "--strength", "0.5"]
        result = run(walk, "-o", folder / "%02d.png", *look, *options)
        assert result.exit_code == 0, result.output
        files = sorted(folder.iterdir())
        assert len(files) == 24
        images = []
        for file in files:
            with Image.open(file) as image:
                images.append(np.asarray(image, dtype=float) / 255)
        shown[name] = np.stack(images)
    plain, steady = shown["plain"], shown["steady"]

    def flicker(images: np.ndarray) -> float:
        """Far from the square's way, and all of the time."""
        return float(np.abs(np.diff(images[:, 76:], axis=0)).mean())

    assert flicker(steady) <= 0.5 * flicker(plain)
    np.testing.assert_allclose(steady[0], plain[0], atol=1.1 / 255)  # the first has no past
    # Where the square was: as far from the plain result as that is from itself a frame later.
    way = (slice(11, None), slice(32, 64), slice(0, 104))
    noise = np.abs(np.diff(plain[way], axis=0)).mean()
    assert np.abs(steady[way] - plain[way]).mean() <= 1.5 * noise + 1 / 255
    # The square would show in the mean color of a place of its size, where noise hardly does.
    for left in (0, 32, 64):
        place = (slice(32, 64), slice(left, left + 32))
        with_it, without = (plain[at][place].mean((0, 1)) for at in (left // 8, 20))
        for after in (11, 12, 20):
            ghost = steady[after][place].mean((0, 1)) - plain[after][place].mean((0, 1))
            assert np.abs(ghost).max() < 0.1 * np.abs(with_it - without).max()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["walk.mkv", "-o", "out.mp4", "--steady", "2"], "--steady"),
        (["walk.mkv", "-o", "out.mp4", "--steady", "-0.1"], "--steady"),
        (["a.png", "-o", "b.png", "--steady", "0.5"], "--steady is for videos and cameras"),
        (["a.png", "-o", "b.png", "--preset", "fast"], "--preset is for video files"),
        (["a.png", "-o", "b.png", "--codec", "h264"], "--codec is for video files"),
        (["a.png", "-o", "b.png", "--frames", "3"], "--frames is for videos"),
        (["walk.mkv", "-o", "out.mp4", "--camera-size", "9"], "--camera-size is for cameras"),
        (["camera:walk.mkv", "--preset", "fast"], "--preset is for video files"),
        (["camera:walk.mkv", "-o", "virtual:", "--codec", "h264"], "--codec is for video files"),
        (["camera:walk.mkv", "-o", "out.mp4", "--frames", "3"], "--frames is for videos"),
        (["a.png", "--contact-sheet", "c.png", "--steady", "0"], "--steady is for videos"),
        (["-", "-o", "-", "--steady", "0.5"], "--steady is for videos and cameras"),
    ],
)
def test_an_option_that_would_do_nothing_is_one_line(
    arguments: list[str], message: str, run: Any, walk: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert sorted(os.listdir(tmp_path)) == ["a.png", "walk.mkv"]
