"""Apply a trained filter to pictures. What needs PyTorch is imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fast_nst.inference.controlled import read_mask
    from fast_nst.inference.controls import COLORS, Controls
    from fast_nst.inference.files import (
        Saving,
        StylizeFailure,
        StylizeProgress,
        StylizeReport,
        stylize_bytes,
        stylize_files,
    )
    from fast_nst.inference.picture_filter import GraphFilter, PictureFilter, open_filter
    from fast_nst.inference.plan import StylizedFile, plan_files
    from fast_nst.inference.stylizer import MixedStylizer, Stylizer

# module -> what is taken from it
_HOMES = {
    "controlled": ("read_mask",),
    "controls": ("COLORS", "Controls"),
    "files": (
        *("Saving", "StylizeFailure", "StylizeProgress", "StylizeReport"),
        *("stylize_bytes", "stylize_files"),
    ),
    "picture_filter": ("GraphFilter", "PictureFilter", "open_filter"),
    "plan": ("StylizedFile", "plan_files"),
    "stylizer": ("MixedStylizer", "Stylizer"),
}

__all__ = [
    "COLORS",
    "Controls",
    "GraphFilter",
    "MixedStylizer",
    "PictureFilter",
    "Saving",
    "StylizeFailure",
    "StylizeProgress",
    "StylizeReport",
    "StylizedFile",
    "Stylizer",
    "open_filter",
    "plan_files",
    "read_mask",
    "stylize_bytes",
    "stylize_files",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
