"""Options of an iterative style transfer; no torch in here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fast_nst.errors import ConfigError, suggest

OPTIMIZERS = ("lbfgs", "adam")
INITS = ("content", "noise", "style")
PREDICTED = "predicted"  # what a filter paints that is made of the styles at once
COLORS = ("none", "luminance", "match")
PRECISIONS = ("auto", "float32", "bfloat16")
LEVELS, LEVELS_FROM_FILTER = 3, 1  # by default


@dataclass(frozen=True)
class TransferOptions:
    """The options, with the defaults of ``fast-nst optimize``.

    Attributes:
        size: px, short side of the result; 0 keeps the content's own.
        iterations: steps, of all levels together.
        levels: sizes that the image goes through, each twice the last, where they are not too
            small to be of use; 1 works at full size from the start. None for 3, or for 1 from what
            a filter paints, whose detail a smaller size would lose.
        optimizer: ``"lbfgs"`` or ``"adam"``.
        init: what the image starts as, unless it starts as what a filter paints: ``"content"``;
            ``"noise"`` in the style's colors; or ``"style"``, cut to the content's shape.
        content_weight, style_weight: dimensionless; losses are scale-free, so that the same
            weights suit every encoder, size and style.
        blend: shares of the styles, in their order; they are divided by their sum. Empty for
            equal shares.
        style_scale: short side of the styles over the content's: larger for larger strokes.
        preserve_color: ``"none"``; ``"luminance"`` changes only the content's lightness;
            ``"match"`` gives the styles the content's colors first.
        tile: px; a larger image is evaluated in tiles of about this side, with the same result
            and less memory.
        seed: of the noise.
        precision: of convolutions: ``"auto"`` is bfloat16 where the hardware is fast at it.
        content_layers, style_layers: encoder layers to compare.

    Raises:
        ConfigError: If a value cannot work.
    """

    size: int = 512
    iterations: int = 300
    levels: int | None = None
    optimizer: str = "lbfgs"
    init: str = "content"
    content_weight: float = 1.0
    style_weight: float = 50.0
    blend: Sequence[float] = ()
    style_scale: float = 1.0
    preserve_color: str = "none"
    tile: int = 1024
    seed: int = 0
    precision: str = "auto"
    content_layers: Sequence[str] = ("relu3_1",)
    style_layers: Sequence[str] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")

    def __post_init__(self) -> None:
        for name, choices in (
            ("optimizer", OPTIMIZERS),
            ("init", INITS),
            ("preserve_color", COLORS),
            ("precision", PRECISIONS),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise ConfigError(
                    f"no {name} {value!r}{suggest(str(value), choices)}. "
                    f"Choices: {', '.join(choices)}."
                )
        for name, least in (("size", 0), ("iterations", 1), ("levels", 1), ("tile", 64)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name} is {value}; it must be {least} or more.")
        for name in ("content_weight", "style_weight"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 or more.")
            if getattr(self, name) and not getattr(self, name.replace("weight", "layers")):
                raise ConfigError(f"{name} is {getattr(self, name)}, and no layer is named for it.")
        if self.content_weight == self.style_weight == 0:
            raise ConfigError("content_weight and style_weight are both 0; give one a weight.")
        if not 0 < self.style_scale <= 16:
            raise ConfigError(f"style_scale is {self.style_scale}; it must be above 0, at most 16.")
        if self.blend and not (all(0 <= each < float("inf") for each in self.blend)):
            raise ConfigError(f"blend is {list(self.blend)}; each share must be 0 or more.")
        if self.blend and not sum(self.blend):
            raise ConfigError("blend holds only zeros; give one style a share.")
