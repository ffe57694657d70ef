"""Read what a filter file says of itself, without its weights and without torch."""

from __future__ import annotations

import json
from pathlib import Path

from fast_nst.errors import CheckpointError
from fast_nst.filter_metadata import KEY, FilterMetadata, parse_metadata
from fast_nst.image.formats import READ_SUFFIXES
from fast_nst.onnx.session import read_graph_metadata
from fast_nst.paths import asset_path


def read_metadata(path: str | Path) -> FilterMetadata:
    """Read the metadata of a filter file, or of an ONNX model made from one, without its weights.

    Raises:
        CheckpointError: If the file is missing, is not a filter, or has a newer format.
    """
    path = Path(path)
    if path.suffix == ".ckpt":
        from fast_nst.filters.checkpoint import read_lightning  # needs torch

        return read_lightning(path)[0]
    if path.suffix.lower() == ".onnx":
        return read_graph_metadata(path)
    if not path.is_file():
        if asset_path(f"styles/{path.stem}.webp").is_file():
            raise CheckpointError(
                f"{path}: no such file, and {path.stem} is a bundled style. Paint in it: fast-nst "
                f"stylize --style {path.stem}; or train a filter: python -m fast_nst.train "
                f"style={path.stem}."
            )
        raise CheckpointError(f"{path}: no such file. Train one: python -m fast_nst.train.")
    if path.suffix.lower() in READ_SUFFIXES:
        raise CheckpointError(
            f"{path} is a picture, not a filter. To paint in its style: fast-nst stylize --style "
            f"{path}."
        )
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} is not a filter file, or is damaged ({error}). "
            "Give a .safetensors file that fast_nst wrote."
        ) from error
    if KEY not in metadata:
        raise CheckpointError(
            f"{path} is a safetensors file, but not a fast_nst filter: it has no {KEY!r} metadata."
        )
    try:
        document = json.loads(metadata[KEY])
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path}: its {KEY!r} metadata is damaged ({error}).") from error
    return parse_metadata(document, path)
