"""The image that is being optimized, at one size."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.image.color import luminance, replace_luminance
from fast_nst.image.resize import resize_short_side
from fast_nst.optimize.texture import noise_like


class Canvas:
    """The content at one size, and what is optimized of it: colors, or lightness alone.

    Args:
        content: (1, 3, H, W) in [0, 1], of any size.
        side: short side of the canvas, px.
        lightness_only: pixels are (1, 1, h, w), and the colors stay the content's.

    Attributes:
        content: (1, C, h, w), C being 1 or 3.
    """

    def __init__(self, content: Tensor, side: int, lightness_only: bool) -> None:
        self._colored = resize_short_side(content, side)
        self._lightness_only = lightness_only
        self.content = luminance(self._colored) if lightness_only else self._colored

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, px."""
        return self.content.shape[-2], self.content.shape[-1]

    def start(self, style: Tensor, init: str, seed: int) -> Tensor:
        """The first pixels, (1, C, h, w).

        Args:
            style: (1, 3, H, W) in [0, 1], of any size.
            init: one of ``options.INITS``.
            seed: of the noise.
        """
        style = style[:, : self.content.shape[1]]  # lightness comes as three equal channels
        if init == "noise":
            return noise_like(style, self.size, seed)
        return _cover(style, self.size) if init == "style" else self.content

    @torch.no_grad()
    def paint(self, paint: Callable[[Tensor], Tensor]) -> Tensor:
        """What a filter makes of the content here, (1, 3, h, w) in [0, 1].

        Raises:
            ValueError: If the result has another shape.
        """
        painted = paint(self._colored)
        if painted.shape != self._colored.shape:
            raise ValueError(
                f"start returned {tuple(painted.shape)}; expected {tuple(self._colored.shape)}."
            )
        return painted.clamp(0, 1)

    def take(self, image: Tensor) -> Tensor:
        """Pixels that show an image, (1, 3, H, W) in [0, 1] of any size: (1, C, h, w)."""
        resized = _cover(image, self.size) if image.shape[-2:] != self.size else image
        return luminance(resized) if self._lightness_only else resized

    def expand(self, pixels: Tensor) -> Tensor:
        """(1, 3, h, w) pixels that an encoder takes."""
        return pixels.expand(-1, 3, -1, -1)

    def show(self, pixels: Tensor) -> Tensor:
        """The image, (1, 3, h, w), in colors."""
        return replace_luminance(self._colored, pixels) if self._lightness_only else pixels

    def enlarge(self, pixels: Tensor, smaller: Canvas) -> Tensor:
        """Enlarge the result of a smaller canvas: its difference from the content is enlarged."""
        if smaller.size == self.size:
            return pixels
        change = F.interpolate(
            pixels - smaller.content, size=self.size, mode="bicubic", align_corners=False
        )
        return (self.content + change).clamp(0, 1)


def _cover(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale until ``size`` is covered, and crop to the center."""
    sides = list(zip(size, image.shape[-2:], strict=True))
    scale = max(target / side for target, side in sides)
    height, width = (max(target, round(side * scale)) for target, side in sides)
    resized = F.interpolate(
        image, size=(height, width), mode="bicubic", align_corners=False, antialias=True
    )
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return resized[..., top : top + size[0], left : left + size[1]].clamp(0, 1)
