"""Pictures to train on. Nothing heavy is imported before a kind is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from fast_nst.errors import ConfigError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


class Pictures(Protocol):
    """What every kind of data offers, each a ``torch.utils.data.IterableDataset``."""

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """(name, reason) of every picture that could not be read so far."""

    @property
    def notes(self) -> list[str]:
        """What else the user should know by now, a line each."""

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass differ from the passes before."""

    def __iter__(self) -> Iterator[Tensor]:
        """Yield (3, size, size), uint8, for ever."""

    def fixed_pictures(self, count: int, size: int) -> Tensor:
        """Return the same (count, 3, size, size), float32 in [0, 1], at every call."""


# kind -> where its class is
PICTURES: Mapping[str, tuple[str, str]] = {
    "synthetic": ("fast_nst.data.synthetic", "SyntheticPictures"),
    "folder": ("fast_nst.data.folder", "FolderPictures"),
    "hub": ("fast_nst.data.hub", "HubPictures"),
}


def create_pictures(kind: str, size: int, seed: int = 0, **options: Any) -> Pictures:
    """Make the pictures of ``kind``, one of ``PICTURES``.

    Args:
        kind: ``synthetic``, ``folder`` or ``hub``.
        size: Height and width of the training pictures, px.
        seed: Of everything random about them.
        options: What the class of that kind takes besides, such as ``path`` for a folder.

    Raises:
        ConfigError: If the kind or an option is unknown, or one that it needs is missing.
        DataError: If there are no pictures where they should be.
    """
    if kind not in PICTURES:
        raise ConfigError(
            f"data kind {kind!r} is unknown{suggest(kind, PICTURES)}. "
            f"Choose one of: {', '.join(PICTURES)}."
        )
    module, name = PICTURES[kind]
    chosen = getattr(import_module(module), name)
    _check_options(kind, chosen, options)
    made: Pictures = chosen(size=size, seed=seed, **options)
    return made


def _check_options(kind: str, chosen: type, options: Mapping[str, Any]) -> None:
    import inspect

    taken = dict(inspect.signature(chosen).parameters)
    del taken["size"], taken["seed"]
    for name in options:
        if name not in taken:
            raise ConfigError(
                f"data={kind} has no option {name!r}{suggest(name, taken)}. "
                f"Options: {', '.join(taken)}."
            )
    for name, parameter in taken.items():
        if parameter.default is parameter.empty and name not in options:
            raise ConfigError(f"data={kind} needs data.{name}. Set data.{name}=... .")
