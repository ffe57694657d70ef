"""What a command reads besides its inputs is never overwritten by what it writes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_nst.batch.places import PathLike, Place


def refuse_to_overwrite(
    read: Iterable[PathLike | None], targets: Iterable[PathLike | Place | None]
) -> None:
    """Refuse results that would overwrite a file that is read, by whatever name or link.

    Args:
        read: files, or what may be one, such as a style's name; None for none.
        targets: what will be written.

    Raises:
        ImageError: If there is one.
    """
    from fast_nst.batch.places import open_place
    from fast_nst.batch.plan import Planned, refuse_overwriting

    sources = [open_place(each) for each in read if each is not None and Path(each).is_file()]
    if not sources:
        return
    places = [
        open_place(each) if isinstance(each, str | os.PathLike) else each
        for each in targets
        if each is not None
    ]
    refuse_overwriting([Planned(source, place) for source in sources for place in places])


def refuse_to_overwrite_another(
    target: PathLike | Place | None, others: Iterable[PathLike | Place | None]
) -> None:
    """Refuse a result that would overwrite another of the same command.

    Raises:
        ImageError: If so.
    """
    from fast_nst.errors import ImageError

    if target is None:
        return
    own = os.path.realpath(str(target))
    if any(each is not None and os.path.realpath(str(each)) == own for each in others):
        raise ImageError(f"{target} would be written twice. Give each result a name of its own.")
