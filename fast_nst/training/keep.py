"""Write a training's filter and preview, and keep those that they replace."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import torch
from torch import Tensor

from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import STYLED
from fast_nst.filters.checkpoint import Filter, save_filter
from fast_nst.image.io import write_image

HEADER_BYTES = 8  # of a safetensors file: the length of the JSON that comes before the weights


def write_result(
    run_dir: Path, output_dir: Path, name: str, trained: Filter, preview: Tensor
) -> list[str]:
    """Write ``<name>.safetensors`` and ``<name>.png`` to both folders.

    A filter of several styles is written in half precision, as those are that nothing trained.

    Files of another training in ``output_dir`` are renamed, unless this is the
    run's own folder, or the weights are the same.

    Args:
        run_dir: the run's own folder.
        output_dir: where users look for the filter; it may be the same.
        name: of the files.
        trained: the filter.
        preview: (3, H, W) in [0, 1].

    Returns:
        What the user should know, a line each.
    """
    dtype = torch.float16 if trained.metadata.network == STYLED else torch.float32
    own = run_dir / f"{name}.safetensors"
    save_filter(own, trained.network, trained.metadata, dtype)
    write_image(own.with_suffix(".png"), preview)
    if output_dir.resolve() == run_dir.resolve():
        return []
    notes = []
    shown = output_dir / own.name
    if shown.is_file() and _weights(shown) != _weights(own):
        notes.append(f"the earlier {shown} is kept as {_put_aside(shown)}")
    save_filter(shown, trained.network, trained.metadata, dtype)
    write_image(shown.with_suffix(".png"), preview)
    return notes


def _put_aside(filter_file: Path) -> Path:
    """Rename a filter and its preview after the time when they were written."""
    written = datetime.fromtimestamp(filter_file.stat().st_mtime)
    stem = f"{filter_file.stem}.{written:%Y-%m-%d_%H%M%S}"
    kept = filter_file.with_name(f"{stem}.safetensors")
    number = 1
    while kept.exists():
        number += 1
        kept = filter_file.with_name(f"{stem}_{number}.safetensors")
    preview = filter_file.with_suffix(".png")
    try:
        filter_file.rename(kept)
        if preview.is_file():
            preview.rename(kept.with_suffix(".png"))
    except OSError as error:
        raise ConfigError(
            f"{filter_file} cannot be renamed ({error.strerror}), and is not overwritten."
        ) from error
    return kept


def _weights(file: Path) -> bytes:
    """The tensors of a safetensors file, without the header, which says when it was made."""
    content = file.read_bytes()
    start = HEADER_BYTES + int.from_bytes(content[:HEADER_BYTES], "little")
    return content[start:]
