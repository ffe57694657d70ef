"""Installed versions, and faster imports of large packages; this module imports no torch."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType


def installed_version(package: str) -> str:
    """Return a package's version; "0+unknown" if it is not installed, as in a source tree."""
    # Imports fifty modules, which the commands that stylize need none of.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "0+unknown"


@contextmanager
def without_gc() -> Iterator[None]:
    """Turn garbage collection off inside the ``with``: it takes a fifth of a long import's time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextmanager
def delayed_gc() -> Iterator[Callable[[], None]]:
    """Turn garbage collection off until the yielded function is called.

    Objects that exist at that time are not examined until the context ends: with PyTorch's
    modules, that would take half a second each time.
    """
    if not gc.isenabled():
        yield lambda: None
        return

    def begin() -> None:
        if not gc.isenabled():
            gc.freeze()
            gc.enable()

    gc.disable()
    try:
        yield begin
    finally:
        gc.unfreeze()
        gc.enable()


@contextmanager
def lazy_import(name: str, **known: object) -> Iterator[None]:
    """Delay the import of a module until one of its attributes is needed.

    Inside the ``with``, ``import name`` gives a stand-in that only has the attributes ``known``.
    The first access to any other attribute imports the real module.

    Args:
        name: of the module, with dots.
        **known: attributes that do not cause the import, with the values to give.
    """
    if name in sys.modules:
        yield
        return
    stand_in = _StandIn(name)
    vars(stand_in).update(known)
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]


class _StandIn(ModuleType):
    def __getattr__(self, attribute: str) -> object:
        # The inspect module reads __file__ of every module, which must not cause the import.
        if attribute.startswith("__") and attribute != "__path__":
            raise AttributeError(attribute)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)
