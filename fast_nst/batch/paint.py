"""One loaded image file becomes the content of another, and what is lost on the way is said."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
from PIL import Image

from fast_nst.errors import ConfigError
from fast_nst.image.animation import Animation, Pages
from fast_nst.image.arrays import Array, ArrayImage, array_to_deep, array_to_pil, encode_array
from fast_nst.image.depths import ASKED, choose_depth, lost_depth
from fast_nst.image.formats import ANIMATED, PAGED, Timing, encode
from fast_nst.inference.controls import Controls
from fast_nst.inference.image_filter import ArrayPainter

Encoder = Callable[[], bytes]
Loaded = ArrayImage | Animation | Pages


@runtime_checkable
class FitsClips(Protocol):
    """A painter that must know all frames of an animation before it paints the first."""

    def for_clip(self, frames: Iterable[Array]) -> ArrayPainter:
        """What paints these frames, (3, H, W) each, in their order."""
        ...


@dataclass(frozen=True)
class Saving:
    """How results are written.

    Attributes:
        quality: 1 to 100, for JPEG, WebP and AVIF; None for the format's default.
        keep_metadata: copy the metadata that stay true: author, copyright, dates, camera,
            resolution.
        depth: bits per channel, 8, 10 or 16; None for as many as the image has, where the format
            of the result holds them.

    Raises:
        ConfigError: If a value is outside its range.
    """

    quality: int | None = None
    keep_metadata: bool = True
    depth: int | None = None

    def __post_init__(self) -> None:
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise ConfigError(f"quality is {self.quality}; expected 1 to 100.")
        if self.depth is not None and self.depth not in ASKED:
            raise ConfigError(f"depth is {self.depth}; expected one of 8, 10 and 16 bits.")


def paint(
    stylizer: ArrayPainter, loaded: Loaded, kind: str, controls: Controls, saving: Saving
) -> tuple[Encoder, tuple[str, ...]]:
    """Stylize every frame or page that a format can hold.

    Args:
        stylizer: the filter.
        loaded: an image, an animation, or pages.
        kind: format of the result, such as ``"PNG"``.
        controls: how the filter is applied.
        saving: how the result is written.

    Returns:
        A function that encodes the result, and what of the source it lacks, as parts of sentences.

    Raises:
        ImageError: If a frame or page is damaged, or the format does not hold the depth.
    """
    if isinstance(loaded, Animation) and kind in ANIMATED:
        return _paint_frames(stylizer, loaded, kind, controls, saving)
    if isinstance(loaded, Pages) and kind in PAGED:
        return _paint_pages(stylizer, loaded, kind, controls, saving)
    lost: list[str] = []
    if isinstance(loaded, Animation):
        lost.append(f"has {loaded.count} frames, and {kind} holds one: the first was taken")
        loaded, _ = next(loaded.frames())
    elif isinstance(loaded, Pages):
        lost.append(only_first_page(loaded.count, kind))
        loaded = next(loaded.pages())
    stylized, more = _paint_one(stylizer, loaded, kind, controls, saving)
    encoder = partial(encode_array, kind, stylized, quality=saving.quality, depth=saving.depth)
    return encoder, (*lost, *more)


def only_first_page(count: int, kind: str) -> str:
    """A part of a sentence on pages that a format does not hold."""
    return f"has {count} pages, and {kind} holds one: the first was taken"


def _paint_one(
    stylizer: ArrayPainter, image: ArrayImage, kind: str, controls: Controls, saving: Saving
) -> tuple[ArrayImage, tuple[str, ...]]:
    lost = [*image.notes]
    if note := lost_depth(kind, image.depth, saving.depth):
        lost.append(note)
    chosen = choose_depth(kind, image.depth, saving.depth)
    if chosen > 8 and min(chosen, 16) > stylizer.bits:
        lost.append(
            f"was painted by a model that computes with {stylizer.bits} bits per channel, and "
            f"written with {chosen}"
        )
    stylized = stylizer.stylize_arrays(image, controls)
    metadata = image.metadata if saving.keep_metadata else None
    return replace(stylized, metadata=metadata), tuple(lost)


def _paint_frames(
    stylizer: ArrayPainter, loaded: Animation, kind: str, controls: Controls, saving: Saving
) -> tuple[Encoder, tuple[str, ...]]:
    frames: list[Image.Image] = []
    durations_ms: list[float] = []
    lost = dict[str, None]()
    if isinstance(stylizer, FitsClips):
        stylizer = stylizer.for_clip(image.rgb for image, _ in loaded.frames())
    for image, duration_ms in loaded.frames():
        stylized = stylizer.stylize_arrays(image, controls)
        frames.append(array_to_pil(stylized.rgb, stylized.alpha))
        durations_ms.append(duration_ms)
        lost |= dict.fromkeys(image.notes)
    encoder = partial(
        encode,
        frames,
        kind,
        timing=Timing(tuple(durations_ms), loaded.plays),
        quality=saving.quality,
        metadata=loaded.metadata if saving.keep_metadata else None,
    )
    if (had := max(loaded.depth, saving.depth or 8)) > 8:
        lost[f"is animated: frames have 8 bits per channel, not {had}"] = None
    return encoder, tuple(lost)


def _paint_pages(
    stylizer: ArrayPainter, loaded: Pages, kind: str, controls: Controls, saving: Saving
) -> tuple[Encoder, tuple[str, ...]]:
    """Pages are compressed one by one, as all of them together may not fit into memory."""
    from fast_nst.image.deep_write import TiffPages

    file, lost = io.BytesIO(), dict[str, None]()
    with closing(TiffPages(file)) as pages:
        for page in loaded.pages():
            stylized, more = _paint_one(stylizer, page, kind, controls, saving)
            lost |= dict.fromkeys(more)
            if choose_depth(kind, page.depth, saving.depth) > 8:
                pages.add(array_to_deep(stylized.rgb, stylized.alpha), stylized.metadata)
            else:
                painted = array_to_pil(stylized.rgb, stylized.alpha)
                pages.add(np.asarray(painted), stylized.metadata)
    return file.getvalue, tuple(lost)
