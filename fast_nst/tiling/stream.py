"""Stylize an image file in a given amount of memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from fast_nst.errors import ConfigError, ImageError
from fast_nst.image.animation import page_numbers
from fast_nst.image.deep_write import TiffPages, save_deep
from fast_nst.image.depths import choose_depth, lost_depth
from fast_nst.image.formats import HOLDS_ALPHA, PAGED, check_size, image_format, save
from fast_nst.image.io import open_image, replace_file
from fast_nst.image.metadata import Metadata, read_metadata
from fast_nst.image.notes import read_with_notes
from fast_nst.image.pixels import Pixels
from fast_nst.lut import Lut
from fast_nst.networks.guided import GuidedNetwork
from fast_nst.tiling.cover import CoveredRows
from fast_nst.tiling.scratch import RowStore
from fast_nst.tiling.segments import SegmentedNetwork
from fast_nst.tiling.strips import (
    CutNetwork,
    TileProgress,
    cut_network,
    resident_memory,
    stylize_rows,
)

_ROWS = 64  # that are read and written at once
# How many times the decoded image encoders of more than 8 bits take; that of TIFF works in strips.
_DEEP_COPIES = {"PNG": 3, "AVIF": 7, "EXR": 6}
_SLACK = 100e6  # bytes that the allocator and the coders take besides; it varies by as much


class HoldsNetwork(Protocol):
    """The part of a ``Stylizer`` that strips need; that class lies above this module."""

    @property
    def network(self) -> nn.Module:
        """The network, on the CPU."""


@dataclass(frozen=True)
class Grading:
    """LUTs that an image goes through: before the filter, and after it."""

    before: Lut | None = None
    after: Lut | None = None


_UNGRADED = Grading()


@dataclass(frozen=True)
class _Limits:
    """What a page is computed within, of which file it is, and its LUTs."""

    source: str | os.PathLike[str]
    memory: float
    on_progress: Callable[[TileProgress], None] | None
    grading: Grading


def stylize_file_streamed(
    stylizer: HoldsNetwork | CutNetwork,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    memory: float,
    quality: int | None = None,
    depth: int | None = None,
    keep_metadata: bool = True,
    grading: Grading = _UNGRADED,
    on_progress: Callable[[TileProgress], None] | None = None,
) -> tuple[str, ...]:
    """Stylize an image file; the result is that of the whole image, but for rounding.

    Args:
        stylizer: the filter; or its network, cut already.
        source: the image, as ``read_image`` takes it; of an animation, the first frame is read.
        target: where to, as ``write_image`` takes it. Of several pages, a TIFF gets all, and any
            other format the first.
        memory: bytes that the whole process may hold, PyTorch and the decoded file (4 bytes per
            pixel, 6 with more than 8 bits, twice that with transparency) included. The rest goes
            to temporary files, up to about 100 bytes per pixel.
        quality: 1 to 100, as ``write_image`` takes it.
        depth: bits per channel, 8, 10 or 16; None for as many as the image has.
        keep_metadata: copy what stays true of the image.
        grading: LUTs for the image and the result.
        on_progress: called as :func:`fast_nst.tiling.strips.stylize_rows` does, for every page.

    Returns:
        What of the source the result lacks, as parts of sentences.

    Raises:
        ImageError: If a file cannot be read or written, or there is no room for temporary files.
        ConfigError: If ``memory`` is too little.
    """
    kind = image_format(target)
    # First, as PyTorch loads its kernels when they are first used: they count as memory, too.
    network = (
        stylizer
        if isinstance(stylizer, SegmentedNetwork | GuidedNetwork)
        else cut_network(stylizer.network)
    )
    limits = _Limits(source, memory, on_progress, grading)
    with open_image(source) as image:
        numbers = page_numbers(image)
    lost: dict[str, None] = {}
    if len(numbers) > 1 and kind not in PAGED:
        lost[f"has {len(numbers)} pages, and {kind} holds one: the first was taken"] = None
        numbers = numbers[:1]
    with contextlib.ExitStack() as files:
        pages: TiffPages | None = None
        for number in numbers:
            pixels, metadata, notes = _open(source, number)
            lost |= dict.fromkeys(notes)
            if note := lost_depth(kind, pixels.depth, depth):
                lost[note] = None
            check_size(kind, pixels.size)
            chosen = choose_depth(kind, pixels.depth, depth)
            decoded = [pixels]
            del pixels  # so that the decoded image makes room for the computation
            whole = _stylize_page(network, decoded, kind, chosen, limits)
            kept = metadata if keep_metadata else None
            if len(numbers) > 1:
                if pages is None:
                    pages = files.enter_context(
                        closing(TiffPages(files.enter_context(replace_file(target))))
                    )
                pages.add(np.asarray(whole), kept)
                continue
            with replace_file(target) as file:
                if isinstance(whole, Image.Image):
                    save([whole], kind, file, quality=quality, metadata=kept)
                else:
                    save_deep(whole, kind, chosen, file, quality=quality, metadata=kept)
    return tuple(lost)


def _open(
    source: str | os.PathLike[str], number: int
) -> tuple[Pixels, Metadata | None, tuple[str, ...]]:
    """One page: upright sRGB pixels, metadata, and what is left out."""
    with open_image(source) as image:
        if number:
            image.seek(number)
        pixels, notes = read_with_notes(image)
        return pixels, read_metadata(image), notes


def _stylize_page(
    network: CutNetwork, decoded: list[Pixels], kind: str, depth: int, limits: _Limits
) -> Image.Image | npt.NDArray[np.uint16]:
    """Compute one image.

    Args:
        network: cut already.
        decoded: the image, which is taken out and freed.
        kind: format of the result.
        depth: bits per channel of the result.
        limits: what it is computed within.

    Returns:
        For 8 bits, a Pillow image; else (H, W, 3 or 4), 0 to 65535.
    """
    pixels = decoded.pop()
    width, height = pixels.size
    deep, has_alpha = depth > 8, pixels.alpha is not None
    held = (6 if deep else 4) * (2 if has_alpha and kind in HOLDS_ALPHA else 1)
    encoded = held * (_DEEP_COPIES.get(kind, 1) if deep else 1)
    in_memory = max(pixels.bytes_per_pixel, encoded) * width * height
    in_file = torch.uint16 if deep else torch.uint8
    # Covered colors are stored as they are: rounded ones would be others than those of the whole.
    # So would be graded ones.
    before, after = limits.grading.before, limits.grading.after
    exact = has_alpha or pixels.depth > 8 or before is not None
    content_type = torch.float32 if exact else torch.uint8
    with contextlib.ExitStack() as files:
        content = files.enter_context(RowStore((1, 3, height, width), content_type))
        result = files.enter_context(RowStore((1, 3, height, width), in_file))
        opacity = None
        if has_alpha:
            opacity = files.enter_context(RowStore((1, 1, height, width), in_file))
        _store(pixels, content, opacity, before)
        del pixels

        def write(top: int, rows: Tensor) -> None:
            if not rows.isfinite().all():
                raise ImageError(
                    f"cannot stylize {limits.source}: the result is not finite; the filter may be "
                    "damaged. Train it again, or use another."
                )
            if after is not None:
                rows = torch.from_numpy(after.apply_planes(rows[0].numpy()))[None]
            result.write(top, _to_integers(rows, in_file))

        # The result will be decoded as the image was.
        least = resident_memory() + max(in_memory, _SLACK) + _SLACK
        if limits.memory < least:
            raise ConfigError(
                f"memory is {limits.memory / 1e9:.2f} GB; this image takes at least "
                f"{least / 1e9:.2f} GB. Give more, or use a smaller copy."
            )
        stylize_rows(
            network,
            (height, width),
            lambda top, bottom: _to_floats(content.read(top, bottom)),
            write,
            memory=limits.memory - resident_memory() - _SLACK,
            on_progress=limits.on_progress,
        )
        content.close()
        return _assemble(result, opacity, (width, height), kind, deep)


def _store(pixels: Pixels, content: RowStore, opacity: RowStore | None, lut: Lut | None) -> None:
    """Put the image on disk, with its hidden colors covered, and graded."""
    width, height = pixels.size
    with contextlib.ExitStack() as files:
        covered = None
        if opacity is not None:
            covered = files.enter_context(
                closing(
                    CoveredRows(
                        lambda a, b: (pixels.rgb(a, b), pixels.opacity(a, b)), (height, width)
                    )
                )
            )
        for top in range(0, height, _ROWS):
            bottom = min(top + _ROWS, height)
            rows = pixels.rgb(top, bottom) if covered is None else covered.rows(top, bottom)
            if lut is not None:
                rows = lut.apply_planes(rows)
            tensor = torch.from_numpy(rows)[None]
            integers = content.dtype == torch.uint8
            content.write(top, _to_integers(tensor, content.dtype) if integers else tensor)
            if opacity is not None:
                alpha = torch.from_numpy(pixels.opacity(top, bottom))[None]
                opacity.write(top, _to_integers(alpha, opacity.dtype))


def _assemble(
    result: RowStore, opacity: RowStore | None, size: tuple[int, int], kind: str, deep: bool
) -> Image.Image | npt.NDArray[np.uint16]:
    width, height = size
    kept = opacity is not None and kind in HOLDS_ALPHA
    values: Any = np.empty((height, width, 4 if kept else 3), np.uint16) if deep else None
    whole = Image.new("RGBA" if kept else "RGB", size) if not deep else None
    for top in range(0, height, _ROWS):
        bottom = min(top + _ROWS, height)
        rows = result.read(top, bottom)
        if opacity is not None:
            alpha = opacity.read(top, bottom)
            if kept:
                rows = torch.cat([rows, alpha], dim=1)
            else:  # laid on white
                share = _to_floats(alpha)
                rows = _to_integers(_to_floats(rows) * share + (1 - share), result.dtype)
                rows = rows.to(result.dtype)
        strip = np.ascontiguousarray(rows[0].permute(1, 2, 0).numpy())
        if whole is None:
            values[top:bottom] = strip
        else:
            whole.paste(Image.fromarray(strip), (0, top))
    return values if whole is None else whole


def _to_integers(rows: Tensor, dtype: torch.dtype) -> Tensor:
    """Round values in [0, 1] to those of an integer type, as floating point."""
    return (rows.clamp(0, 1) * _TOPS[dtype]).round()


def _to_floats(rows: Tensor) -> Tensor:
    return rows if rows.dtype == torch.float32 else rows.float().div_(_TOPS[rows.dtype])


_TOPS = {torch.uint8: 255, torch.uint16: 65535}
