"""Enhance an image file in strips: besides the decoded file and the result, memory is fixed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fast_nst.batch.paint import Saving
from fast_nst.image.animation import page_numbers
from fast_nst.image.deep_write import save_deep
from fast_nst.image.depths import choose_depth, lost_depth
from fast_nst.image.formats import HOLDS_ALPHA, check_size, image_format, save
from fast_nst.image.io import open_image, replace_file
from fast_nst.image.metadata import read_metadata
from fast_nst.image.notes import read_with_notes
from fast_nst.photo.fitting import reduce, reduction

if TYPE_CHECKING:
    from fast_nst.batch.enhance import Enhancer, Grader
    from fast_nst.image.pixels import Pixels

Array = npt.NDArray[np.float32]

LARGE = 32_000_000  # pixels; images up to there are computed as a whole, beside others
_STRIP = 1 << 17  # pixels that are computed at once


def is_large(source: Path) -> bool:
    """Whether an image is computed in strips: it is large, and of one page."""
    with open_image(source) as image:
        return image.width * image.height > LARGE and len(page_numbers(image)) == 1


def write_large(
    enhancer: Enhancer | Grader, source: Path, target: Path, *, saving: Saving
) -> tuple[str, ...]:
    """Enhance one image file; the result is that of the whole image.

    Args:
        enhancer: references and options, or a LUT.
        source: the image.
        target: where to, in the format that its name ends in.
        saving: how it is written.

    Returns:
        What of the source the result lacks, as parts of sentences.

    Raises:
        ImageError: If a file cannot be read or written.
    """
    kind = image_format(target)
    with open_image(source) as image:
        pixels, notes = read_with_notes(image)
        metadata = read_metadata(image) if saving.keep_metadata else None
    check_size(kind, pixels.size)
    lost = [*notes]
    if note := lost_depth(kind, pixels.depth, saving.depth):
        lost.append(note)
    depth = choose_depth(kind, pixels.depth, saving.depth)
    with _covered(pixels) as read:
        result = _enhance(enhancer, pixels, read, deep=depth > 8, alpha=kind in HOLDS_ALPHA)
    del pixels
    with replace_file(target) as file:
        if result.dtype == np.uint8:
            whole = Image.fromarray(result)
            save([whole], kind, file, quality=saving.quality, metadata=metadata)
        else:
            save_deep(result, kind, depth, file, quality=saving.quality, metadata=metadata)
    return tuple(lost)


@contextlib.contextmanager
def _covered(pixels: Pixels) -> Iterator[Callable[[int, int], Array]]:
    """A function that reads rows of colors, the hidden ones covered."""
    if pixels.alpha is None:
        yield pixels.rgb
        return
    from fast_nst.tiling.cover import CoveredRows

    width, height = pixels.size
    rows = CoveredRows(lambda a, b: (pixels.rgb(a, b), pixels.opacity(a, b)), (height, width))
    with closing(rows):
        yield rows.rows


def _enhance(
    enhancer: Enhancer | Grader,
    pixels: Pixels,
    read: Callable[[int, int], Array],
    *,
    deep: bool,
    alpha: bool,
) -> npt.NDArray[Any]:
    """The result as files hold it: (H, W, 3 or 4), of 8 or 16 bits."""
    width, height = pixels.size
    step = max(1, _STRIP // width)
    rows = enhancer.rows(lambda: _shrink(pixels, read), (height, width))
    keeps = alpha and pixels.alpha is not None
    white = 65535 if deep else 255
    result = np.empty((height, width, 4 if keeps else 3), np.uint16 if deep else np.uint8)

    def compute(top: int) -> None:
        bottom = min(top + step, height)
        found = rows.apply(read(top, bottom), top)
        if pixels.alpha is not None:
            share = pixels.opacity(top, bottom)
            if keeps:
                result[top:bottom, :, 3] = np.rint(share[0] * white)
            else:
                found = found * share + (1 - share)
        result[top:bottom, :, :3] = np.rint(found * white).transpose(1, 2, 0)

    # What covers hidden colors reads one file from several places, which threads cannot.
    threads = None if pixels.alpha is None else 1
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(compute, range(0, height, step)))
    return result


def _shrink(pixels: Pixels, read: Callable[[int, int], Array]) -> tuple[Array, Array | None]:
    """A copy that is small, but not smaller than what is measured, and its opacity."""
    width, height = pixels.size
    factor = reduction(height, width)
    step = factor * max(1, _STRIP // (width * factor))

    def reduced(rows: Callable[[int, int], Array]) -> Array:
        strips = []
        for top in range(0, height, step):
            strips.append(reduce(rows(top, min(top + step, height)), factor))
        return np.concatenate(strips, 1)

    return reduced(read), None if pixels.alpha is None else reduced(pixels.opacity)[0]
