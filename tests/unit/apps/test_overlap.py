from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from fast_nst.apps.video.overlap import BackgroundCalls, ahead


def test_what_is_ahead_is_computed_meanwhile_and_no_further() -> None:
    made: list[int] = []
    reached = threading.Event()

    def items() -> Iterator[int]:
        for number in range(1, 10):
            made.append(number)
            if number == 4:
                reached.set()
            yield number

    ahead_of_me = ahead(items(), depth=3)
    assert next(ahead_of_me) == 1
    assert reached.wait(30)  # the fourth is made while the first is in use
    assert list(ahead_of_me) == list(range(2, 10))
    assert made == list(range(1, 10))


def test_ending_early_stops_the_thread() -> None:
    numbers = ahead(iter(range(1, 1_000_000)))
    next(numbers)
    numbers.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("ahead")]


def test_errors_come_in_their_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("torn")

    numbers = ahead(items())
    assert next(numbers) == 1
    with pytest.raises(OSError, match="torn"):
        next(numbers)


def test_calls_behind_are_in_order_and_bounded() -> None:
    done: list[int] = []
    behind = BackgroundCalls(depth=2)
    gate = threading.Event()
    behind.call(gate.wait)
    behind.call(done.append, 1)
    blocked = threading.Thread(target=lambda: [behind.call(done.append, n) for n in (2, 3)])
    blocked.start()
    blocked.join(0.1)
    assert blocked.is_alive()  # a third may not wait
    gate.set()
    blocked.join(30)
    behind.finish()
    assert done == [1, 2, 3]
    behind.close()


def test_an_error_behind_is_raised_at_the_end_at_the_latest() -> None:
    behind = BackgroundCalls()

    def fail() -> None:
        raise OSError("full")

    behind.call(fail)
    with pytest.raises(OSError, match="full"):
        behind.finish()
    behind.close()
