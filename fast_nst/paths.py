"""Where the package's own files lie; no torch in here."""

from __future__ import annotations

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
