"""From frames to arrays."""

from __future__ import annotations

import numpy as np

from fast_nst.apps.video.color import DEEP_WHITE, as_deep, as_planes, as_shallow, flatten
from fast_nst.apps.video.convert import covered, not_passed


def test_what_frames_bring_along_and_is_lost_is_said_once() -> None:
    notes = set(not_passed({"A53_CC": b"", "DOVI_METADATA": b"", "DOVI_RPU_BUFFER": b""}))
    assert notes == {
        "no closed captions within the picture: frames are painted anew",
        "no Dolby Vision data: frames are painted anew",
    }
    assert not list(not_passed({"DISPLAYMATRIX": b""}))


def test_eight_bits_and_sixteen_hold_the_same_values() -> None:
    bytes_ = np.arange(256, dtype=np.uint8).reshape(16, 16)
    deep = as_deep(bytes_)
    assert deep.max() == DEEP_WHITE
    np.testing.assert_array_equal(as_shallow(deep), bytes_)
    np.testing.assert_array_equal(as_shallow(deep + 127), bytes_)


def test_planes_hold_the_same_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    planes = as_planes(pixels)
    np.testing.assert_array_equal(planes, pixels)
    assert planes.transpose(2, 0, 1).flags.c_contiguous


def test_half_opaque_is_half_white() -> None:
    rgb = as_planes(np.full((2, 2, 3), 100, np.uint8))
    alpha = np.array([[0, 255], [51, 204]], np.uint8)
    np.testing.assert_array_equal(flatten(rgb, alpha)[..., 0], [[255, 100], [224, 131]])
    deep = flatten(as_deep(rgb), as_deep(alpha))
    np.testing.assert_allclose(deep[..., 1] / 256, [[255, 100], [224, 131]], atol=0.01)


def test_hidden_colors_go_visible_ones_stay() -> None:
    rgb = np.full((16, 16, 3), 30000, np.uint16)
    rgb[:, 8:] = (65000, 0, 0)
    alpha = np.zeros((16, 16), np.uint16)
    alpha[:, :8] = DEEP_WHITE
    result = covered(rgb, alpha)
    assert np.abs(result.astype(int) - 30000).max() <= 2
    opaque = np.full((16, 16), DEEP_WHITE, np.uint16)
    np.testing.assert_array_equal(covered(rgb, opaque), rgb)
