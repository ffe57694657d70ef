"""The light and color of a good photograph for another one: ``enhance(photo, reference)``.

No torch in here but in ``figures.py``, and nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fast_nst.photo.fitting import fit
    from fast_nst.photo.look import Look
    from fast_nst.photo.options import EnhanceOptions
    from fast_nst.photo.transfer import enhance

_HOMES = {
    "EnhanceOptions": "options",
    "Look": "look",
    "enhance": "transfer",
    "fit": "fitting",
}

__all__ = ["EnhanceOptions", "Look", "enhance", "fit"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
