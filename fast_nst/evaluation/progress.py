"""Progress of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Rough work, in forward and backward passes of an encoder at 256 px; only the bar depends on it.
WEIGHTS = {"photo": 1.0, "paper": 60.0, "strict": 100.0, "cost": 10.0}
TYPICAL_ITERATIONS = 60


@dataclass(frozen=True)
class EvaluateProgress:
    """The ``fraction`` of the work that is done, estimated, and the current ``stage``."""

    fraction: float
    stage: str


class Work:
    """Adds up the work of stages, and reports it.

    Args:
        stages: (kind, size) of every stage to come; kinds are the keys of ``WEIGHTS``.
        report: called at each change.
    """

    def __init__(
        self,
        stages: Sequence[tuple[str, int]],
        report: Callable[[EvaluateProgress], None] | None = None,
    ) -> None:
        self._total = sum(self._weight(*stage) for stage in stages)
        self._report = report
        self._done = 0.0
        self._current = 0.0
        self._stage = ""

    @staticmethod
    def _weight(kind: str, size: int) -> float:
        return WEIGHTS[kind] * (size / 256) ** 2

    def begin(self, stage: str, kind: str, size: int) -> None:
        """End the stage before, if any, and begin this one."""
        self._done += self._current
        self._current = self._weight(kind, size)
        self._stage = stage
        self._tell(0.0)

    def iteration(self, k: int) -> None:
        """Report that ``k`` iterations of this stage are done."""
        self._tell(min(1.0, k / TYPICAL_ITERATIONS))

    def _tell(self, share: float) -> None:
        if self._report is not None:
            done = (self._done + share * self._current) / max(self._total, 1e-9)
            self._report(EvaluateProgress(min(1.0, done), self._stage))
