"""Options of applying a filter that need no training; no torch in here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fast_nst.errors import ConfigError, suggest

if TYPE_CHECKING:
    from torch import Tensor

    from fast_nst.lut import Lut

COLORS = ("none", "luminance", "match")
MIN_SCALE, MAX_SCALE = 0.25, 4.0


@dataclass(frozen=True)
class Controls:
    """How a filter is applied.

    Attributes:
        strength: share of the stylized image in the result, 0 to 1; the rest is the content.
        preserve_color: ``"luminance"`` keeps every pixel's own color and changes its lightness;
            ``"match"`` gives the whole result the content's mean color and covariance.
        scale: size of the strokes relative to those of the filter alone, 1/4 to 4. The filter gets
            the image smaller or larger by this factor, and the result is resized back.
        mask: (1, H, W) in [0, 1], of any size: the image is stylized where it is 1.
        mask_invert: stylize where the mask is 0.
        mask_feather: width of the soft border of the mask, px of the image.
        lut: colors that the result gets, after all of the above, everywhere.
        lut_before: colors that the image gets before all of the above: what is kept of it, as by
            ``strength`` and ``mask``, has them, too.

    Raises:
        ConfigError: If a value is outside its range.
    """

    strength: float = 1.0
    preserve_color: str = "none"
    scale: float = 1.0
    mask: Tensor | None = field(default=None, repr=False, compare=False)
    mask_invert: bool = False
    mask_feather: float = 0.0
    lut: Lut | None = field(default=None, repr=False)
    lut_before: Lut | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ConfigError(f"strength is {self.strength:g}; expected 0 to 1.")
        if self.preserve_color not in COLORS:
            raise ConfigError(
                f"preserve_color is {self.preserve_color!r}{suggest(self.preserve_color, COLORS)}; "
                f"expected one of {', '.join(COLORS)}."
            )
        if not MIN_SCALE <= self.scale <= MAX_SCALE:
            raise ConfigError(f"scale is {self.scale:g}; expected {MIN_SCALE:g} to {MAX_SCALE:g}.")
        if not 0 <= self.mask_feather < math.inf:
            raise ConfigError(f"mask_feather is {self.mask_feather:g} px; expected 0 or more.")
        if self.mask is None and (self.mask_invert or self.mask_feather):
            raise ConfigError("there is no mask to invert or feather. Give one.")
        if self.mask is not None and (self.mask.ndim != 3 or self.mask.shape[0] != 1):
            raise ConfigError(f"mask is {tuple(self.mask.shape)}; expected (1, H, W).")

    @property
    def plain(self) -> bool:
        """Whether no control changes the filter's result."""
        return self.mask is None and self == Controls()

    @property
    def without_luts(self) -> Controls:
        """The other controls: LUTs take each pixel by itself, and need neither PyTorch nor more."""
        return replace(self, lut=None, lut_before=None)
