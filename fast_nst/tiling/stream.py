"""Stylize an image file in a given amount of memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from fast_nst.errors import ConfigError, ImageError
from fast_nst.image.arrays import array_to_pil
from fast_nst.image.formats import HOLDS_ALPHA, check_size, image_format, save
from fast_nst.image.io import open_image, replace_file, to_upright_srgb
from fast_nst.image.metadata import Metadata, read_metadata
from fast_nst.image.transparency import TRUSTED_OPACITY, cover_hidden_colors
from fast_nst.tiling.scratch import RowStore
from fast_nst.tiling.segments import SegmentedNetwork
from fast_nst.tiling.strips import TileProgress, resident_memory, stylize_rows

SMALL = 512  # px; the size at which hidden colors are covered
_SLACK = 100e6  # bytes that the allocator and the coders take besides; it varies by as much


class HoldsNetwork(Protocol):
    """The part of a ``Stylizer`` that strips need; that class lies above this module."""

    @property
    def network(self) -> nn.Module:
        """The network, on the CPU."""


def stylize_file_streamed(
    stylizer: HoldsNetwork | SegmentedNetwork,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    memory: float,
    quality: int | None = None,
    keep_metadata: bool = True,
    on_progress: Callable[[TileProgress], None] | None = None,
) -> None:
    """Stylize an image file; the result is that of the whole image, but for rounding.

    Args:
        stylizer: the filter; or its network, cut already.
        source: the image, as ``read_image`` takes it; of an animation, the first frame is read.
        target: where to, as ``write_image`` takes it.
        memory: bytes that the whole process may hold, PyTorch and the decoded file (4 bytes per
            pixel) included. The rest goes to temporary files, up to about 100 bytes per pixel.
        quality: 1 to 100, as ``write_image`` takes it.
        keep_metadata: copy what stays true of the image.
        on_progress: called as :func:`fast_nst.tiling.strips.stylize_rows` does.

    Raises:
        ImageError: If a file cannot be read or written, or there is no room for temporary files.
        ConfigError: If ``memory`` is too little.
    """
    kind = image_format(target)
    # First, as PyTorch loads its kernels when they are first used: they count as memory, too.
    if not isinstance(stylizer, SegmentedNetwork):
        stylizer = SegmentedNetwork(stylizer.network)
    color, alpha, metadata = _open(source)
    check_size(kind, color.size)
    width, height = color.size
    decoded = 4 * width * height * (2 if alpha else 1)
    with (
        RowStore((1, 3, height, width), torch.uint8) as content,
        RowStore((1, 3, height, width), torch.uint8) as result,
    ):
        read = _reader(color, alpha)
        for top in range(0, height, 64):
            content.write(top, _to_8_bit(read(top, min(top + 64, height))))
        del read, color  # the decoded image makes room for the computation

        def write(top: int, rows: Tensor) -> None:
            if not rows.isfinite().all():
                raise ImageError(
                    f"cannot stylize {source}: the result is not finite; the filter may be "
                    "damaged. Train it again, or use another."
                )
            result.write(top, _to_8_bit(rows))

        # The result will be decoded as the image was.
        least = resident_memory() + max(decoded, _SLACK) + _SLACK
        if memory < least:
            raise ConfigError(
                f"memory is {memory / 1e9:.2f} GB; this image takes at least "
                f"{least / 1e9:.2f} GB. Give more, or use a smaller copy."
            )
        stylize_rows(
            stylizer,
            (height, width),
            lambda top, bottom: content.read(top, bottom).float().div_(255),
            write,
            memory=memory - resident_memory() - _SLACK,
            on_progress=on_progress,
        )
        whole = _assemble(result, (width, height), alpha, kind)
        with replace_file(target) as file:
            save([whole], kind, file, quality=quality, metadata=metadata if keep_metadata else None)


def _open(
    source: str | os.PathLike[str],
) -> tuple[Image.Image, Image.Image | None, Metadata | None]:
    """Upright sRGB colors, 8 bits; opacity where there is any; and metadata."""
    with open_image(source) as image:
        return *to_upright_srgb(image), read_metadata(image)


def _reader(color: Image.Image, alpha: Image.Image | None) -> Callable[[int, int], Tensor]:
    """Rows of the image, (1, 3, h, W) in [0, 1], with hidden colors covered."""
    width, height = color.size
    covered = None if alpha is None else _cover_small(color, alpha)

    def read(top: int, bottom: int) -> Tensor:
        rows = _to_tensor(color.crop((0, top, width, bottom)))
        if alpha is None or covered is None:
            return rows
        if covered.size == color.size:
            return _to_tensor(covered.crop((0, top, width, bottom)))
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
    return array_to_pil(cover_hidden_colors(rgb[0].numpy(), opacity[0].numpy()))


def _assemble(
    result: RowStore, size: tuple[int, int], alpha: Image.Image | None, kind: str
) -> Image.Image:
    width, height = size
    kept = alpha is not None and kind in HOLDS_ALPHA
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


def _to_8_bit(rows: Tensor) -> Tensor:
    return (rows.clamp(0, 1) * 255).round()


def _to_tensor(image: Image.Image) -> Tensor:
    """(1, C, H, W), float32 in [0, 1]."""
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8))
    planes = pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)
    return planes[None].float() / 255
