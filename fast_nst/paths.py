"""Where the package's own files lie; no torch in here."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def config_dir() -> Path:
    """The folder of Hydra configs: ``conf/`` beside the package in a checkout, else inside it.

    Raises:
        FileNotFoundError: If neither holds train.yaml, so the installation is damaged.
    """
    candidates = (PACKAGE / "conf", PACKAGE.parent / "conf")
    for folder in candidates:
        if (folder / "train.yaml").is_file():
            return folder
    raise FileNotFoundError(f"no train.yaml in {candidates[0]} or {candidates[1]}: reinstall.")


def asset_path(name: str) -> Path:
    """The path of a bundled file under ``fast_nst/assets``."""
    return PACKAGE / "assets" / name


def cache_dir() -> Path:
    """Where files may be kept that can be made again: ``FAST_NST_CACHE``, or the user's cache."""
    if own := os.environ.get("FAST_NST_CACHE"):
        return Path(own).expanduser()
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "fast_nst"
