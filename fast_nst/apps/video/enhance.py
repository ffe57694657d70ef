"""Give videos the look of photographs: find the shots first, then apply one look to each."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import closing

import numpy as np
import torch
from torch import Tensor

from fast_nst.apps.video.color import white_of
from fast_nst.apps.video.decode import ClipReader
from fast_nst.apps.video.pictures import PictureReader, is_animated_image
from fast_nst.apps.video.stylize import VideoReport, check_options, stylize_video
from fast_nst.batch.enhance import Array, Enhancer, Grader, ShotByShot
from fast_nst.errors import VideoError
from fast_nst.image.arrays import ArrayImage
from fast_nst.photo.shots import SIDE

PathLike = str | os.PathLike[str]


class ShotFilter:
    """A filter of frames that gives each shot its look.

    Args:
        painter: of ``Enhancer.for_clip``, for one clip; or of a LUT, for any.
    """

    device = torch.device("cpu")

    def __init__(self, painter: ShotByShot | Grader) -> None:
        self._painter = painter

    def __call__(self, frame: Tensor, /) -> Tensor:
        """Give (3, H, W) in [0, 1], which comes after the one before, the look of its shot."""
        return torch.from_numpy(self._painter.stylize_arrays(ArrayImage(frame.numpy())).rgb)


def enhance_video(
    enhancer: Enhancer | Grader,
    source: PathLike,
    target: PathLike,
    *,
    deinterlace: str = "auto",
    frames: int | None = None,
    **settings: object,
) -> VideoReport:
    """Write a video whose shots have the look of the enhancer's references.

    Args:
        enhancer: references and options, or a LUT.
        source: any video that FFmpeg reads.
        target: as for :func:`~fast_nst.apps.video.stylize.stylize_video`.
        deinterlace: likewise.
        frames: likewise.
        **settings: its other arguments: ``codec``, ``quality``, ``depth`` and so on.

    Raises:
        VideoError, ConfigError, VideoInterrupted: As there, and as :func:`fit_clip` does.
    """
    filter_ = fit_clip(enhancer, source, deinterlace=deinterlace, frames=frames)
    return stylize_video(
        filter_,
        source,
        target,
        deinterlace=deinterlace,
        frames=frames,
        **settings,  # type: ignore[arg-type]
    )


def fit_clip(
    enhancer: Enhancer | Grader,
    source: PathLike,
    *,
    deinterlace: str = "auto",
    frames: int | None = None,
) -> ShotFilter:
    """Read a video once, small, and fit a look to each of its shots; for a LUT, nothing.

    Args:
        enhancer: references and options, or a LUT.
        source: the video.
        deinterlace: as it will be read again.
        frames: only so many.

    Raises:
        VideoError: If it cannot be read, or has no frames.
        ConfigError: If PyAV is not installed, or the enhancer has masks.
    """
    check_options(0, frames)
    if isinstance(enhancer, Grader):
        return ShotFilter(enhancer)
    with closing(_small_frames(source, deinterlace, frames)) as small:
        painter = enhancer.for_clip(small)
    if not painter.frames:
        raise VideoError(f"{source} has no frames that can be decoded. Download it again.")
    return ShotFilter(painter)


def _small_frames(
    source: PathLike, deinterlace: str, frames: int | None
) -> Generator[Array, None, None]:
    open_clip: Callable[[], PictureReader | ClipReader] = (
        (lambda: PictureReader(source))
        if is_animated_image(source)
        else (lambda: ClipReader(source, short_side=2 * SIDE, deinterlace=deinterlace))
    )
    reader = open_clip()
    try:
        done = 0
        for item in reader:
            if item.rgb is None:
                continue
            rgb = np.ascontiguousarray(item.rgb.transpose(2, 0, 1))
            yield (rgb / np.float32(white_of(item.rgb))).clip(0, 1)
            done += 1
            if done == frames:
                return
    finally:
        reader.close()
