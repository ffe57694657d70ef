"""Starting: which versions are installed, and large packages imported sooner; no torch in here."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType


def installed_version(package: str) -> str:
    """The version of an installed package; "0+unknown" for one that is not, as a source tree."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "0+unknown"


@contextmanager
def without_gc() -> Iterator[None]:
    """Look for no garbage meanwhile: modules stay, and looking takes a fifth of a long import."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextmanager
def delayed_gc() -> Iterator[Callable[[], None]]:
    """Look for no garbage until the function that this gives is called.

    What is there by then is not looked at before the context ends: with PyTorch's modules, that
    would take half a second each time.
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
    """Import a module only when something of it is asked for, other than what is ``known``.

    Within the context, ``import name`` is answered by a stand-in with the attributes ``known``.
    Whatever else is looked up in it comes from the real module, which is imported then.
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
        # inspect looks into every module for its file.
        if attribute.startswith("__") and attribute != "__path__":
            raise AttributeError(attribute)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)
