"""What a LUT is, and what it makes of images."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from fast_nst.errors import ConfigError, LutError
from fast_nst.lut import Lut, opencolorio
from fast_nst.lut.table import grid

pytest.importorskip("PyOpenColorIO")

IDENTITY = grid(2)


def colors(*values: tuple[float, float, float]) -> Any:
    return np.array([values], np.float32)


def photo(dtype: Any, size: tuple[int, int] = (31, 45)) -> Any:
    values = np.random.default_rng(0).random((*size, 3))
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return (values * top).round(0 if top > 1 else 7).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_table_that_changes_nothing_changes_nothing(dtype: Any) -> None:
    image = photo(dtype)
    np.testing.assert_array_equal(Lut(grid(33)).apply(image), image)
    np.testing.assert_array_equal(image, photo(dtype))  # nor the image


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_rounded_once(dtype: Any) -> None:
    image = photo(dtype)
    top = np.iinfo(dtype).max
    halved = Lut(grid(2) * 0.3).apply(image)
    exact = image.astype(np.float64) * 0.3
    assert halved.dtype == dtype
    assert np.abs(halved - exact).max() <= 0.5 + top * 1e-6


def test_red_is_the_first_axis_and_blue_the_last() -> None:
    table = np.zeros((2, 2, 2, 3), np.float32)
    table[1, 0, 0] = (0.1, 0.2, 0.3)
    table[0, 0, 1] = (0.7, 0.8, 0.9)
    made = Lut(table).apply(colors((1, 0, 0), (0, 0, 1), (0.5, 0, 0)))
    np.testing.assert_allclose(made[0], [(0.1, 0.2, 0.3), (0.7, 0.8, 0.9), (0.05, 0.1, 0.15)])


def test_it_interpolates_in_tetrahedra() -> None:
    table = np.zeros((2, 2, 2, 3), np.float32)
    table[1, 1, 0] = 1  # yellow only
    # (0.6, 0.2, 0) lies between black, red and yellow: its share of yellow is 0.2, not 0.6 * 0.2.
    np.testing.assert_allclose(Lut(table).apply(colors((0.6, 0.2, 0)))[0, 0], 0.2, atol=1e-6)


def test_grays_stay_gray_where_those_of_the_table_are() -> None:
    table = np.random.default_rng(0).random((5, 5, 5, 3)).astype(np.float32)
    for i in range(5):
        table[i, i, i] = (i / 4) ** 2
    ramp = np.linspace(0, 1, 100, dtype=np.float32)[None, :, None].repeat(3, 2)
    made = Lut(table).apply(ramp)
    assert np.ptp(made, axis=2).max() < 1e-6


def test_outside_its_domain_it_gives_what_it_gives_at_the_end() -> None:
    lut = Lut(IDENTITY, ((0.2, 0.0, 0.0), (0.6, 1.0, 2.0)))
    made = lut.apply(colors((0.1, 0.5, 1), (0.4, 0.5, 1), (0.9, 1.5, 3)))
    np.testing.assert_allclose(made[0], [(0, 0.5, 0.5), (0.5, 0.5, 0.5), (1, 1, 1)], atol=1e-6)


def test_curves_come_before_the_table_and_after_the_domain() -> None:
    curves = np.array([(0, 0, 0), (0.5, 0.25, 0), (1, 1, 1)], np.float32)
    table = 1 - IDENTITY
    lut = Lut(table, ((0, 0, 0), (2, 2, 2)), curves)
    # Half of each, through its own curve, inverted.
    np.testing.assert_allclose(lut.apply(colors((1, 1, 1)))[0, 0], (0.5, 0.75, 1), atol=1e-6)


def test_results_are_kept_within_a_picture() -> None:
    made = Lut(IDENTITY * 3 - 1).apply(colors((0, 0.5, 1)))
    np.testing.assert_array_equal(made[0, 0], (0, 0.5, 1))


def test_any_part_of_an_image_gives_that_part_of_the_result() -> None:
    lut, image = Lut(np.sqrt(grid(17))), photo(np.uint16)
    whole = lut.apply(image)
    parts = [lut.apply(image[top : top + 7, ::-1]) for top in range(0, len(image), 7)]
    np.testing.assert_array_equal(np.concatenate(parts)[:, ::-1], whole)


def test_planes_and_pixels_are_graded_alike() -> None:
    lut, image = Lut(grid(9) ** 2), photo(np.float32)
    planes = lut.apply_planes(image.transpose(2, 0, 1))
    np.testing.assert_allclose(planes.transpose(1, 2, 0), lut.apply(image), atol=1e-6)


def test_a_domain_may_be_an_array() -> None:
    lut = Lut(IDENTITY, np.array([[0, 0, 0], [2, 2, 2]]))  # type: ignore[arg-type]
    assert lut.domain == ((0.0, 0.0, 0.0), (2.0, 2.0, 2.0))


def test_it_survives_the_way_to_another_process() -> None:
    lut = Lut(grid(5) ** 2, shaper=np.eye(3)[[0, 0]] * 0, title="look")
    again = pickle.loads(pickle.dumps(lut))
    np.testing.assert_array_equal(again.apply(photo(np.uint8)), lut.apply(photo(np.uint8)))
    assert again.title == "look"


def test_a_table_that_was_handed_in_can_no_longer_change_it() -> None:
    table = grid(3)
    lut = Lut(table)
    table[:] = 0
    np.testing.assert_array_equal(lut.table, grid(3))
    with pytest.raises(ValueError, match="read-only"):
        lut.table[0] = 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"table": np.zeros((3, 3, 2, 3))}, "the table is (3, 3, 2, 3); expected (N, N, N, 3)."),
        ({"table": np.zeros(3)}, "the table is (3,); expected (N, N, N, 3)."),
        ({"table": np.zeros((1, 1, 1, 3))}, "the table has 1 points to a side; expected 2 to 129."),
        ({"table": np.full((2, 2, 2, 3), np.nan)}, "values that are not finite numbers"),
        ({"shaper": np.zeros((1, 3))}, "the curves are (1, 3); expected (M, 3)"),
        ({"shaper": np.zeros((4, 1))}, "the curves are (4, 1); expected (M, 3)"),
        ({"shaper": np.full((2, 3), np.inf)}, "values that are not finite numbers"),
        ({"domain": ((0, 0, 0), (1, 0, 1))}, "its domain is 0 to 1 0 1; expected from less"),
        ({"domain": (0, 1)}, "its domain is (2,); expected two colors"),
        ({"domain": ((0, 0, 0), (1, np.nan, 1))}, "its domain is 0 to 1 nan 1"),
    ],
)
def test_what_is_no_lut_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(LutError) as error:
        Lut(**{"table": IDENTITY, **settings})
    assert said in str(error.value)


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8),
     np.zeros((4, 4, 3)), np.zeros((4, 4, 3), np.int32)],
)  # fmt: skip
def test_what_is_no_image_is_refused(image: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        Lut(IDENTITY).apply(image)
    with pytest.raises(ValueError, match="expected"):
        Lut(IDENTITY).apply_planes(image)


def test_a_damaged_filter_is_not_hidden() -> None:
    image = photo(np.float32)
    image[3, 4, 1] = np.nan  # OpenColorIO makes black of it
    for apply in (Lut(IDENTITY).apply, lambda rgb: Lut(IDENTITY).apply_planes(rgb.T)):
        with pytest.raises(LutError, match="not finite"):
            apply(image)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(opencolorio, "import_module", missing)
    with pytest.raises(ConfigError, match=r"pip install 'fast-nst\[lut\]'"):
        Lut(IDENTITY).apply(photo(np.uint8))
