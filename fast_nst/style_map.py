"""Which style is painted where in an image: by masks, or along a gradient; no torch in here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fast_nst.errors import ConfigError, suggest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.float32]

GRADIENTS = ("horizontal", "vertical", "radial")
SUM_ROUNDING = 1e-3  # how far from 1 the shares of a place may sum to


@dataclass(frozen=True, eq=False)
class StyleMap:
    """Styles that vary over an image, by masks or along a gradient.

    Attributes:
        styles: two or more names.
        masks: for each style after the first, its share at each place: (H, W), float32 in [0, 1],
            of any size; each image has them resized to its own. The first style has what is left.
        gradient: instead of masks, the way from the first style to the last: ``"horizontal"`` (from
            left to right), ``"vertical"`` (from top to bottom), ``"radial"`` (from the center to
            the corners), or an angle in degrees, from 0, which is horizontal, clockwise to 90,
            which is vertical.
        feather: of masks, width of the soft border between styles, px of the image.

    Raises:
        ConfigError: If these do not go together, or are out of range.

    Example:
        >>> StyleMap(("waves", "night"), gradient="radial")
    """

    styles: tuple[str, ...]
    masks: tuple[Mask, ...] = ()
    gradient: str | float | None = None
    feather: float = 0.0

    def __post_init__(self) -> None:
        count = len(self.styles)
        if count < 2:
            raise ConfigError(f"{count} style cannot vary over an image. Name two or more.")
        if not 0 <= self.feather < math.inf:
            raise ConfigError(f"feather is {self.feather:g} px; expected 0 or more.")
        if self.gradient is not None:
            if self.feather:
                raise ConfigError("a gradient has no border to feather. Leave one out.")
            if self.masks:
                raise ConfigError("masks and a gradient were given. Leave one out.")
            _check_gradient(self.gradient)
            return
        if len(self.masks) != count - 1:
            raise ConfigError(
                f"there are {count} styles and {len(self.masks)} masks. Give one for each style "
                "after the first, white where that style is; or a gradient."
            )
        for mask in self.masks:
            if mask.ndim != 2 or not mask.size or not (mask.min() >= 0 and mask.max() <= 1):
                raise ConfigError(
                    f"a mask of styles is {mask.shape}, from {mask.min() if mask.size else 0:g} to "
                    f"{mask.max() if mask.size else 0:g}; expected (H, W) in [0, 1]."
                )

    @classmethod
    def of_shares(cls, shares: Mapping[str, Any]) -> StyleMap:
        """Of the share of each style at each place.

        Args:
            shares: by name, arrays or tensors of one size, (H, W) or (1, H, W) in [0, 1], or
                numbers. They sum to 1 at each place.

        Raises:
            ConfigError: If they do not, or differ in size.
        """
        import numpy as np

        arrays = [_to_array(each) for each in shares.values()]
        sizes = {each.shape for each in arrays if each.ndim}
        if len(sizes) > 1:
            raise ConfigError(f"maps of shares are of the sizes {sorted(sizes)}; expected one.")
        total = sum(arrays)
        worst = float(np.abs(total - 1).max()) if np.size(total) else 0.0
        if not worst <= SUM_ROUNDING:  # true for NaN as well
            raise ConfigError(
                f"the shares of the styles differ from a sum of 1 by up to {worst:g}. Divide them "
                "by their sum."
            )
        return cls(tuple(shares), tuple(np.atleast_2d(each) for each in arrays[1:]))

    @property
    def key(self) -> str:
        """Text that tells maps apart."""
        import hashlib

        contents = [(mask.shape, hashlib.sha256(mask.tobytes()).hexdigest()) for mask in self.masks]
        return repr((self.styles, contents, self.gradient, self.feather))


def _check_gradient(gradient: str | float) -> None:
    if isinstance(gradient, str):
        if gradient not in GRADIENTS:
            raise ConfigError(
                f"no gradient {gradient!r}{suggest(gradient, GRADIENTS)}; expected one of "
                f"{', '.join(GRADIENTS)}, or an angle in degrees, such as 45."
            )
    elif not math.isfinite(gradient):
        raise ConfigError(f"the angle of a gradient is {gradient:g}; expected degrees.")


def _to_array(share: Any) -> Mask:
    import numpy as np

    if hasattr(share, "detach"):  # a tensor, on whichever device
        share = share.detach().cpu()
    array = np.asarray(share, dtype=np.float32)
    return array[0] if array.ndim == 3 and len(array) == 1 else array
