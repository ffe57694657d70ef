"""Three stages at once: the next images are decoded and the last ones encoded meanwhile."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Job = TypeVar("Job")
Loaded = TypeVar("Loaded")
Result = TypeVar("Result")

MAX_AHEAD = 4  # jobs that are loaded before their turn
MAX_PIXELS = 32_000_000  # of all jobs in memory; one that is larger is alone there


@dataclass(frozen=True)
class Stages(Generic[Job, Loaded, Result]):
    """The three stages of every job.

    Attributes:
        size: number of pixels of a job, for the memory limit; must be quick and raise nothing.
        load: reads a job, in a worker thread.
        work: computes its result, in the caller's thread, one job at a time and in order.
        store: writes the result, in a worker thread.
    """

    size: Callable[[Job], int]
    load: Callable[[Job], Loaded]
    work: Callable[[Job, Loaded], Result]
    store: Callable[[Job, Result], None]


def run_stages(
    stages: Stages[Job, Loaded, Result],
    jobs: Sequence[Job],
    on_done: Callable[[int, Exception | None], None],
) -> None:
    """Take every job through the three stages; the slowest of them sets the pace.

    Args:
        stages: functions that load, compute and store a job.
        jobs: the jobs, in order.
        on_done: called in the caller's thread with the number of a finished job and the exception
            that a stage raised, or None. If ``on_done`` itself raises, the run ends.
    """
    sizes: dict[int, int] = {}  # of jobs that are begun, or next
    loading: deque[Future[Loaded]] = deque()
    storing: deque[tuple[int, Future[None]]] = deque()
    begun = held = 0

    def fits(number: int) -> bool:
        if number not in sizes:
            sizes[number] = min(stages.size(jobs[number]), MAX_PIXELS)
        return held + sizes[number] <= MAX_PIXELS

    def settle(wait: bool) -> None:
        """Report finished jobs; with ``wait``, wait for the first one."""
        nonlocal held
        while storing and (wait or storing[0][1].done()):
            number, future = storing.popleft()
            error = future.exception()
            held -= sizes.pop(number)
            if error is not None and not isinstance(error, Exception):
                raise error
            on_done(number, error)
            wait = False

    with ThreadPoolExecutor(min(MAX_AHEAD, os.cpu_count() or 1)) as pool:
        try:
            for number, job in enumerate(jobs):
                while storing and (
                    len(storing) > MAX_AHEAD or (begun == number and not fits(number))
                ):
                    settle(wait=True)
                while (
                    begun < len(jobs)
                    and begun <= number + MAX_AHEAD
                    and (fits(begun) or begun == number)
                ):
                    held += sizes[begun]
                    loading.append(pool.submit(stages.load, jobs[begun]))
                    begun += 1
                try:
                    result = stages.work(job, loading.popleft().result())
                except Exception as error:
                    held -= sizes.pop(number)
                    on_done(number, error)
                else:
                    storing.append((number, pool.submit(stages.store, job, result)))
                    del result
                settle(wait=False)
            while storing:
                settle(wait=True)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
