"""Small SVG charts, as text: a curve with levels, and rows of points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

# Each can be seen on white and on black.
COLORS = ("#e8590c", "#3b82f6", "#16a34a", "#c026d3", "#b7860b", "#0891b2", "#e11d48", "#65a30d")
WIDTH = 360  # px; fits a telephone
LEFT, RIGHT, TOP, BOTTOM = 40, 14, 10, 30

Scale = Callable[[float], float]


def color(index: int) -> str:
    """The color of a filter, by its number."""
    return COLORS[index % len(COLORS)]


def curve_chart(totals: Sequence[float], levels: Sequence[tuple[str, float, str]]) -> Markup:
    """Draw a falling loss on a logarithmic axis, and levels that it passes.

    Args:
        totals: positive losses; item k is drawn at k.
        levels: (label, value, color), drawn as horizontal lines.
    """
    height = 220
    values = [value for value in [*totals, *(level for _, level, _ in levels)] if value > 0]
    low, high = min(values) / 1.1, max(values) * 1.1
    x = _linear(0, max(1, len(totals) - 1), LEFT, WIDTH - RIGHT)
    y = _logarithmic(low, high, height - BOTTOM, TOP)
    parts = [_y_tick(y(value), f"{value:g}") for value in _log_ticks(low, high)]
    parts += [_x_tick(x(k), f"{k:g}", height) for k in _ticks(0, len(totals) - 1, whole=True)]
    points = " ".join(f"{x(k):.1f},{y(max(total, low)):.1f}" for k, total in enumerate(totals))
    parts.append(f'<polyline class="curve" points="{points}"/>')
    for label, level, stroke in levels:
        at = f"{y(level):.1f}"
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}" stroke="{stroke}" '
            f'stroke-width="1.5" stroke-dasharray="6 3"><title>{escape(label)}</title></line>'
        )
    return _svg(height, parts, "total loss after k L-BFGS iterations, k on the horizontal axis")


def strip_chart(
    rows: Sequence[tuple[str, str, Sequence[tuple[str, float | None]]]], limit: float | None = None
) -> Markup:
    """Draw a row of points for each filter, and a bar at its median.

    Args:
        rows: (label, color, [(photo, value)]); None is drawn hollow, at ``limit``.
        limit: a value of None means more than this.
    """
    known = [
        value if value is not None else limit
        for _, _, points in rows
        for _, value in points
        if value is not None or limit is not None
    ]
    finite = [value for value in known if value is not None and math.isfinite(value)]
    if not finite:
        return Markup("")
    low, high = min(finite), max(finite)
    margin = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
    height = TOP + 22 * len(rows) + BOTTOM
    x = _linear(low - margin, high + margin, LEFT, WIDTH - RIGHT)
    ticks = _ticks(low - margin, high + margin, whole=limit is not None)
    parts = [_x_tick(x(v), f"{v:g}", height) for v in ticks]
    for number, (_, fill, points) in enumerate(rows):
        at = TOP + 22 * number + 11
        placed = []
        for photo, value in points:
            shown = limit if value is None else value
            if shown is None or not math.isfinite(shown):
                continue
            placed.append(shown)
            look = f'fill="none" stroke="{fill}"' if value is None else f'fill="{fill}"'
            text = f"{photo}: {'more than ' if value is None else ''}{shown:.4g}"
            parts.append(
                f'<circle cx="{x(shown):.1f}" cy="{at}" r="4" {look} opacity="0.6">'
                f"<title>{escape(text)}</title></circle>"
            )
        if placed:
            middle = f"{x(sorted(placed)[(len(placed) - 1) // 2]):.1f}"
            parts.append(
                f'<line x1="{middle}" x2="{middle}" y1="{at - 9}" y2="{at + 9}" stroke="{fill}" '
                'stroke-width="2.5"/>'
            )
    return _svg(height, parts, "one point for each photo, a bar at the median")


def _svg(height: int, parts: Sequence[str], title: str) -> Markup:
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def _y_tick(y: float, text: str) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="tick"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _x_tick(x: float, text: str, height: int) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height - BOTTOM}" class="tick"/>'
        f'<text x="{x:.1f}" y="{height - BOTTOM + 16}" text-anchor="middle">{text}</text>'
    )


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    straight = _linear(math.log(low), math.log(high), start, end)
    return lambda value: straight(math.log(value))


def _ticks(low: float, high: float, *, whole: bool) -> list[float]:
    """About four round numbers from ``low`` to ``high``, so that labels do not touch."""
    step = 10 ** math.floor(math.log10(max(high - low, 1e-9) / 5))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (m * step) <= 5)
    step = max(step, 1) if whole else step
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten; only these powers where there are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1,) if len(powers) > 4 else (1, 2, 5)
    ticks = [digit * 10.0**power for power in powers for digit in digits]
    return [tick for tick in ticks if low <= tick <= high]
