"""Check which files a style transfer reads and writes, before the long work."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from fast_nst.errors import ConfigError, ImageError, suggest
from fast_nst.filters.checkpoint import Filter
from fast_nst.image.io import image_format
from fast_nst.optimize.options import INITS, PREDICTED
from fast_nst.prediction.make import make_filter
from fast_nst.runtimes.onnx_network import load_any


def load_init(init: str, styles: Sequence[Path]) -> Filter:
    """Load the filter whose painting the image is to start as, on the CPU.

    Args:
        init: a filter file, a training's ``.ckpt``, or an ONNX model that ``fast_nst`` wrote; or
            ``"predicted"`` for the filter that is made of the styles at once.
        styles: style images.

    Raises:
        ConfigError: If there is no such file.
        CheckpointError: If the file is no filter.
    """
    if init == PREDICTED:
        return make_filter(list(styles))
    known = (*INITS, PREDICTED)
    if not os.path.isfile(init):
        raise ConfigError(
            f"init is {init!r}, which is no file and none of {', '.join(known)}"
            f"{suggest(init, known)}. Give one of these, or the file of a filter."
        )
    return load_any(Path(init))


def preview_path(target: Path, iteration: int) -> Path:
    """Where the preview of an iteration goes: ``out_0050.png`` beside ``out.png``."""
    return target.with_stem(f"{target.stem}_{iteration:04d}")


def check_target(target: Path, sources: Iterable[Path], previews: bool) -> None:
    """Check whether a result can be written; leaves no file.

    Args:
        target: the result.
        sources: files that must stay as they are.
        previews: whether previews will be written beside it.

    Raises:
        ImageError: If the name's ending is no format, the folder cannot be written to, or a source
            would be overwritten.
    """
    image_format(target)
    folder = target.parent
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if target.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        # Permissions alone do not tell: the disk may be full or read-only.
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        why = error.strerror or str(error)
        raise ImageError(f"cannot write {target}: {why}. Choose another output.") from error
    a_preview = re.compile(re.escape(target.stem) + r"_\d{4,}" + re.escape(target.suffix))
    for source in sources:
        beside = source.resolve().parent == target.resolve().parent
        if (previews and beside and a_preview.fullmatch(source.name)) or (
            target.exists() and source.exists() and target.samefile(source)
        ):
            raise ImageError(
                f"{target} or its previews would overwrite the input {source}. "
                "Choose another output."
            )


def resize_alpha(alpha: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale the transparency of an image, (1, H, W) in [0, 1], to this height and width, px."""
    resized = F.interpolate(
        alpha[None], size=size, mode="bilinear", align_corners=False, antialias=True
    )
    return resized[0].clamp(0, 1)
