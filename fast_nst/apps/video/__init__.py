"""Repaint video files: ``stylize_video(stylizer, "walk.mp4", "walk_starry.mp4")``.

Importing this package loads neither torch nor PyAV; what needs them is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fast_nst.apps.video.filtering import Controlled, FrameFilter
    from fast_nst.apps.video.stylize import (
        VideoInterrupted,
        VideoProgress,
        VideoReport,
        stylize_video,
    )

__all__ = [
    "Controlled",
    "FrameFilter",
    "VideoInterrupted",
    "VideoProgress",
    "VideoReport",
    "stylize_video",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "filtering" if name in ("Controlled", "FrameFilter") else "stylize"
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
