"""Apply a trained filter to images. What needs PyTorch is imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fast_nst.inference.controlled import read_mask
    from fast_nst.inference.controls import COLORS, Controls
    from fast_nst.inference.image_filter import ArrayFilter, GraphFilter, open_filter
    from fast_nst.inference.stylizer import Stylizer

# module -> what is taken from it
_HOMES = {
    "controlled": ("read_mask",),
    "controls": ("COLORS", "Controls"),
    "image_filter": ("GraphFilter", "ArrayFilter", "open_filter"),
    "stylizer": ("Stylizer",),
}

__all__ = [
    "COLORS",
    "ArrayFilter",
    "Controls",
    "GraphFilter",
    "Stylizer",
    "open_filter",
    "read_mask",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
