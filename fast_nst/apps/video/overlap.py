"""Prepare the next item and finish the last one in threads, while the caller computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

DEPTH = 3  # frames that wait before and behind; more would only cost memory


def ahead(items: Iterator[T], depth: int = DEPTH) -> Generator[T, None, None]:
    """Yield what ``items`` does, computed up to ``depth`` in advance in a thread.

    Errors of ``items`` are raised here, in their place. Close it to end early.
    """
    with ThreadPoolExecutor(1, "ahead") as pool:
        waiting: deque[Future[T | None]] = deque()
        try:
            for _ in range(depth):
                waiting.append(pool.submit(next, items, None))
            while (item := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(next, items, None))
                yield item
        finally:
            for future in waiting:
                future.cancel()


class BackgroundCalls:
    """Calls functions one after the other in a thread, at most ``depth`` of them late."""

    def __init__(self, depth: int = DEPTH) -> None:
        self._depth = depth
        self._pool = ThreadPoolExecutor(1, "behind")
        self._waiting: deque[Future[Any]] = deque()

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call ``function`` later; errors of earlier calls are raised here."""
        self._waiting.append(self._pool.submit(function, *arguments))
        while len(self._waiting) > self._depth:
            self._waiting.popleft().result()

    def finish(self) -> None:
        """Wait until all is done; the first error of those left is raised."""
        while self._waiting:
            self._waiting.popleft().result()

    def close(self) -> None:
        """Drop what has not begun, and wait for what has."""
        self._pool.shutdown(cancel_futures=True)
