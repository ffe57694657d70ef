"""How a look is transferred; no torch in here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fast_nst.errors import ConfigError, suggest

PROTECTED = ("skin", "neutrals")


@dataclass(frozen=True)
class EnhanceOptions:
    """How the look of a reference goes to a photograph.

    Attributes:
        strength: share of the look, 0 (the photo, bit for bit) to 1.
        luma_only: change the light, and leave hue and saturation as they are.
        protect: tones that keep their own hue and saturation, of ``PROTECTED``.
        local: fit the light place by place; without, the look is the same function of color
            everywhere, which a LUT can hold.

    Raises:
        ConfigError: If a value is out of range, or a name unknown.
    """

    strength: float = 1.0
    luma_only: bool = False
    protect: Sequence[str] = ()
    local: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ConfigError(f"strength is {self.strength:g}; expected 0 to 1.")
        for name in self.protect:
            if name not in PROTECTED:
                raise ConfigError(
                    f"cannot protect {name!r}{suggest(name, PROTECTED)}; expected some of "
                    f"{', '.join(PROTECTED)}."
                )
