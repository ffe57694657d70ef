"""Progress of a training, in steps or time, and the learning rate at that point."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from fast_nst.errors import ConfigError


class Schedule:
    """The share of a training that is done, by steps where they are given, else by time.

    Args:
        max_steps: the length in optimizer steps, or None.
        max_time_s: the length in seconds, or None; not looked at where ``max_steps`` is given, so
            that the same number of steps always gives the same filter.
        clock: seconds that only rise.

    Raises:
        ConfigError: If neither length is given, or one is not positive.
    """

    def __init__(
        self,
        max_steps: int | None,
        max_time_s: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if max_steps is None and max_time_s is None:
            raise ConfigError("give trainer.max_steps or trainer.max_time_s: both are null.")
        for name, value in (("max_steps", max_steps), ("max_time_s", max_time_s)):
            if value is not None and value <= 0:
                raise ConfigError(f"trainer.{name}={value}: it must be above 0.")
        self.max_steps = max_steps
        self.max_time_s = max_time_s
        self._clock = clock
        self._begin = clock()

    @property
    def elapsed_s(self) -> float:
        """Seconds of training so far, those before a resume included."""
        return self._clock() - self._begin

    def resume(self, elapsed_s: float) -> None:
        """Resume after ``elapsed_s`` seconds of training."""
        self._begin = self._clock() - elapsed_s

    def fraction(self, step: int) -> float:
        """Share of the training done before ``step`` (0 is the first), in [0, 1]."""
        if self.max_steps is not None:
            return min(1.0, step / self.max_steps)
        assert self.max_time_s is not None  # checked at construction
        return min(1.0, self.elapsed_s / self.max_time_s)


def learning_rate_factor(fraction: float, warmup: float, final: float) -> float:
    """Linear warm-up, then a cosine.

    Args:
        fraction: share of the training done, in [0, 1].
        warmup: share in which the factor rises from 0 to 1.
        final: factor at the end.

    Returns:
        In [0, 1], to be multiplied with the base learning rate; never exactly 0 in the warm-up.

    References:
        Loshchilov and Hutter 2017, SGDR, one cycle.
    """
    if fraction < warmup:
        return max(fraction / warmup, 0.01)
    progress = (fraction - warmup) / max(1.0 - warmup, 1e-12)
    return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * progress))
