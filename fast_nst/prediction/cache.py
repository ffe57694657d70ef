"""Predicted filters, kept in the user's cache by their pictures' hash; torch only to make one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fast_nst.config import find_style, style_digest
from fast_nst.errors import CheckpointError, ConfigError
from fast_nst.paths import asset_path, cache_dir

DEFAULT_NETWORK = "quarter"


def cached_filter(style: str, *, knobs: bool = False) -> Path:
    """The filter of a picture, made now if it is not in the cache.

    Args:
        style: an image file, or the name of a bundled style.
        knobs: whether its strength and stroke size can be chosen, which takes longer to make.

    Raises:
        ImageError, ConfigError: As ``make_filter`` does; ConfigError also if the cache cannot be
            written to.
    """
    name, picture = find_style(style)
    try:
        digest = style_digest([picture])
    except OSError as error:
        raise ConfigError(f"{style} cannot be read ({error.strerror}).") from error
    # Another predictor, in another version of fast_nst, makes another filter.
    predictor = asset_path(f"predictors/{DEFAULT_NETWORK}.safetensors").read_bytes()
    version = hashlib.sha256(predictor).hexdigest()
    folder = f"{digest[:20]}-{version[:12]}" + ("-knobs" if knobs else "")
    file = cache_dir() / "filters" / folder / f"{name}.safetensors"
    if file.is_file():
        return file

    try:
        return _make(file, style, knobs)
    except CheckpointError as error:
        raise ConfigError(
            f"cannot write to the cache {file.parent} ({error.__cause__}). Set FAST_NST_CACHE to a "
            "folder that you may write to."
        ) from error


def _make(file: Path, style: str, knobs: bool) -> Path:
    from fast_nst.filters.checkpoint import save_filter
    from fast_nst.prediction.make import make_filter
    from fast_nst.prediction.styled import make_styles, save_styles

    if knobs:
        return save_styles(file, make_styles([style], DEFAULT_NETWORK))
    made = make_filter([style], DEFAULT_NETWORK)
    return save_filter(file, made.network, made.metadata)
