"""Which of the inputs are videos, and what they become; no PyAV in here."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fast_nst.apps.video.formats import FORMATS, READ_SUFFIXES, is_video_target
from fast_nst.batch.plan import is_below, name_results
from fast_nst.errors import VideoError


@dataclass(frozen=True)
class PlannedVideo:
    """A video that is to be read from ``source`` and written to ``target``."""

    source: Path
    target: Path

    @property
    def done(self) -> bool:
        """Whether the target is there and no older than the source; targets appear complete."""
        try:
            return self.target.stat().st_mtime_ns >= self.source.stat().st_mtime_ns
        except OSError:
            return False


def is_video(source: str | Path) -> bool:
    """Whether a name's ending is that of a video."""
    return Path(source).suffix.lower() in READ_SUFFIXES


def plan_videos(
    inputs: Sequence[str], output: str
) -> tuple[tuple[PlannedVideo, ...], tuple[str, ...]]:
    """Pick the videos from what is to be stylized; nothing is read or written.

    Args:
        inputs: files, folders, which are searched with their subfolders, and patterns such as
            ``clips/*.mp4``.
        output: for one video, a file, numbered pictures or a folder; for several, a folder, where
            they keep their names and, below an input folder, its structure. An ending that cannot
            be written becomes ``.mp4``.

    Returns:
        The videos, and the inputs that are, or may hold, something else. A file of any kind is a
        video if ``output`` is one.

    Raises:
        VideoError: If ``output`` is a file but several videos came.
    """
    found: dict[str, tuple[Path, Path]] = {}
    rest: list[str] = []
    for each in inputs:
        path = Path(each)
        if is_video_target(output) and not path.is_dir():
            found[os.path.realpath(path)] = (path, Path(path.name))
        elif path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if file.is_file()]
            inside = [file for file in inside if not _is_hidden(file.relative_to(path))]
            videos = [file for file in inside if is_video(file) and not is_below(file, output)]
            found.update(
                {os.path.realpath(file): (file, file.relative_to(path)) for file in videos}
            )
            if len(videos) < len(inside) or not videos:
                rest.append(each)
        elif not path.exists() and glob.has_magic(each):
            matches = [Path(file) for file in sorted(glob.glob(each, recursive=True))]
            videos = [file for file in matches if is_video(file) and not is_below(file, output)]
            found.update({os.path.realpath(file): (file, Path(file.name)) for file in videos})
            if len(videos) < len(matches) or not videos:
                rest.append(each)
        elif is_video(path):
            found[os.path.realpath(path)] = (path, Path(path.name))
        else:
            rest.append(each)
    return tuple(_plan_targets(list(found.values()), output)), tuple(rest)


def _plan_targets(found: Sequence[tuple[Path, Path]], output: str) -> list[PlannedVideo]:
    into = Path(output)
    suffix = into.suffix.lower()
    is_folder = into.is_dir() or output.endswith(("/", os.sep)) or not suffix
    if not is_folder:
        if len(found) > 1:
            raise VideoError(
                f"{output} is the name of one video, and there are several. Name a folder."
            )
        return [PlannedVideo(source, into) for source, _ in found]
    names = name_results([relative for _, relative in found], None, FORMATS, ".mp4")
    return [
        PlannedVideo(source, into / name) for (source, _), name in zip(found, names, strict=True)
    ]


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith(".") for part in relative.parts)
