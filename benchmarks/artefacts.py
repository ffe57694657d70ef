"""What do the report's artefact figures give where the answer is known?

    python benchmarks/artefacts.py --photos HELDOUT

Takes the photographs of a folder at 256 px (short side) as they are, and with a grid, a hatching or
a frame painted on; white noise; and the bundled style images. Writes what grid, hatching and
border say of each to ``results/artefacts.json``. With ``--ckpt FILE``, also what they say of a
filter.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from fast_nst.evaluation.artefacts import (
    border_figure,
    border_shift,
    crop,
    flat_windows,
    grid_excess,
    grid_figure,
    pattern_peak,
    windows,
)
from fast_nst.filters.checkpoint import load_filter
from fast_nst.hardware import describe_machine
from fast_nst.image.io import list_images, read_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.functional import BAND
from fast_nst.paths import asset_path

SIZE = 256
STRIDE = 4
Paint = Callable[[Tensor], Tensor]


def stripes(period: float, amplitude: float, angle: float = 0.0) -> Paint:
    """Add a sinusoid of this period, px, and amplitude (of 1), across ``angle``."""

    def paint(image: Tensor) -> Tensor:
        y = torch.arange(image.shape[2])[:, None]
        x = torch.arange(image.shape[3])
        phase = 2 * math.pi * (x * math.cos(angle) + y * math.sin(angle)) / period
        return (image + amplitude * phase.sin()).clamp(0, 1)

    return paint


def woven(image: Tensor) -> Tensor:
    """Brighten every fourth row and column by 4 %."""
    painted = image.clone()
    painted[..., ::STRIDE, :] += 0.04
    painted[..., ::STRIDE] += 0.04
    return painted.clamp(0, 1)


def frame(image: Tensor) -> Tensor:
    """Darken the outermost 8 px by 15 %."""
    painted = 0.85 * image
    inside = (..., slice(BAND, -BAND), slice(BAND, -BAND))
    painted[inside] = image[inside]
    return painted


def grid(photos: Sequence[Tensor], paint: Paint) -> float:
    """The figure of images painted on, in the photographs' flat areas; over the photographs'."""
    flat = [flat_windows(each) for each in photos]
    pairs = zip(photos, flat, strict=True)
    painted = [grid_excess(windows(paint(photo))[at], STRIDE) for photo, at in pairs]
    own = [grid_excess(windows(p)[at], STRIDE) for p, at in zip(photos, flat, strict=True)]
    return grid_figure(torch.stack(painted)) / grid_figure(torch.stack(own))


def hatching(photos: Sequence[Tensor], paint: Paint) -> float:
    """The median strongest pattern in flat areas."""
    peaks = [pattern_peak(windows(paint(each))[flat_windows(each)]) for each in photos]
    return float(torch.cat(peaks).median())


def border(photos: Sequence[Tensor], paint: Paint) -> float:
    """The figure where the paint knows the border."""
    shifts = [border_shift(paint(crop(each)), crop(paint(each))) for each in photos]
    return border_figure(torch.stack(shifts))


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--ckpt", type=Path, help="measure this filter as well")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    args = parser.parse_args()
    photos = [
        resize_short_side(read_image(file).rgb[None], SIZE) for file in list_images(args.photos)
    ]
    generator = torch.Generator().manual_seed(0)
    noise = [torch.rand(each.shape, generator=generator) for each in photos]
    styles = [
        float(pattern_peak(windows(resize_short_side(read_image(file).rgb[None], SIZE))).median())
        for file in sorted(asset_path("styles").glob("*.webp"))
    ]

    def same(image: Tensor) -> Tensor:
        return image

    own = [grid_excess(windows(each)[flat_windows(each)], STRIDE) for each in photos]
    found: dict[str, dict[str, float]] = {
        "grid": {
            "photographs, not divided": grid_figure(torch.stack(own)),
            "white noise, not divided": grid_figure(
                torch.stack([grid_excess(windows(each), STRIDE) for each in noise])
            ),
            "stripes of 4 px, amplitude 0.01": grid(photos, stripes(STRIDE, 0.01)),
            "stripes of 4 px, amplitude 0.03": grid(photos, stripes(STRIDE, 0.03)),
            "stripes of 5 px, amplitude 0.03": grid(photos, stripes(5, 0.03)),
            "every fourth row and column 0.04 brighter": grid(photos, woven),
        },
        "hatching, not divided": {
            "photographs": hatching(photos, same),
            "white noise": hatching(noise, same),
            "bundled styles, least": min(styles),
            "bundled styles, median": statistics.median(styles),
            "bundled styles, most": max(styles),
            "stripes of 5 px, amplitude 0.01": hatching(photos, stripes(5, 0.01, 0.4)),
            "stripes of 5 px, amplitude 0.03": hatching(photos, stripes(5, 0.03, 0.4)),
        },
        "border": {
            "photographs": border(photos, same),
            "outermost 8 px 15 % darker": border(photos, frame),
        },
    }
    if args.ckpt:
        network = load_filter(args.ckpt).network
        with torch.inference_mode():
            for name, measure in (("grid", grid), ("border", border)):
                found[name][args.ckpt.name] = measure(photos, network)
            found["hatching, not divided"][args.ckpt.name] = hatching(photos, network)
    result = {
        "photos": len(photos),
        "size_px": SIZE,
        "figures": {
            name: {what: round(value, 3) for what, value in values.items()}
            for name, values in found.items()
        },
        "date": time.strftime("%Y-%m-%d"),
        "machine": describe_machine(),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "artefacts.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result["figures"], indent=2))


if __name__ == "__main__":
    main()
