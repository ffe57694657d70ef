"""Run ``fast-nst enhance`` on videos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fast_nst.batch.enhance import Enhancer, Grader
from fast_nst.batch.plan import Planned
from fast_nst.cli.stylize.request import Encoding
from fast_nst.cli.stylize.video import run_videos

if TYPE_CHECKING:
    from fast_nst.apps.video import FrameFilter


@dataclass(frozen=True)
class EnhanceVideos:
    """Video files, and how they are read and written; see ``stylize``'s ``Video``."""

    files: tuple[Planned, ...]
    resume: bool
    encoding: Encoding
    deinterlace: str
    frames: int | None
    steady: float = 0.0


def run_enhance_videos(enhancer: Enhancer | Grader, request: EnhanceVideos) -> bool:
    """Write videos, each shot with a look of its own; return whether all are there."""

    def filter_for(source: Path) -> FrameFilter:
        from fast_nst.apps.video.enhance import fit_clip

        return fit_clip(enhancer, source, deinterlace=request.deinterlace, frames=request.frames)

    return run_videos(request, filter_for)
