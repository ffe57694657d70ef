"""What the planner must know of videos; no PyAV in here."""

from __future__ import annotations

from pathlib import Path

from fast_nst.apps.video.formats import (
    KEPT_SUFFIXES,
    READ_SUFFIXES,
    choose_format,
    is_video_target,
)
from fast_nst.batch.plan import Medium

VIDEOS = Medium(
    name="video",
    reads=READ_SUFFIXES,
    writes=KEPT_SUFFIXES,
    otherwise=".mp4",
    check_target=choose_format,
    is_target=is_video_target,
)


def is_video(source: str | Path) -> bool:
    """Whether a name's ending is that of a video."""
    return Path(source).suffix.lower() in READ_SUFFIXES
