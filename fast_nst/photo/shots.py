"""Find the shots of a clip, and fit one look to each: nothing flickers, and no cut flashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fast_nst.photo.fitting import check_references, fit_part, measure, pool, shrink
from fast_nst.photo.look import Look
from fast_nst.photo.options import EnhanceOptions

Array = npt.NDArray[np.float32]

SIDE = 48  # px, the short side of frames that are kept
KEPT = 2000  # of them at most, besides the first of each shot
MEASURED = 12  # frames of a shot, at most, that its look is fitted to
LEAST_CHANGE = 0.06  # of the mean difference between two frames, in [0, 1]: less is no cut
CERTAIN = 0.15  # likewise: less is one only if it stands alone between calmer frames
TIMES = 3.5  # how much larger than around it the difference at a cut is
AROUND = 6  # frames before and after that it is compared with


class ShotFinder:
    """Takes the frames of a clip, in order, and keeps small copies of some."""

    def __init__(self) -> None:
        self._differences: list[float] = []
        self._kept: dict[int, npt.NDArray[np.uint8]] = {}
        self._stride = 1
        self._last: Array | None = None

    @property
    def frames(self) -> int:
        """How many were added."""
        return len(self._differences)

    def add(self, frame: Array) -> None:
        """Take note of the next frame, (3, H, W) in [0, 1]; it may be small already."""
        small = shrink(frame, SIDE)
        number = self.frames
        last, change = self._last, 1.0
        if last is not None and last.shape == small.shape:
            change = float(np.abs(small - last).mean())
        self._differences.append(change)
        self._last = small
        if change >= LEAST_CHANGE or number % self._stride == 0:
            self._kept[number] = np.rint(small * 255).astype(np.uint8)
        if len(self._kept) > KEPT + len(self.starts()):
            self._stride *= 2
            starts = set(self.starts())
            self._kept = {
                index: each
                for index, each in self._kept.items()
                if index % self._stride == 0 or index in starts
            }

    def starts(self) -> list[int]:
        """Numbers of the first frame of each shot, from 0."""
        changes = np.array(self._differences)
        found = [0] if len(changes) else []
        for index in np.nonzero(changes[1:] >= LEAST_CHANGE)[0] + 1:
            before = changes[max(1, index - AROUND) : index]
            after = changes[index + 1 : index + 1 + AROUND]
            around = np.concatenate([before, after])
            beside = changes[max(1, index - 1) : index + 2].sum() - changes[index]
            alone = changes[index] > 2 * beside or changes[index] >= CERTAIN
            if alone and (not len(around) or changes[index] > TIMES * np.median(around)):
                found.append(int(index))
        return found

    def samples(self) -> list[list[Array]]:
        """Small frames of each shot, (3, h, w) in [0, 1]: one or more, evenly over its length."""
        starts = self.starts()
        found = []
        for start, end in zip(starts, [*starts[1:], self.frames], strict=True):
            inside = sorted(index for index in self._kept if start <= index < end)
            chosen = np.unique(np.linspace(0, len(inside) - 1, MEASURED).round().astype(int))
            frames = [self._kept[inside[each]].astype(np.float32) for each in chosen]
            found.append([each / np.float32(255) for each in frames])
        return found


def fit_shots(
    finder: ShotFinder, references: Sequence[Array], options: EnhanceOptions | None = None
) -> list[Look]:
    """Fit a look to each shot, and give that of each frame.

    The look of a shot is one function of color, the same in all of its frames and everywhere in
    them: what has the same color in two frames has it afterwards.

    Args:
        finder: which got all frames.
        references: (3, H, W) each, in [0, 1].
        options: what is transferred; ``local`` counts as off.

    Returns:
        One for each frame; the frames of a shot share it.

    Raises:
        ConfigError: If there is no reference, or one is a single color.
    """
    check_references(references)
    chosen = replace(options or EnhanceOptions(), local=False)
    wanted = pool([measure(each) for each in references])
    starts = finder.starts()
    looks: list[Look] = []
    for start, end, frames in zip(
        starts, [*starts[1:], finder.frames], finder.samples(), strict=True
    ):
        own = pool([measure(each) for each in frames])
        look = Look((fit_part(own, wanted, chosen),), None, chosen.strength)
        looks += [look] * (end - start)
    return looks
