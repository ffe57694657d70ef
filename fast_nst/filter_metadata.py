"""What a filter file says of itself, in whichever format; no torch in here."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fast_nst.errors import CheckpointError

FORMAT_VERSION = 1
KEY = "fast_nst"


@dataclass(frozen=True)
class FilterMetadata:
    """What a filter file says of itself.

    Attributes:
        style: name of the style.
        network: name of the network, a key of ``networks.NETWORKS``.
        network_arguments: what it is built with.
        style_sha256: of the style picture's file, hexadecimal.
        style_thumbnail: a WebP picture, base64.
        config: the resolved training configuration.
        losses: unweighted losses on the validation pictures at the end.
        versions: of the libraries that trained it.
        created: ISO 8601, UTC.
        license: of the weights, as an SPDX expression or free text.
        format_version: of this document.
    """

    style: str
    network: str
    network_arguments: dict[str, Any]
    style_sha256: str = ""
    style_thumbnail: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    created: str = ""
    license: str = ""
    format_version: int = FORMAT_VERSION


def parse_metadata(document: Any, path: Path) -> FilterMetadata:
    """Check a metadata document and turn it into a ``FilterMetadata``."""
    if not isinstance(document, dict):
        raise CheckpointError(f"{path}: its {KEY!r} metadata is not a JSON object.")
    version = document.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise CheckpointError(f"{path}: its format version is {version!r}, not a number from 1 on.")
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format version {version}; this fast_nst reads up to {FORMAT_VERSION}. "
            "Upgrade: pip install -U fast-nst."
        )
    known = {each.name for each in fields(FilterMetadata)}
    missing = [name for name in ("style", "network", "network_arguments") if name not in document]
    if missing:
        raise CheckpointError(f"{path}: its metadata lacks {', '.join(missing)}.")
    return FilterMetadata(**{name: value for name, value in document.items() if name in known})
