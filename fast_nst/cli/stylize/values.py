"""How values of options are written that are more than a number or a name."""

from __future__ import annotations

from typing import Any

import click

from fast_nst.errors import suggest
from fast_nst.style_map import GRADIENTS

TURNED = {"style": "style", "strength": "strength", "stroke-size": "stroke_size"}
_SHARE = click.FloatRange(0, 1)


class Mixture(click.ParamType[Any]):
    """Shares by name, such as ``a=0.6,b=0.4``; or one share, such as 0.4, or names: ``a,b``.

    Args:
        for_stylize: whether it may be one of the latter; names may also be written ``a..b``.
    """

    name = "shares"

    def __init__(self, for_stylize: bool = False) -> None:
        self._for_stylize = for_stylize

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | dict[str, float] | tuple[str, ...]:
        """Parse what the user wrote."""
        if not isinstance(value, str):
            return float(value)
        if "=" not in value and self._for_stylize:
            names = tuple(name.strip() for name in value.replace("..", ",").split(","))
            if len(names) > 1:
                if not all(names):
                    self.fail(f"{value!r} has a style without a name. Write a,b.", param, ctx)
                return names
            share: float = _SHARE(value, param, ctx)
            return share
        shares: dict[str, float] = {}
        for each in value.split(","):
            name, _, said = (part.strip() for part in each.partition("="))
            try:
                shares[name] = float(said) + shares.get(name, 0.0)
            except ValueError:
                self.fail(f"{each!r} is no style and its share. Write a=0.6,b=0.4.", param, ctx)
        return shares


class Axis(click.ParamType[Any]):
    """Values of a knob, or styles: ``strength=0,0.5,1``.

    Args:
        after_name: what stands between the name and the values.
        between: what stands between values.
        example: for messages.
    """

    name = "values"

    def __init__(self, after_name: str, between: str, example: str) -> None:
        self._after_name, self._between, self._example = after_name, between, example

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[tuple[str, list[Any]]]:
        """Parse one or several of them, with spaces between."""
        if not isinstance(value, str):
            return list(value)
        axes = []
        for each in value.split():
            name, found, said = each.partition(self._after_name)
            if name not in TURNED:
                known = ", ".join(TURNED)
                self.fail(
                    f"no knob {name!r}{suggest(name, TURNED)}. There are {known}: {self._example}.",
                    param,
                    ctx,
                )
            values: list[Any] = said.split(self._between)
            if not found or not all(values):
                self.fail(f"{each!r} gives no values. Write {self._example}.", param, ctx)
            if name != "style":
                values = [click.FLOAT(number, param, ctx) for number in values]
            axes.append((TURNED[name], values))
        if not axes:
            self.fail(f"nothing is in it. Write {self._example}.", param, ctx)
        return axes


class Gradient(click.ParamType[Any]):
    """The way of a gradient: one of ``GRADIENTS``, or an angle in degrees."""

    name = "way"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | float:
        """Parse what the user wrote."""
        if value in GRADIENTS:
            return str(value)
        try:
            return float(value)
        except ValueError:
            self.fail(
                f"no gradient {value!r}{suggest(value, GRADIENTS)}. Write {', '.join(GRADIENTS)}, "
                "or an angle in degrees, such as 45.",
                param,
                ctx,
            )


MIXTURE, MIX = Mixture(), Mixture(for_stylize=True)
GRADIENT = Gradient()
GRID = Axis("=", ",", "strength=0,0.5,1")
WALK = Axis(":", "..", "strength:0..1")
