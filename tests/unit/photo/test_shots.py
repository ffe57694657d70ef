"""Shots of clips: where cuts are, and that nothing flickers between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fast_nst.photo.shots import ShotFinder, fit_shots

Array = npt.NDArray[np.float32]


def shot(seed: int, frames: int, drift: float = 0.01) -> list[Array]:
    """Frames of a scene that slowly moves and brightens."""
    rng = np.random.default_rng(seed)
    scene = rng.random((3, 24, 80), dtype=np.float32)
    return [
        (np.roll(scene, number, 2)[..., :40] * (0.6 + drift * number)).clip(0, 1)
        for number in range(frames)
    ]


def starts_of(frames: list[Array]) -> list[int]:
    finder = ShotFinder()
    for frame in frames:
        finder.add(frame)
    return finder.starts()


def still(level: float, frames: int) -> list[Array]:
    rng = np.random.default_rng(round(level * 100))
    scene = level + 0.1 * rng.random((3, 24, 40), dtype=np.float32)
    return [(scene + 0.002 * number).astype(np.float32) for number in range(frames)]


def test_cuts_are_found_and_movement_is_none() -> None:
    assert starts_of(still(0.2, 9) + still(0.7, 5) + still(0.4, 7)) == [0, 9, 14]
    assert starts_of(shot(1, 20)) == [0]


def test_a_fade_is_no_cut() -> None:
    first, second = still(0.1, 1)[0], still(0.8, 1)[0]
    fade = [(first + (second - first) * share).astype(np.float32) for share in np.linspace(0, 1, 9)]
    assert starts_of([first] * 5 + fade + [second] * 5) == [0]


def test_a_clip_of_one_frame_and_of_none_have_one_shot_and_none() -> None:
    assert starts_of(still(0.5, 1)) == [0]
    assert starts_of([]) == []


def test_a_shot_has_one_look_and_the_next_another() -> None:
    frames = still(0.2, 4) + still(0.7, 3)
    finder = ShotFinder()
    for frame in frames:
        finder.add(frame)
    reference = np.random.default_rng(5).random((3, 30, 30), dtype=np.float32)
    looks = fit_shots(finder, [reference])
    assert len(looks) == len(frames)
    assert len({id(look) for look in looks[:4]}) == 1
    assert len({id(look) for look in looks}) == 2
    # The same color becomes the same color anywhere in any frame.
    patch = np.full((3, 24, 40), 0.25, np.float32)
    result = looks[1].apply(patch)
    assert np.ptp(result, axis=(1, 2)).max() == 0
