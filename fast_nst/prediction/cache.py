"""Predicted filters, kept in the user's cache by their pictures' hash; torch only to make one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fast_nst.config import find_style, style_digest
from fast_nst.errors import CheckpointError, ConfigError
from fast_nst.paths import asset_path, cache_dir

DEFAULT_NETWORK = "quarter"
FILTER_VERSION = 2  # of what is made with a predictor; 1 had codes for larger strokes
REAL_TIME_NETWORK = "mobile"  # on CPUs, and in browsers without WebGPU


def cached_filter(style: str, *, knobs: bool = False) -> Path:
    """The filter of a picture, made now if it is not in the cache.

    Args:
        style: an image file, or the name of a bundled style.
        knobs: whether its strength and stroke size can be chosen, which takes longer to make.

    Raises:
        ImageError, ConfigError: As ``make_filter`` does; ConfigError also if the cache cannot be
            written to.
    """
    name, digest = _identify(style)
    folder = f"{digest[:20]}-{_version(DEFAULT_NETWORK)}" + ("-knobs" if knobs else "")
    file = cache_dir() / "filters" / folder / f"{name}.safetensors"
    if not file.is_file():
        with _writing(file):
            _make(file, style, knobs)
    return file


def cached_styles(styles: Sequence[str], network: str = REAL_TIME_NETWORK) -> Path:
    """A filter with each picture as a style of its own, made now if it is not in the cache.

    Args:
        styles: image files, or names of bundled styles; one or more.
        network: one of ``predictor_names()``.

    Raises:
        ImageError, ConfigError: As ``make_styles`` does; ConfigError also if the cache cannot be
            written to.
    """
    digest = hashlib.sha256(repr([_identify(style) for style in styles]).encode()).hexdigest()
    folder = f"{digest[:20]}-{_version(network)}-each"
    file = cache_dir() / "filters" / folder / "styles.safetensors"
    if not file.is_file():
        from fast_nst.prediction.styled import make_styles, save_styles

        with _writing(file):
            save_styles(file, make_styles(styles, network))
    return file


def _identify(style: str) -> tuple[str, str]:
    """A style's name, and the hash of its picture."""
    name, picture = find_style(style)
    try:
        return name, style_digest([picture])
    except OSError as error:
        raise ConfigError(f"{style} cannot be read ({error.strerror}).") from error


def _version(network: str) -> str:
    """Of the predictor, the bundled filter, and of what is made of them: each may be another."""
    found = hashlib.sha256()
    for folder in ("predictors", "trained"):
        file = asset_path(f"{folder}/{network}.safetensors")
        if file.is_file():
            found.update(file.read_bytes())
    return f"{found.hexdigest()[:12]}-{FILTER_VERSION}"


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
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
