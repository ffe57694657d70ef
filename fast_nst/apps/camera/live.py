"""Repaint a camera, live."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from fast_nst.apps.camera.capture import Camera
from fast_nst.apps.camera.screens import VIRTUAL, Recording, Screen, VirtualCamera, Window
from fast_nst.apps.video.clip import ClipInfo
from fast_nst.apps.video.filtering import FrameFilter, filter_frame
from fast_nst.apps.video.formats import DEFAULT_QUALITY, choose_format
from fast_nst.apps.video.steady import steadied
from fast_nst.apps.video.stylize import check_options
from fast_nst.errors import FastNSTError, VideoError
from fast_nst.hardware import keep_freed_memory

_GLANCE_S = 0.02  # how often to look whether the user wants to end
_RECENT = 20  # frames whose rate is shown


@dataclass(frozen=True)
class CameraProgress:
    """Progress of a running camera.

    Attributes:
        shown: frames so far.
        dropped: frames of the camera that were dropped, since newer ones had come.
        frames_per_s: over the last frames.
        latency_s: how old the last frame was when it was shown.
    """

    shown: int
    dropped: int
    frames_per_s: float
    latency_s: float


@dataclass(frozen=True)
class CameraReport:
    """Summary of a camera run that ended.

    Attributes:
        shown: frames.
        dropped: frames of the camera that were dropped.
        seconds: how long it ran.
        latency_s: the largest age of a frame when it was shown.
        notes: what was left out, in a few words each.
    """

    shown: int
    dropped: int
    seconds: float
    latency_s: float
    notes: tuple[str, ...]


def stylize_camera(
    stylizer: FrameFilter,
    source: str = "camera:0",
    target: str | None = None,
    *,
    short_side: int | None = None,
    codec: str | None = None,
    preset: str | None = None,
    quality: int = DEFAULT_QUALITY,
    steady: float = 0.0,
    on_progress: Callable[[CameraProgress], None] | None = None,
) -> CameraReport:
    """Repaint a camera until the user ends it: q or Esc in the window, or Ctrl-C.

    Each time, the camera's newest frame is taken and those before are dropped, so that what is
    shown is never older than one frame and the time that the filter takes for one. The process
    keeps the memory of frames (``hardware.keep_freed_memory``).

    Args:
        stylizer: a :class:`~fast_nst.Stylizer`, or another ``FrameFilter``.
        source: ``camera:`` and a number or a device (on macOS and Windows, also the camera's name);
            or ``camera:walk.mp4``, a video that is played once in a camera's place.
        target: a video file, as for :func:`~fast_nst.apps.video.stylize_video`; ``virtual:`` for a
            virtual camera, which other programs can use; None for none.
        short_side: px to scale the camera's frames to; None for its own size.
        codec: of the file.
        preset: as for :func:`~fast_nst.apps.video.stylize_video`.
        quality: of the file, 0 to 100.
        steady: as for :func:`~fast_nst.apps.video.stylize_video`.
        on_progress: called after every frame.

    Returns:
        A report. There is a window as well where there is a display.

    Raises:
        VideoError: If the camera cannot be opened or the target not be written, or there is neither
            a display nor a target.
        ConfigError: If a package is missing.
    """
    check_options(quality, None)
    if short_side is not None and short_side < 1:
        raise VideoError(f"the short side is {short_side} px; expected at least 1.")
    if target is not None and not target.startswith(VIRTUAL):
        choose_format(target, codec, preset)
    stylizer = steadied(stylizer, steady)
    keep_freed_memory()
    with ExitStack() as stack:
        camera = Camera(source, short_side)
        stack.callback(camera.close)
        recording = {"codec": codec, "preset": preset, "quality": quality}
        screens, notes = _open_screens(camera.info, source, target, recording)
        complete = False
        try:
            report = _run(stylizer, camera, screens, notes, on_progress)
            complete = True
        finally:
            for screen in screens:
                screen.close(complete=complete)
    if not report.shown:
        raise VideoError(f"{source} was ended before a frame was ready; nothing is written.")
    return report


def _open_screens(
    info: ClipInfo, source: str, target: str | None, recording: Mapping[str, Any]
) -> tuple[list[Screen], tuple[str, ...]]:
    screens: list[Screen] = []
    notes: tuple[str, ...] = ()
    try:
        if target is not None and target.startswith(VIRTUAL):
            screens.append(VirtualCamera(target, info))
        elif target is not None:
            screens.append(Recording(target, info, **recording))
        try:
            screens.append(Window((info.height, info.width), f"fast-nst: {source}"))
        except FastNSTError as error:
            if target is None:
                raise
            notes = (f"no window: {str(error).split('.')[0]}",)
    except BaseException:
        for screen in screens:
            screen.close(complete=False)
        raise
    return screens, notes


def _run(
    stylizer: FrameFilter,
    camera: Camera,
    screens: list[Screen],
    notes: tuple[str, ...],
    on_progress: Callable[[CameraProgress], None] | None,
) -> CameraReport:
    begin = time.monotonic()
    recent: deque[float] = deque([begin], maxlen=_RECENT)
    shown, worst = 0, 0.0

    def ended() -> bool:
        return any(screen.wants_to_end() for screen in screens)

    try:
        with ThreadPoolExecutor(1, "filter") as pool:
            while not ended():
                captured = camera.take(_GLANCE_S)
                if captured is None:
                    if camera.ended:
                        break
                    continue
                # In a thread of its own, so that the window answers meanwhile.
                filtering = pool.submit(filter_frame, stylizer, captured.rgb)
                while not wait([filtering], _GLANCE_S).done and not ended():
                    pass
                if not filtering.done():
                    break
                rgb = filtering.result()
                recent.append(time.monotonic())
                rate = (len(recent) - 1) / max(recent[-1] - recent[0], 1e-9)
                latency = recent[-1] - captured.at_s
                caption = f"{rate:.1f} frames/s, {camera.dropped} dropped"
                for screen in screens:
                    screen.show(rgb, captured.at_s, caption)
                shown += 1
                worst = max(worst, latency)
                if on_progress is not None:
                    on_progress(CameraProgress(shown, camera.dropped, rate, latency))
    except KeyboardInterrupt:
        pass  # the usual end where there is no window
    return CameraReport(shown, camera.dropped, time.monotonic() - begin, worst, notes)
