"""How a video is turned to be upright: the display matrix of its container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fast_nst.apps.video.color import RGB, Alpha, as_planes


@dataclass(frozen=True)
class Orientation:
    """Exchange rows and columns first, then mirror: the eight ways in which an image can lie."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    def upright(self, pixels: RGB | Alpha) -> RGB | Alpha:
        """Turn (H, W, 3) or (H, W) as stored to what is shown; (W, H, ...) if it lies on its side.

        The result's memory is planes.
        """
        turned = pixels.swapaxes(0, 1) if self.transpose else pixels
        if self.mirror_x:
            turned = turned[:, ::-1]
        if self.mirror_y:
            turned = turned[::-1]
        return as_planes(turned)


def orientation_of(side_data: Mapping[Any, Any]) -> Orientation:
    """Read a decoded frame's side data; phones store the sensor's image and say how to turn it.

    The matrix maps a stored pixel (p, q) to (a p + c q, b p + d q), in 16.16 fixed point
    (ISO/IEC 14496-12, 6.2.2). Angles between the quarter turns become the nearest of them.
    """
    if "DISPLAYMATRIX" not in side_data:
        return Orientation()
    matrix = np.frombuffer(bytes(side_data["DISPLAYMATRIX"]), dtype=np.int32)
    a, b, c, d = (int(matrix[place]) for place in (0, 1, 3, 4))
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transpose=True, mirror_x=c < 0, mirror_y=b < 0)
    return Orientation(mirror_x=a < 0, mirror_y=d < 0)
