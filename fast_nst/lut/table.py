"""A color lookup table, and how it is applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fast_nst.errors import LutError
from fast_nst.lut.opencolorio import run_packed, run_planes

Array = npt.NDArray[np.float32]
Color = tuple[float, float, float]
DTypeT = TypeVar("DTypeT", np.uint8, np.uint16, np.float32)

MIN_POINTS, MAX_POINTS = 2, 129  # to a side; OpenColorIO's limits
MAX_CURVE = 300_000  # points of a curve; likewise
UNIT: tuple[Color, Color] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@dataclass(frozen=True, eq=False)  # compared as the object that it is, so that it can be a key
class Lut:
    """A function from colors to colors, as a table; between its points it is interpolated.

    The channels are first brought from ``domain`` to [0, 1], where values outside are taken as
    those at its ends; then, each by itself, through ``shaper``; then all together through
    ``table``, whose tetrahedral interpolation leaves grays gray where the table does.

    Attributes:
        table: (N, N, N, 3), float32, of which ``table[r, g, b]`` is the result for red ``r / (N -
            1)`` and so on; N is 2 to 129. It may leave [0, 1], but pictures that it is applied to
            do not.
        domain: the least and the largest values of red, green and blue that it is for.
        shaper: (M, 3), float32: curves of the channels at M even distances, 0 to 1; None for none.
            A LUT that is nothing but curves is a shaper before a table of 2 points.
        title: what its file calls it.
        notes: what is to be known of the file that it was read from, as parts of sentences.

    Raises:
        LutError: If a shape is not as above, a value is not a finite number, or the domain empty.

    Example:
        >>> look = read_lut("look.cube")
        >>> graded = look.apply(photo)  # (H, W, 3), uint8
    """

    table: Array
    domain: tuple[Color, Color] = UNIT
    shaper: Array | None = None
    title: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        table = _frozen(self.table)
        points = table.shape[0] if table.ndim else 0
        if table.shape != (points, points, points, 3):
            raise LutError(f"the table is {table.shape}; expected (N, N, N, 3).")
        if not MIN_POINTS <= points <= MAX_POINTS:
            raise LutError(
                f"the table has {points} points to a side; expected {MIN_POINTS} to {MAX_POINTS}. "
                "Save it with 33."
            )
        object.__setattr__(self, "table", table)
        if self.shaper is not None:
            shaper = _frozen(self.shaper)
            if shaper.ndim != 2 or shaper.shape[1] != 3 or not 2 <= len(shaper) <= MAX_CURVE:
                raise LutError(
                    f"the curves are {shaper.shape}; expected (M, 3), of 2 to {MAX_CURVE} points."
                )
            object.__setattr__(self, "shaper", shaper)
        object.__setattr__(self, "domain", _checked_domain(self.domain))

    def apply(self, image: npt.NDArray[DTypeT]) -> npt.NDArray[DTypeT]:
        """Grade an image.

        Args:
            image: (H, W, 3), RGB: uint8, uint16 (0 to 65535) or float32 (0 to 1); it is not
                changed. Only as much memory as the result takes is needed, and any part of an image
                gives that part of the result.

        Returns:
            The same shape and type, in the same range: of integers, rounded once.

        Raises:
            ValueError: If a shape or type is not as above.
            LutError: If a value is not a finite number.
            ConfigError: If OpenColorIO is not installed.
        """
        if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise ValueError(f"image is {image.shape}; expected (H, W, 3).")
        if image.dtype not in (np.uint8, np.uint16, np.float32):
            raise ValueError(f"image is {image.dtype}; expected uint8, uint16 or float32.")
        image = np.ascontiguousarray(image)
        result = np.empty_like(image)
        if image.dtype == np.float32:
            _check_finite(image)
        run_packed(self, image, result)
        if image.dtype == np.float32:
            np.clip(result, 0, 1, out=result)
        return result

    def apply_planes(self, rgb: Array) -> Array:
        """Grade an image that is three planes: (3, H, W), float32; else as :meth:`apply`."""
        if rgb.ndim != 3 or rgb.shape[0] != 3 or 0 in rgb.shape or rgb.dtype != np.float32:
            raise ValueError(f"rgb is {rgb.shape} of {rgb.dtype}; expected (3, H, W), float32.")
        rgb = np.ascontiguousarray(rgb)
        _check_finite(rgb)
        result = np.empty_like(rgb)
        run_planes(self, rgb, result)
        return np.clip(result, 0, 1, out=result)


def sample(lut: Lut, points: int) -> Array:
    """The results of a LUT at even distances from 0 to 1: (N, N, N, 3), within [0, 1]."""
    return lut.apply(grid(points).reshape(1, -1, 3)).reshape(points, points, points, 3)


def grid(points: int) -> Array:
    """The table that changes nothing: (N, N, N, 3), with red along the first axis."""
    steps = np.linspace(0, 1, points, dtype=np.float32)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)


def _frozen(values: Any) -> Array:
    array = np.array(values, np.float32, order="C")
    if not np.isfinite(array).all():
        raise LutError("it holds values that are not finite numbers. Export it again.")
    array.setflags(write=False)
    return array


def _checked_domain(domain: Any) -> tuple[Color, Color]:
    ends = np.array(domain, np.float64)
    if ends.shape != (2, 3):
        raise LutError(f"its domain is {ends.shape}; expected two colors, (2, 3).")
    low, high = (tuple(color) for color in ends.tolist())
    if not (np.isfinite(ends).all() and (ends[0] < ends[1]).all()):
        raise LutError(
            f"its domain is {numbers(low)} to {numbers(high)}; expected from less to "
            "more. Export it again."
        )
    return low, high


def numbers(color: Color) -> str:
    """A color for messages: one number where its channels are the same."""
    if len(set(color)) == 1:
        return f"{color[0]:g}"
    return " ".join(f"{value:g}" for value in color)


def _check_finite(image: npt.NDArray[Any]) -> None:
    # OpenColorIO would make black of them, and hide that a filter is damaged.
    if not np.isfinite(image).all():
        raise LutError(
            "the image holds values that are not finite numbers; the filter may be damaged. "
            "Train it again, or use another."
        )
