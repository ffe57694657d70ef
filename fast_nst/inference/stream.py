"""Stylize a picture file in a given amount of memory."""

from __future__ import annotations

import contextlib
import os
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fast_nst.errors import ConfigError, ImageError
from fast_nst.image import io
from fast_nst.image.transparency import TRUSTED_OPACITY, cover_hidden_colors
from fast_nst.inference.scratch import RowStore
from fast_nst.inference.segments import SegmentedNetwork
from fast_nst.inference.tiles import TileProgress, resident_memory, stylize_rows

if TYPE_CHECKING:
    from fast_nst.inference.stylizer import Stylizer

SMALL = 512  # px; the size at which hidden colors are covered
_SLACK = 60e6  # bytes that the allocator and the coders take besides


def stylize_file_streamed(
    stylizer: Stylizer,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    memory: float,
    on_progress: Callable[[TileProgress], None] | None = None,
) -> None:
    """Stylize a picture file; the result is that of the whole picture, but for rounding.

    Args:
        stylizer: the filter.
        source: the picture, as ``read_image`` takes it.
        target: where to, as ``write_image`` takes it.
        memory: bytes that the whole process may hold, PyTorch and the decoded file (4 bytes per
            pixel) included. The rest goes to temporary files, up to about 100 bytes per pixel.
        on_progress: called as :func:`fast_nst.inference.tiles.stylize_rows` does.

    Raises:
        ImageError: If a file cannot be read or written, or there is no room for temporary files.
        ConfigError: If ``memory`` is too little.
    """
    kind = io.image_format(target)
    # First, as PyTorch loads its kernels when they are first used: they count as memory, too.
    network = SegmentedNetwork(stylizer.network)
    color, alpha = _open(source)
    width, height = color.size
    decoded = 4 * width * height * (2 if alpha else 1)
    with (
        RowStore((1, 3, height, width), torch.uint8) as content,
        RowStore((1, 3, height, width), torch.uint8) as result,
    ):
        read = _reader(color, alpha)
        for top in range(0, height, 64):
            content.write(top, _to_8_bit(read(top, min(top + 64, height))))
        del read, color  # the decoded picture makes room for the computation

        def write(top: int, rows: Tensor) -> None:
            if not rows.isfinite().all():
                raise ImageError(
                    f"cannot stylize {source}: the result is not finite; the filter may be "
                    "damaged. Train it again, or use another."
                )
            result.write(top, _to_8_bit(rows))

        # The result will be decoded as the picture was.
        least = resident_memory() + max(decoded, _SLACK) + _SLACK
        if memory < least:
            raise ConfigError(
                f"memory is {memory / 1e9:.2f} GB; this picture takes at least "
                f"{least / 1e9:.2f} GB. Give more, or use a smaller copy."
            )
        stylize_rows(
            network,
            (height, width),
            lambda top, bottom: content.read(top, bottom).float() / 255,
            write,
            memory=memory - resident_memory() - _SLACK,
            on_progress=on_progress,
        )
        _save(Path(target), kind, _assemble(result, (width, height), alpha, kind))


def _open(source: str | os.PathLike[str]) -> tuple[Image.Image, Image.Image | None]:
    """Upright sRGB colors, 8 bits, and opacity where there is any, as Pillow images."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in read_image
        try:
            with Image.open(source) as image:
                image.load()
                profile = image.info.get("icc_profile")
                color, alpha = io._split_alpha(io._upright(image))
                color = io._to_srgb(io._to_8_bit(color), profile)
        except ImageError as error:
            raise ImageError(f"cannot read {source}: {error}") from error
        except Exception as error:  # decoders raise whatever they stumble on
            why = io._why_unreadable(Path(source), error)
            raise ImageError(f"cannot read {source}: {why}") from error
    opaque = alpha is None or alpha.getextrema() == (255, 255)
    return color, None if opaque else alpha


def _reader(color: Image.Image, alpha: Image.Image | None) -> Callable[[int, int], Tensor]:
    """Rows of the picture, (1, 3, h, W) in [0, 1], with hidden colors covered."""
    width, height = color.size
    covered = None if alpha is None else _cover_small(color, alpha)

    def read(top: int, bottom: int) -> Tensor:
        rows = _to_tensor(color.crop((0, top, width, bottom)))
        if alpha is None or covered is None:
            return rows
        scale = covered.height / height
        around = covered.resize(
            (width, bottom - top),
            Image.Resampling.BILINEAR,
            box=(0, top * scale, covered.width, bottom * scale),
        )
        trust = _to_tensor(alpha.crop((0, top, width, bottom))) / TRUSTED_OPACITY
        return torch.lerp(_to_tensor(around), rows, trust.clamp(max=1))

    return read


def _cover_small(color: Image.Image, alpha: Image.Image) -> Image.Image:
    """A small copy with the visible colors continued to where nothing is visible."""
    longest = max(color.size)
    width, height = (max(1, side * min(SMALL, longest) // longest) for side in color.size)
    # Nearest pixels: averages would mix hidden colors in, or take a premultiplied copy of it all.
    rgb, opacity = (
        _to_tensor(each.resize((width, height), Image.Resampling.NEAREST))
        for each in (color, alpha)
    )
    return io.picture_to_pil(cover_hidden_colors(rgb[0], opacity[0]))


def _assemble(
    result: RowStore, size: tuple[int, int], alpha: Image.Image | None, kind: str
) -> Image.Image:
    width, height = size
    kept = alpha is not None and kind in io._HOLDS_ALPHA
    whole = Image.new("RGBA" if kept else "RGB", size)
    for top in range(0, height, 64):
        rows = result.read(top, min(top + 64, height))[0].permute(1, 2, 0)
        strip = Image.fromarray(np.ascontiguousarray(rows.numpy()))
        if alpha is not None:
            opacity = alpha.crop((0, top, width, top + strip.height))
            if kept:
                strip.putalpha(opacity)
            else:  # laid on white
                strip = Image.composite(strip, Image.new("RGB", strip.size, "white"), opacity)
        whole.paste(strip, (0, top))
    return whole


def _save(path: Path, kind: str, image: Image.Image) -> None:
    """Write a file that appears when it is complete, or not at all."""
    temporary = path.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            image.save(file, format=kind, **io._SAVE_OPTIONS[kind])
        temporary.replace(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise ImageError(
            f"cannot write {path}: {why}. Check the folder's permissions and the free space."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # where a parent is a file, there is nothing to remove
            temporary.unlink(missing_ok=True)


def _to_8_bit(rows: Tensor) -> Tensor:
    return (rows.clamp(0, 1) * 255).round()


def _to_tensor(image: Image.Image) -> Tensor:
    """(1, C, H, W), float32 in [0, 1]."""
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8))
    planes = pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)
    return planes[None].float() / 255
