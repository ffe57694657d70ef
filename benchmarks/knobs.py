"""How evenly do strength and stroke size change what a filter paints?

    python benchmarks/knobs.py --styles STYLES --photos HELDOUT --judge vgg19_distilled.safetensors

Makes a filter with knobs of each picture of a folder (``fast-nst make --each``) and stylizes
photographs with it at 256 px (short side):

- at 11 strengths from 0 to 1: scale-free content and style losses against the picture at 256 px, by
  a judge that no filter was trained with, and the PSNR of strength 0 against the photograph;
- at 5 stroke sizes from 0.5 to 3: the period of the texture, px: where the power per octave of
  what the filter paints on calm parts of the photographs is largest.

Medians over the photographs, and over the styles. Also compares one setting folded into a plain
filter with the network that it was folded from. Writes ``results/knobs.json``, or
``knobs_NETWORK.json``.

Without ``--styles``, it measures the bundled styles, with the bundled filter, which was trained,
and writes ``knobs_bundled.json`` or ``knobs_bundled_NETWORK.json``.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from any_style import SIZE, losses
from measuring import machine, write
from torch import Tensor

from fast_nst.encoders import create_encoder
from fast_nst.evaluation.artefacts import WINDOW
from fast_nst.evaluation.strokes import calm_windows, color_windows, stroke_size
from fast_nst.filter_metadata import Binding
from fast_nst.filters.checkpoint import UnboundFilter
from fast_nst.image.io import list_images, read_image
from fast_nst.image.resize import resize_short_side
from fast_nst.image.style import read_style
from fast_nst.paths import asset_path
from fast_nst.prediction.load import predictor_names
from fast_nst.prediction.styled import make_styles

STRENGTHS = [number / 10 for number in range(11)]
STROKE_SIZES = (0.5, 0.8, 1.25, 2.0, 3.0)
BANDS_PER_OCTAVE = 4
SHORTEST = 4  # px; what is finer is grain, of which photographs have nearly none
LONGEST = 32  # px; longer periods do not fit twice into a window


def paint(filter_: UnboundFilter, photos: list[Tensor], **knobs: float) -> list[Tensor]:
    """What the filter makes of the photographs, (1, 3, H, W) each."""
    network = filter_.bind(Binding(knobs=knobs)).network
    return [network(photo) for photo in photos]


def power_per_octave(painted: list[Tensor], photos: list[Tensor]) -> tuple[list[float], Tensor]:
    """Periods of bands, px, and the power in each, relative to the whole, on calm windows."""
    windows = torch.cat(
        [
            color_windows(image)[calm_windows(photo)]
            for image, photo in zip(painted, photos, strict=True)
        ]
    )
    hann = torch.hann_window(WINDOW, periodic=True)
    mask = hann[:, None] * hann
    centered = windows - (windows * mask).sum((2, 3), keepdim=True) / mask.sum()
    power = torch.fft.fft2(centered * mask).abs().square().sum((0, 1))
    frequency = torch.fft.fftfreq(WINDOW)
    radius = torch.hypot(frequency[:, None], frequency[None, :])
    octave = torch.log2(1 / radius.clamp_min(1e-6))
    periods, found = [], []
    first, last = (round(math.log2(each) * BANDS_PER_OCTAVE) for each in (SHORTEST, LONGEST))
    for number in range(first, last + 1):
        center = number / BANDS_PER_OCTAVE
        weight = (1 - (octave - center).abs() * 2).clamp_min(0)  # an octave wide
        periods.append(2**center)
        # As the power of one octave of a spectrum that falls as natural images' does is constant.
        found.append(float((weight * power).sum() / weight.sum() / 4**center))
    total = sum(found)
    return periods, torch.tensor(found) / total


def texture_period(painted: list[Tensor], photos: list[Tensor]) -> float:
    """Where the power per octave, beyond that of the photographs, is largest, px."""
    periods, own = power_per_octave(painted, photos)
    _, before = power_per_octave(photos, photos)
    excess = (own / before).log()
    top = int(excess.argmax())
    if 0 < top < len(periods) - 1:  # the parabola through three bands
        left, middle, right = (float(excess[top + each]) for each in (-1, 0, 1))
        shift = 0.5 * (left - right) / (left - 2 * middle + right)
    else:
        shift = 0.0
    return periods[top] * 2 ** (shift / BANDS_PER_OCTAVE)


@torch.inference_mode()
def measure(style: Path, photos: list[Tensor], judge: Any, network: str) -> dict[str, Any]:
    """All figures of one style."""
    begin = time.monotonic()
    bundled = style.parent == asset_path("styles")
    filter_ = make_styles([style.stem if bundled else style], network)
    made_s = time.monotonic() - begin
    target = read_style(style, SIZE)
    strengths = {}
    for strength in STRENGTHS:
        painted = paint(filter_, photos, strength=strength)
        strengths[f"{strength:g}"] = losses(painted, target, photos, judge)
    nothing = paint(filter_, photos, strength=0.0)
    error = max(float((a - b).square().mean()) for a, b in zip(nothing, photos, strict=True))
    sizes = {}
    for size in STROKE_SIZES:
        painted = paint(filter_, photos, stroke_size=size)
        sizes[f"{size:g}"] = {
            "period": texture_period(painted, photos),
            "typical": statistics.median(stroke_size(color_windows(each)) for each in painted),
        }
    shares = torch.ones(1, 1)
    knobs = torch.tensor([[0.7, 1.5]])
    folded = filter_.bind(Binding(knobs={"strength": 0.7, "stroke_size": 1.5})).network
    apart = (folded(photos[0]) - filter_.network(photos[0], shares, knobs)).abs().max()
    return {
        "strengths": strengths,
        "psnr_of_strength_0": 10 * math.log10(1 / error) if error else "infinite",
        "stroke_sizes": sizes,
        "folded_differs_by": float(apart),
        "made_s": made_s,
    }


def is_even(values: list[float], falls: bool = False) -> bool:
    """Whether values never fall, or never rise."""
    pairs = itertools.pairwise(values)
    return all((a >= b) if falls else (a <= b) for a, b in pairs)


def summarize(found: dict[str, Any]) -> dict[str, Any]:
    """Medians over the styles, and in how many of them the figures are monotonic."""

    def column(kind: str, key: str, figure: str) -> float:
        return statistics.median(each[kind][key][figure] for each in found.values())

    strengths = {
        f"{key:g}": {name: column("strengths", f"{key:g}", name) for name in ("content", "style")}
        for key in STRENGTHS
    }
    sizes = {
        f"{key:g}": {
            name: column("stroke_sizes", f"{key:g}", name) for name in ("period", "typical")
        }
        for key in STROKE_SIZES
    }
    monotonic = {
        "content": sum(
            is_even([each["content"] for each in style["strengths"].values()])
            for style in found.values()
        ),
        "style": sum(
            is_even([each["style"] for each in style["strengths"].values()], falls=True)
            for style in found.values()
        ),
        "period": sum(
            is_even([each["period"] for each in style["stroke_sizes"].values()])
            for style in found.values()
        ),
        "typical": sum(
            is_even([each["typical"] for each in style["stroke_sizes"].values()])
            for style in found.values()
        ),
        "of": len(found),
    }
    factors = {
        name: statistics.median(
            each["stroke_sizes"]["3"][name] / each["stroke_sizes"]["0.5"][name]
            for each in found.values()
        )
        for name in ("period", "typical")
    }
    return {
        "strengths": strengths,
        "stroke_sizes": sizes,
        "monotonic_in": monotonic,
        "size_factor": factors,
    }


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--styles", type=Path, help="folder of style images")
    parser.add_argument("--only", nargs="*", help="names of some of them")
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--count", type=int, default=20, help="how many photographs")
    parser.add_argument("--judge", type=Path, required=True, help="weights of vgg19_distilled")
    parser.add_argument("--network", choices=predictor_names(), default="quarter")
    args = parser.parse_args()
    judge = create_encoder("vgg19_distilled", args.judge)
    photos = [
        resize_short_side(read_image(file).rgb, SIZE)[None]
        for file in list_images(args.photos)[: args.count]
    ]
    found = {}
    for style in list_images(args.styles or asset_path("styles")):
        if args.only and style.stem not in args.only:
            continue
        found[style.stem] = measure(style, photos, judge, args.network)
        print(style.stem, summarize({style.stem: found[style.stem]}), flush=True)
    name = "knobs" if args.styles else "knobs_bundled"
    name += "" if args.network == "quarter" else f"_{args.network}"
    write(
        name,
        {
            "machine": machine(),
            "photos": len(photos),
            "medians": summarize(found),
            "styles": found,
        },
    )


if __name__ == "__main__":
    main()
