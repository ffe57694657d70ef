"""Which versions are installed; no torch in here."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version(package: str) -> str:
    """The version of an installed package; "0+unknown" for one that is not, as a source tree."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "0+unknown"
