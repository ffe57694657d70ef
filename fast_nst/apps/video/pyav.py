"""PyAV, which is an extra, and is imported where it is used."""

from __future__ import annotations

from typing import Any

from fast_nst.errors import ConfigError


def import_av() -> Any:
    """Import PyAV.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise ConfigError("Install video support: pip install 'fast-nst[video]'") from error
    return av
