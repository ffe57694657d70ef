"""A camera, for which a file stands in that is played in real time."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("av")
pygame = pytest.importorskip("pygame")

from fast_nst.apps.camera import CameraProgress, stylize_camera  # noqa: E402
from fast_nst.apps.video.decode import ClipReader  # noqa: E402
from fast_nst.errors import ConfigError, VideoError  # noqa: E402

SECOND = range(0, 25 * 512, 512)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("camera", "filter", "behind"))]


@pytest.fixture
def window_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """SDL's own driver for machines without a display, with everything but the pixels on a desk."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux can be told to have no display")
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


class Slow:
    """Takes its time, and notes which frames it saw by their gray."""

    device = torch.device("cpu")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.grays: list[float] = []

    def __call__(self, frame: Tensor, /) -> Tensor:
        self.grays.append(float(frame[:, -4, 30].mean() * 255))
        time.sleep(self.seconds)
        return frame


@pytest.mark.usefixtures("no_display")
def test_a_slow_filter_drops_frames_and_does_not_fall_behind(
    make_clip: Any, read_clip: Any, tmp_path: Path
) -> None:
    source = make_clip(times=range(0, 20 * 512, 512))
    filter_ = Slow(0.15)
    moments = [time.monotonic()]
    told: list[CameraProgress] = []

    def note(progress: CameraProgress) -> None:
        moments.append(time.monotonic())
        told.append(progress)

    report = stylize_camera(
        filter_, f"camera:{source}", str(tmp_path / "out.mp4"), on_progress=note
    )
    assert report.dropped > 0
    assert 1 <= report.shown <= 20 - report.dropped
    # Newer and newer frames, with gaps: nothing queues up.
    assert filter_.grays == sorted(filter_.grays)
    steps = [after - before for before, after in itertools.pairwise(filter_.grays)]
    assert max(steps) > 12  # consecutive frames differ by 8
    # The oldest that a frame can be: it came just after the one before was taken. Measured from
    # the same run, so that a busy machine does not matter. In a queue of all, the last frame of
    # this clip would be 2.2 s old.
    longest = max(after - before for before, after in itertools.pairwise(moments))
    assert report.latency_s <= 2 * longest + 0.1
    assert report.latency_s == max(progress.latency_s for progress in told)
    result = read_clip(tmp_path / "out.mp4")
    assert len(result.times) == report.shown
    assert result.times[-1] == pytest.approx(
        float(SECOND[19] / 12800) - result.times[0], abs=0.5
    )  # as fast as it was captured
    assert report.notes
    assert report.notes[0].startswith("no window: ")


@pytest.mark.usefixtures("window_in_memory")
def test_a_fast_filter_shows_nearly_all_in_a_window(make_clip: Any) -> None:
    filter_ = Slow(0)
    told: list[CameraProgress] = []
    seen: list[tuple[int, ...]] = []

    def look(progress: CameraProgress) -> None:
        told.append(progress)
        surface = pygame.display.get_surface()
        assert surface.get_size() == (320, 240)
        seen.append(tuple(surface.get_at((300, 90)))[:3])

    source = make_clip(times=SECOND, size=(240, 320))
    report = stylize_camera(filter_, f"camera:{source}", on_progress=look)
    assert report.shown + report.dropped == 25
    assert report.notes == ()
    assert seen[0] == pytest.approx((30, 180, 60), abs=6)
    assert told[-1].frames_per_s > 0


@pytest.mark.usefixtures("window_in_memory")
@pytest.mark.parametrize("event", ["q", "escape", "close"])
def test_q_escape_and_the_close_button_end_it_with_a_whole_file(
    event: str, make_clip: Any, read_clip: Any, tmp_path: Path
) -> None:
    source = make_clip(times=range(0, 500 * 512, 512))  # 20 s

    def press(progress: CameraProgress) -> None:
        if progress.shown == 3:
            keys = {"q": pygame.K_q, "escape": pygame.K_ESCAPE}
            if event == "close":
                pygame.event.post(pygame.event.Event(pygame.QUIT))
            else:
                pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=keys[event]))

    report = stylize_camera(
        Slow(0), f"camera:{source}", str(tmp_path / "out.mp4"), on_progress=press
    )
    assert report.shown == 3
    assert len(read_clip(tmp_path / "out.mp4").times) == 3
    assert not pygame.display.get_init()


