"""Train one image into a real-time filter, and use it: ``Stylizer.load(path)(image)``.

Importing this package loads no torch; what needs it is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fast_nst.inference.stylizer import Stylizer

    __version__: str

__all__ = ["Stylizer", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from fast_nst.startup import installed_version

        return installed_version("fast-nst")
    if name == "Stylizer":
        from fast_nst.inference.stylizer import Stylizer

        return Stylizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
