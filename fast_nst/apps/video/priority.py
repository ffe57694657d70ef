"""Keep encoders from running with real-time priority."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

_THREADS = "/proc/self/task"


@contextlib.contextmanager
def ordinary_priority() -> Iterator[None]:
    """Take back the real-time priority that what runs inside gives to threads of this process.

    SVT-AV1, where it may (as root, on Linux), makes its own threads and the one that opens it
    real-time ones (SCHED_FIFO, 99), ahead of everything else on the machine; threads and programs
    that the latter starts later inherit it (findings/svt_av1_takes_real_time_priority.sh). Threads
    that were real-time before stay so. Without ``/proc``, which lists the threads, nothing is
    taken back.
    """
    if sys.platform != "linux" or not os.path.isdir(_THREADS):
        yield
        return
    before = _policies()
    real_time = (os.SCHED_FIFO, os.SCHED_RR)
    try:
        yield
    finally:
        for thread, policy in _policies().items():
            former = before.get(thread, os.SCHED_OTHER)
            if policy in real_time and former not in real_time:
                with contextlib.suppress(ProcessLookupError):  # it has ended
                    os.sched_setscheduler(thread, former, os.sched_param(0))


def _policies() -> dict[int, int]:
    """How each thread of this process is scheduled."""
    found = {}
    for thread in map(int, os.listdir(_THREADS)):
        with contextlib.suppress(ProcessLookupError):
            found[thread] = os.sched_getscheduler(thread)
    return found
