"""Frames of a camera: a slow reader misses some, and always gets the newest."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fast_nst.apps.video.color import RGB
from fast_nst.apps.video.decode import ClipReader
from fast_nst.apps.video.pyav import import_av
from fast_nst.errors import VideoError

PREFIX = "camera:"


@dataclass(frozen=True)
class Captured:
    """A frame.

    Attributes:
        rgb: (H, W, 3).
        at_s: when it came, on the clock of ``time.monotonic``.
    """

    rgb: RGB
    at_s: float


class Camera:
    """An open camera; frames that are not taken in time are dropped.

    Args:
        source: ``camera:`` and a number, a device, or a video file, which is played once at its own
            speed in a camera's place.
        short_side: px to scale frames to; None for the camera's own size.

    Raises:
        VideoError: If there is no such camera, or it is in use.
        ConfigError: If PyAV is not installed.
    """

    def __init__(self, source: str, short_side: int | None = None) -> None:
        name = source.removeprefix(PREFIX)
        self._is_file = Path(name).is_file()
        if self._is_file:
            self._reader = ClipReader(name, short_side=short_side)
        else:
            device, muxer, options = _device(name)
            try:
                self._reader = ClipReader(
                    device, muxer=muxer, options=options, short_side=short_side
                )
            except VideoError as error:
                raise VideoError(
                    f"cannot open {source}: {str(error).removeprefix(f'cannot read {device}: ')} "
                    "Or name another camera, such as camera:1."
                ) from error
        self.info = self._reader.info
        self.captured = 0
        self.dropped = 0
        self._newest: Captured | None = None
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._ended = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._capture, name="camera", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> Captured | None:
        """Return the newest frame that was not yet taken; None if none came in ``timeout_s``.

        Raises:
            VideoError: If the camera failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._ended, timeout_s)
            newest, self._newest = self._newest, None
            if newest is None and self._error is not None:
                raise VideoError(f"the camera stopped: {self._error}.") from self._error
            return newest

    @property
    def ended(self) -> bool:
        """Whether no frame will come any more."""
        with self._changed:
            return self._ended and self._newest is None

    def close(self) -> None:
        """Release the camera."""
        self._stop.set()
        self._thread.join()
        self._reader.close()

    def _capture(self) -> None:
        try:
            for rgb in self._frames():
                with self._changed:
                    self.captured += 1
                    self.dropped += self._newest is not None
                    self._newest = Captured(rgb, time.monotonic())
                    self._changed.notify()
                if self._stop.is_set():
                    break
        except Exception as error:  # to be raised where frames are taken
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _frames(self) -> Iterator[RGB]:
        begin = time.monotonic()
        for item in self._reader:
            if item.rgb is None:
                continue
            if self._is_file:
                due = begin + float(item.time * self.info.time_base)
                if self._stop.wait(max(due - time.monotonic(), 0)):
                    return
            yield item.rgb


def _device(name: str) -> tuple[str, str, dict[str, str]]:
    """FFmpeg's name of a camera, of the system's camera interface, and that one's options."""
    if sys.platform == "darwin":
        # Without a rate, it asks for 29.97, which most cameras refuse.
        return name, "avfoundation", {"framerate": "30"}
    if sys.platform == "win32":
        if name.isdigit():
            import_av()
            from av.device import enumerate_input_devices

            cameras = [
                device.name
                for device in enumerate_input_devices("dshow")
                if "video" in device.media_types
            ]
            if int(name) >= len(cameras):
                raise VideoError(
                    f"cannot open camera:{name}: there are {len(cameras)} cameras here. "
                    "Connect one, or give a smaller number."
                )
            name = cameras[int(name)]
        return f"video={name}", "dshow", {}
    return (f"/dev/video{name}" if name.isdigit() else name), "v4l2", {}
