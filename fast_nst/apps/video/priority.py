"""Keep encoders from taking the machine for themselves."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def ordinary_priority() -> Iterator[None]:
    """Take back the real-time priority that what runs inside gives to threads of this process.

    SVT-AV1, where it may (as root, on Linux), makes its own threads and the one that opens it
    real-time ones (SCHED_FIFO, 99), ahead of everything else on the machine; threads and programs
    that the latter starts later inherit it. Threads that were real-time before stay so.
    """
    if sys.platform != "linux":
        yield
        return
    before = _real_time_threads()
    try:
        yield
    finally:
        for thread in _real_time_threads() - before:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _real_time_threads() -> set[int]:
    found = set()
    for thread in map(int, os.listdir("/proc/self/task")):
        with contextlib.suppress(ProcessLookupError):
            if os.sched_getscheduler(thread) in (os.SCHED_FIFO, os.SCHED_RR):
                found.add(thread)
    return found
