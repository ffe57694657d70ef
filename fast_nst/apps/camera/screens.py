"""Where repainted camera frames go: a window, a video file, a virtual camera."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from fast_nst.apps.video.clip import ClipInfo
from fast_nst.apps.video.color import RGB
from fast_nst.apps.video.encode import ClipWriter
from fast_nst.apps.video.overlap import BackgroundCalls
from fast_nst.errors import ConfigError, VideoError, one_line

VIRTUAL = "virtual:"
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
_UNIT = Fraction(1, 1000)  # s; no camera's frames come closer


class Screen(Protocol):
    """Shows or stores frames, one after the other."""

    def show(self, rgb: RGB, at_s: float, caption: str) -> None:
        """Take (H, W, 3), captured at ``at_s``; ``caption`` is for whoever looks at it."""

    def wants_to_end(self) -> bool:
        """Whether the user asked for the end there."""

    def close(self, *, complete: bool) -> None:
        """Finish; unless ``complete``, an unusable result may be deleted."""


class Window:
    """A window on the desktop; q, Esc or its close button ask for the end.

    Args:
        size: (H, W), px.
        title: of the window.

    Raises:
        VideoError: If there is no display.
        ConfigError: If pygame is not installed.
    """

    def __init__(self, size: tuple[int, int], title: str) -> None:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        try:
            import pygame
        except ImportError as error:
            raise ConfigError("Install camera support: pip install 'fast-nst[camera]'") from error
        self._pygame = pygame
        try:
            # SDL would find that out, too, and print a line of its own.
            if sys.platform == "linux" and not any(map(os.environ.get, _DISPLAYS)):
                raise pygame.error(f"neither {' nor '.join(_DISPLAYS[:2])} is set")
            pygame.display.init()
            # SDL draws into memory where there is no display; that was not asked for.
            if pygame.display.get_driver() in ("offscreen", "dummy") and not os.environ.get(
                "SDL_VIDEODRIVER"
            ):
                raise pygame.error("there is none")
            self._surface = pygame.display.set_mode(size[::-1], pygame.RESIZABLE)
        except pygame.error as error:
            pygame.display.quit()
            raise VideoError(
                f"no display for a window ({error}). Write to a file with -o out.mp4, "
                f"or to a virtual camera with -o {VIRTUAL}"
            ) from error
        pygame.font.init()
        pygame.display.set_caption(title)
        self._font = pygame.font.Font(None, 24)
        self._ended = False

    def show(self, rgb: RGB, at_s: float, caption: str) -> None:
        """Draw the frame as large as the window allows, with the caption in a corner."""
        pygame = self._pygame
        height, width = rgb.shape[:2]
        frame = pygame.image.frombuffer(np.ascontiguousarray(rgb).tobytes(), (width, height), "RGB")
        across, down = self._surface.get_size()
        scale = min(across / width, down / height)
        if scale != 1:
            fitting = (max(round(width * scale), 1), max(round(height * scale), 1))
            frame = pygame.transform.smoothscale(frame, fitting)
        corner = ((across - frame.get_width()) // 2, (down - frame.get_height()) // 2)
        self._surface.fill((0, 0, 0))
        self._surface.blit(frame, corner)
        self._surface.blit(self._font.render(caption, True, (255, 255, 255), (0, 0, 0)), (8, 8))
        pygame.display.flip()

    def wants_to_end(self) -> bool:
        """Whether q or Esc was pressed, or the window closed."""
        pygame = self._pygame
        for event in pygame.event.get():
            if event.type == pygame.QUIT or (
                event.type == pygame.KEYDOWN and event.key in (pygame.K_q, pygame.K_ESCAPE)
            ):
                self._ended = True
        return self._ended

    def close(self, *, complete: bool) -> None:
        """Close the window."""
        self._pygame.font.quit()
        self._pygame.display.quit()


class Recording:
    """A video file; frames are as far apart in it as they were captured.

    Args:
        target: the file.
        info: what the camera says of its frames.
        encoding: ``codec``, ``preset`` and ``quality``, as for
            :func:`~fast_nst.apps.video.stylize_video`.

    Raises:
        VideoError: If it cannot be written.
    """

    def __init__(self, target: str, info: ClipInfo, **encoding: Any) -> None:
        timed = replace(info, time_base=_UNIT, depth=8, alpha=False, high_range=None)
        self._writer = ClipWriter(target, timed, **encoding)
        self._writing = BackgroundCalls()
        self._begin_s: float | None = None
        self._last = -1

    def show(self, rgb: RGB, at_s: float, caption: str) -> None:
        """Append the frame."""
        if self._begin_s is None:
            self._begin_s = at_s
        self._last = max(round((at_s - self._begin_s) / float(_UNIT)), self._last + 1)
        self._writing.call(self._writer.write, rgb, self._last)

    def wants_to_end(self) -> bool:
        """A file never asks for the end."""
        return False

    def close(self, *, complete: bool) -> None:
        """Complete the file; one without a frame is not left behind."""
        try:
            if complete:
                self._writing.finish()
        finally:
            self._writing.close()
            if complete and self._writer.frames:
                self._writer.finish()
            self._writer.abandon()


class VirtualCamera:
    """A camera that other programs see.

    Args:
        target: ``virtual:``, or with a device, such as ``virtual:/dev/video10``.
        info: size and rate.

    Raises:
        VideoError: If the system has none.
        ConfigError: If pyvirtualcam is not installed.
    """

    def __init__(self, target: str, info: ClipInfo) -> None:
        try:
            import pyvirtualcam
        except ImportError as error:
            raise ConfigError("Install camera support: pip install 'fast-nst[camera]'") from error
        try:
            self._camera: Any = pyvirtualcam.Camera(
                width=info.width,
                height=info.height,
                fps=float(info.rate),
                fmt=pyvirtualcam.PixelFormat.RGB,
                device=target.removeprefix(VIRTUAL) or None,
            )
        except (RuntimeError, OSError) as error:
            why = one_line(error).rstrip(".")
            raise VideoError(
                f"no virtual camera ({why}). Install OBS or, on Linux, v4l2loopback; "
                "docs/video.md says how."
            ) from error

    def show(self, rgb: RGB, at_s: float, caption: str) -> None:
        """Send the frame."""
        self._camera.send(np.ascontiguousarray(rgb))

    def wants_to_end(self) -> bool:
        """A virtual camera never asks for the end."""
        return False

    def close(self, *, complete: bool) -> None:
        """Remove the camera."""
        self._camera.close()
