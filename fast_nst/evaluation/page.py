"""The report as one self-contained HTML page."""

from __future__ import annotations

import base64
import io
from typing import Any

from jinja2 import Environment, StrictUndefined
from torch import Tensor

from fast_nst.evaluation.charts import color, curve_chart, strip_chart
from fast_nst.evaluation.report import FIGURES, ITERATIONS, Curve, Report
from fast_nst.image.io import image_to_pil
from fast_nst.paths import PACKAGE

PER_PHOTO = (
    *ITERATIONS,
    "content",
    "style",
    "judge_content",
    "judge_style",
    "style_left",
    "agreement",
    "structure",
    "grid",
    "hatching",
    "border",
    "stroke_size",
    "stroke_coherence",
    "face_edges",
)


def render_page(report: Report) -> str:
    """Render a report as HTML that loads nothing from elsewhere; it embeds images and plots."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string((PACKAGE / "evaluation" / "page.html").read_text("utf-8"))
    return template.render(
        report=report,
        resampler=_resampler(report),
        figures=FIGURES,
        color=color,
        distributions=[_distributions(report, at.size) for at in report.filters[0].sizes],
        curves=[_chart(report, curve) for curve in report.curves],
        sheets=[
            (curve, [(label, image_uri(rgb)) for label, rgb in curve.sheet])
            for curve in report.curves
        ],
    )


def _resampler(report: Report) -> str:
    """How images were resized, in words."""
    how = report.settings["resampler"]
    antialias = "with" if how["antialias"] else "without"
    return f"{how['library']}, {how['kind']}, {antialias} antialiasing"


def image_uri(rgb: Tensor) -> str:
    """(3, H, W) in [0, 1] as a data URI of a JPEG."""
    buffer = io.BytesIO()
    image_to_pil(rgb).save(buffer, "JPEG", quality=90, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _distributions(report: Report, size: int) -> dict[str, Any]:
    """The size, and a chart for each figure that photos have there."""
    charts = []
    for name in PER_PHOTO:
        rows = []
        for index, each in enumerate(report.filters):
            photos = next(at.photos for at in each.sizes if at.size == size)
            points = [(row["photo"], row[name]) for row in photos if name in row]
            rows.append((each.name, color(index), points))
        limit = float(report.settings["iterations"]) if name in ITERATIONS else None
        if any(points for _, _, points in rows) and (chart := strip_chart(rows, limit)):
            charts.append((FIGURES[name].label, chart))
    return {"size": size, "charts": charts}


def _chart(report: Report, curve: Curve) -> tuple[Curve, str, list[tuple[str, str]]]:
    """The curve, its chart, and the names of its filters with their colors."""
    numbers = {each.name: index for index, each in enumerate(report.filters)}
    levels = [(name, goal, color(numbers[name])) for name, goal in curve.filters.items()]
    return curve, curve_chart(curve.totals, levels), [(name, fill) for name, _, fill in levels]
