"""Jobs of workers: which image becomes which file, and what was there; no torch in here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fast_nst.batch.places import PathLike, Place, open_place
from fast_nst.batch.plan import Planned, plan
from fast_nst.batch.remote import RemotePlace

_LOOKING = 16  # files that are asked for at once: object stores answer slowly, but many


@dataclass(frozen=True)
class Job:
    """An image that is to be read from ``source`` and written to ``target``.

    Attributes:
        source: the image.
        target: the result.
        before: the stamp of a file that was at ``target`` before the run; None for no file. A
            worker that finds another there knows that the result was written in this run.
    """

    source: Place
    target: Place
    before: str | None = None


def plan_jobs(
    inputs: Sequence[PathLike],
    output: PathLike,
    suffix: str | None = None,
    on_skipped: Callable[[str], None] | None = None,
) -> tuple[Job, ...]:
    """Plan images, as ``batch.plan.plan`` does, and look at what is at the results' places.

    Raises:
        ClusterError, ImageError: As there; or if a place cannot be looked at.
    """
    planned = plan(inputs, output, suffix, on_skipped=on_skipped)
    into = open_place(output)
    there = None
    is_folder = planned[0].target.key != into.key
    if is_folder and isinstance(into, RemotePlace):  # one listing instead of a question for each
        there = into.list_paths()

    def note(file: Planned) -> Job:
        exists = there is None or file.target.path in there
        return Job(file.source, file.target, file.target.stamp() if exists else None)

    with ThreadPoolExecutor(_LOOKING) as pool:
        return tuple(pool.map(note, planned))