@pytest.mark.usefixtures("no_display")
def test_ctrl_c_ends_it_with_a_whole_file(
    make_clip: Any, read_clip: Any, ctrl_c: Any, tmp_path: Path
) -> None:
    source = make_clip(times=range(0, 500 * 512, 512))

    def interrupt(progress: CameraProgress) -> None:
        if progress.shown == 3:
            ctrl_c()

    report = stylize_camera(
        Slow(0), f"camera:{source}", str(tmp_path / "out.mp4"), on_progress=interrupt
    )
    assert report.shown == 3
    assert len(read_clip(tmp_path / "out.mp4").times) == 3
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


@pytest.mark.usefixtures("window_in_memory")
def test_frames_can_be_made_smaller(make_clip: Any) -> None:
    shapes: set[tuple[int, ...]] = set()

    class Look:
        device = torch.device("cpu")

        def __call__(self, frame: Tensor, /) -> Tensor:
            shapes.add(tuple(frame.shape))
            return frame

    stylize_camera(Look(), f"camera:{make_clip()}", short_side=24)
    assert shapes == {(3, 24, 32)}


@pytest.mark.usefixtures("no_display")
def test_a_virtual_camera_gets_every_frame_that_is_shown(make_clip: Any) -> None:
    pyvirtualcam = pytest.importorskip("pyvirtualcam")
    sent: list[Any] = []

    class Memory:
        """A virtual camera of this test's own, which pyvirtualcam lets one register."""

        def __init__(self, *, width: int, height: int, **_: Any) -> None:
            assert (width, height) == (64, 48)

        def send(self, frame: Any) -> None:
            sent.append(frame.reshape(48, 64, 3).copy())

        def close(self) -> None:
            sent.append("closed")

        def device(self) -> str:
            return "memory"

    pyvirtualcam.register_backend("memory", Memory)
    try:
        report = stylize_camera(Slow(0), f"camera:{make_clip()}", "virtual:")
    finally:
        del pyvirtualcam.camera.BACKENDS["memory"]
    assert sent[-1] == "closed"
    assert len(sent) - 1 == report.shown >= 1
    assert sent[0][6, 8] == pytest.approx((200, 30, 30), abs=6)


@pytest.mark.usefixtures("no_display")
def test_what_is_missing_is_said_in_one_line(
    make_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"camera:{make_clip()}"
    with pytest.raises(VideoError, match=r"no display for a window .*-o out\.mp4"):
        stylize_camera(Slow(0), source)
    with pytest.raises(VideoError, match="cannot open camera:97: there is no such file"):
        stylize_camera(Slow(0), "camera:97", str(tmp_path / "out.mp4"))
    with pytest.raises(VideoError, match="no virtual camera"):
        stylize_camera(Slow(0), source, "virtual:/dev/video97")
    with pytest.raises(VideoError, match=r"the ending '\.mp5' is unknown"):
        stylize_camera(Slow(0), source, str(tmp_path / "out.mp5"))
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(ConfigError, match=r"pip install 'fast-nst\[camera\]'"):
        stylize_camera(Slow(0), source)
    assert os.listdir(tmp_path) == ["clip.mp4"]


@pytest.mark.usefixtures("no_display")
def test_a_filter_that_fails_leaves_no_file(make_clip: Any, tmp_path: Path) -> None:
    class Failing:
        device = torch.device("cpu")

        def __call__(self, frame: Tensor, /) -> Tensor:
            raise VideoError("the filter is damaged.")

    with pytest.raises(VideoError, match="the filter is damaged"):
        stylize_camera(Failing(), f"camera:{make_clip()}", str(tmp_path / "out.mp4"))
    assert os.listdir(tmp_path) == ["clip.mp4"]


def test_a_damaged_camera_stream_is_an_error(
    make_clip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fast_nst.apps.camera.capture import Camera

    def torn(self: ClipReader) -> Iterator[Any]:
        raise OSError("No such device")
        yield

    monkeypatch.setattr(ClipReader, "__iter__", torn)
    camera = Camera(f"camera:{make_clip()}")
    with pytest.raises(VideoError, match="the camera stopped: No such device"):
        camera.take(10)
    camera.close()
