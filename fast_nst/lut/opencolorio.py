"""The one place that loads OpenColorIO, which reads and applies LUTs."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fast_nst.errors import ConfigError

if TYPE_CHECKING:
    from fast_nst.lut.table import Lut

NEEDED = "Install LUT support: pip install 'fast-nst[lut]'"
_DEPTHS = {"uint8": "BIT_DEPTH_UINT8", "uint16": "BIT_DEPTH_UINT16", "float32": "BIT_DEPTH_F32"}


def load_opencolorio() -> Any:
    """The module ``PyOpenColorIO``.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        return import_module("PyOpenColorIO")
    except ImportError as error:
        raise ConfigError(f"{NEEDED} ({error}).") from error


def run_packed(lut: Lut, image: npt.NDArray[Any], result: npt.NDArray[Any]) -> None:
    """Apply a LUT to (H, W, 3), of 8 or 16 bits or float32; both are contiguous.

    Raises:
        ConfigError: If OpenColorIO is not installed.
    """
    ocio = load_opencolorio()
    height, width = image.shape[:2]
    size = image.itemsize
    layout = (width, height, 3, getattr(ocio, _DEPTHS[image.dtype.name]))
    strides = (size, 3 * size, 3 * size * width)
    source = ocio.PackedImageDesc(image, *layout, *strides)
    target = ocio.PackedImageDesc(result, *layout, *strides)
    _processor(lut, image.dtype.name).apply(source, target)


def run_planes(lut: Lut, planes: npt.NDArray[np.float32], result: npt.NDArray[np.float32]) -> None:
    """Apply a LUT to (3, H, W), float32; both are contiguous.

    Raises:
        ConfigError: If OpenColorIO is not installed.
    """
    ocio = load_opencolorio()
    height, width = planes.shape[1:]
    source = ocio.PlanarImageDesc(*planes, width, height)
    target = ocio.PlanarImageDesc(*result, width, height)
    _processor(lut, "float32").apply(source, target)


@lru_cache(maxsize=8)  # two LUTs, at every depth; the tables take a few MB
def _processor(lut: Lut, depth: str) -> Any:
    """What computes a LUT; kept, as it takes longer to make than a small image to be graded."""
    ocio = load_opencolorio()
    group = ocio.GroupTransform()
    low, high = np.array(lut.domain, np.float64)
    if (low != 0).any() or (high != 1).any():
        scale = 1 / (high - low)
        matrix = ocio.MatrixTransform()
        matrix.setMatrix(np.diag([*scale, 1.0]).ravel())
        matrix.setOffset([*(-low * scale), 0.0])
        group.appendTransform(matrix)
    if lut.shaper is not None:
        curves = ocio.Lut1DTransform(len(lut.shaper), False)
        curves.setInterpolation(ocio.INTERP_LINEAR)
        curves.setData(lut.shaper.ravel())
        group.appendTransform(curves)
    table = ocio.Lut3DTransform(len(lut.table))
    table.setInterpolation(ocio.INTERP_TETRAHEDRAL)
    table.setData(lut.table.ravel())
    group.appendTransform(table)
    bits = getattr(ocio, _DEPTHS[depth])
    processor = ocio.Config.CreateRaw().getProcessor(group)
    return processor.getOptimizedCPUProcessor(bits, bits, ocio.OPTIMIZATION_DEFAULT)
