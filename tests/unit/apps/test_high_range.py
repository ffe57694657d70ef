"""High dynamic range: the published values, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from fast_nst.apps.video.clip import HighRange
from fast_nst.apps.video.color import DEEP_WHITE, Colors, as_planes
from fast_nst.apps.video.high_range import (
    ToneMapper,
    light_to_pq,
    pq_to_light,
    to_high,
    to_standard,
)

PQ = HighRange(Colors(9, 9, 16), 1000.0)
HLG = HighRange(Colors(9, 9, 18), 1000.0)


@pytest.mark.parametrize(
    ("light", "value"),
    # cd/m2 and signal, as BT.2100 and BT.2408 give them.
    [(0, 0), (0.1, 0.0623), (1, 0.1500), (100, 0.5081), (203, 0.5807),
     (1000, 0.7518), (10_000, 1)],
)  # fmt: skip
def test_pq_has_the_published_values(light: float, value: float) -> None:
    assert light_to_pq(np.array(light)) == pytest.approx(value, abs=2e-4)
    assert pq_to_light(np.array(light_to_pq(np.array(light)))) == pytest.approx(light, abs=1e-3)


def test_below_the_knee_light_stays_as_it_is() -> None:
    for light in (1.0, 10.0, 50.0):
        shown = to_standard(np.full(3, light_to_pq(np.array(light))), PQ)
        assert shown**2.4 * 203 == pytest.approx([light] * 3, rel=2e-3)


def test_the_peak_is_white_and_what_is_brighter_too() -> None:
    for light in (1000.0, 4000.0):
        assert to_standard(np.full(3, light_to_pq(np.array(light))), PQ) == pytest.approx(
            1, abs=1e-3
        )
    assert to_standard(np.full(3, 1.0), HLG) == pytest.approx(1, abs=1e-3)
    dark = HighRange(PQ.colors, 203.0)  # nothing to compress
    shown = to_standard(np.full(3, light_to_pq(np.array(150.0))), dark)
    assert shown**2.4 * 203 == pytest.approx([150] * 3, rel=1e-3)


def test_the_curve_rises() -> None:
    ramp = np.repeat(np.linspace(0, 0.7518, 500)[:, None], 3, 1)
    assert np.diff(to_standard(ramp, PQ)[:, 0]).min() >= 0


def test_hlg_shows_diffuse_white_at_203() -> None:
    """BT.2408: 75 % of HLG is 203 cd/m2 on a screen of 1000."""
    as_pq = np.full(3, light_to_pq(np.array(203.0)))
    assert to_standard(np.full(3, 0.75), HLG) == pytest.approx(to_standard(as_pq, PQ), abs=2e-3)


@pytest.mark.parametrize("primaries", [1, 9, 12])
@pytest.mark.parametrize("transfer", [16, 18])
def test_what_bt709_can_show_comes_back(primaries: int, transfer: int) -> None:
    high = HighRange(Colors(9, primaries, transfer), 1000.0)
    seen = np.random.default_rng(0).random((500, 3)) * 0.99
    np.testing.assert_allclose(to_standard(to_high(seen, high), high), seen, atol=1e-4)


@pytest.mark.parametrize("high", [PQ, HLG], ids=["PQ", "HLG"])
@pytest.mark.parametrize("back", [False, True])
def test_frames_are_mapped_as_the_functions_say(high: HighRange, back: bool) -> None:
    seen = np.random.default_rng(0).random((20, 30, 3))
    values = seen if back else to_high(seen, high)
    pixels = as_planes(np.rint(values * DEEP_WHITE).astype(np.uint16))
    exact = (to_high if back else to_standard)(pixels / DEEP_WHITE, high)
    np.testing.assert_allclose(ToneMapper(high, back=back)(pixels) / DEEP_WHITE, exact, atol=2e-3)


def test_eight_bits_are_taken_too() -> None:
    pixels = np.full((4, 6, 3), 128, np.uint8)
    deep = np.full((4, 6, 3), 128 * 256, np.uint16)
    np.testing.assert_array_equal(ToneMapper(PQ)(pixels), ToneMapper(PQ)(deep))
