"""Training images. Heavy libraries are imported only when a kind is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Protocol

from fast_nst.config import DataConfig
from fast_nst.errors import ConfigError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


class Images(Protocol):
    """Interface of every kind of data, each a ``torch.utils.data.IterableDataset``."""

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """(name, reason) of every image that could not be read so far."""

    @property
    def notes(self) -> list[str]:
        """What else the user should know by now, a line each."""

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass differ from earlier ones."""

    def __iter__(self) -> Iterator[Tensor]:
        """Yield (3, size, size), uint8, for ever."""

    def fixed_images(self, count: int, size: int) -> Tensor:
        """Return the same (count, 3, size, size), float32 in [0, 1], at every call."""


# kind -> where its class is
IMAGES: Mapping[str, tuple[str, str]] = {
    "synthetic": ("fast_nst.data.synthetic", "SyntheticImages"),
    "folder": ("fast_nst.data.folder", "FolderImages"),
    "hub": ("fast_nst.data.hub", "HubImages"),
}


def create_images(kind: str, size: int, seed: int = 0, **options: Any) -> Images:
    """Make the images of ``kind``, one of ``IMAGES``.

    Args:
        kind: ``synthetic``, ``folder`` or ``hub``.
        size: Height and width of the training images, px.
        seed: Of everything random about them.
        options: What the class of that kind takes besides, such as ``path`` for a folder.

    Raises:
        ConfigError: If the kind or an option is unknown, or one that it needs is missing.
        DataError: If there are no images where they should be.
    """
    if kind not in IMAGES:
        raise ConfigError(
            f"data kind {kind!r} is unknown{suggest(kind, IMAGES)}. "
            f"Choose one of: {', '.join(IMAGES)}."
        )
    _check_options(kind, options)
    made: Images = _class_of(kind)(size=size, seed=seed, **options)
    return made


def _class_of(kind: str) -> Any:
    module, name = IMAGES[kind]
    return getattr(import_module(module), name)


def _taken(kind: str) -> dict[str, Parameter]:
    """Arguments of a kind's class besides size and seed."""
    taken = dict(signature(_class_of(kind)).parameters)
    del taken["size"], taken["seed"]
    return taken


def _check_options(kind: str, options: Mapping[str, Any]) -> None:
    taken = _taken(kind)
    for name in options:
        if name in taken:
            continue
        owners = [f"data={other}" for other in IMAGES if name in _taken(other)]
        keys = {each.name for each in fields(DataConfig)}
        why = f"; it is one of {' and '.join(owners)}" if owners else suggest(name, taken)
        raise ConfigError(
            f"data={kind} has no option {name!r}{why}. "
            f"Options of data={kind}: {', '.join(key for key in taken if key in keys)}."
        )
    for name, parameter in taken.items():
        if parameter.default is parameter.empty and name not in options:
            raise ConfigError(f"data={kind} needs data.{name}. Set data.{name}=... .")
