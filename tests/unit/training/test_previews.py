"""Previews: how often they are made."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from fast_nst.training import callbacks
from fast_nst.training.callbacks import Preview
from fast_nst.training.module import StyleTransferModule


class Clock:
    """Stands for the module ``time``."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize(("takes_s", "steps_between"), [(0.0, 30), (1.0, 30), (6.0, 114)])
def test_previews_take_at_most_a_twentieth_of_the_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, takes_s: float, steps_between: int
) -> None:
    clock = Clock()
    monkeypatch.setattr(callbacks, "time", clock)

    class Slow(Preview):
        def measure(self, module: StyleTransferModule) -> dict[str, float]:
            return {}

        def draw(self, module: StyleTransferModule) -> Tensor:
            clock.now += takes_s
            return torch.zeros(3, 4, 4)

    nothing = torch.zeros(1, 3, 4, 4)
    preview = Slow(nothing, nothing, nothing, tmp_path, every_s=30.0)
    trainer: Any = SimpleNamespace(is_global_zero=True, loggers=[], global_step=0)
    module = cast(Any, StyleTransferModule.__new__(StyleTransferModule))
    for step in range(600):
        trainer.global_step = step
        clock.now += 1.0  # a step
        preview.on_train_batch_end(trainer, module)
    steps = sorted(int(file.stem.split("_")[1]) for file in tmp_path.glob("step_*.png"))
    gaps = {later - earlier for earlier, later in itertools.pairwise(steps)}
    assert gaps == {steps_between}  # 114 s of training to 6 s of a preview
