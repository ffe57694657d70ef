"""What do styles that vary over an image cost, and is each of them painted as it is alone?

    python benchmarks/style_maps.py --photos HELDOUT

For filters of three bundled styles, with each network that has a predictor:

- multiplications of a map of two and of three styles, relative to one style, by PyTorch's counter,
  at several sizes of photographs;
- one style on the left and another on the right half of photographs, and one above and one below:
  how much the parts that are 40 px or more away from the border differ from the whole photograph
  in that style alone, with the statistics of norms that are used, and with those of the whole image
  for all styles alike. Mean absolute differences, in units of 1/255; medians and the worst.

Writes ``results/style_maps.json``.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import machine, write
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from fast_nst.filter_metadata import Binding
from fast_nst.filters.checkpoint import UnboundFilter
from fast_nst.image.io import list_images, read_image
from fast_nst.image.resize import resize_short_side
from fast_nst.networks.mapped import MappedNetwork
from fast_nst.prediction.load import predictor_names
from fast_nst.prediction.styled import make_styles
from fast_nst.style_map import StyleMap

STYLES = ("starry_night", "great_wave", "the_scream")
SIZES = ((160, 240), (320, 480), (720, 1280), (1080, 1920))  # px
SIDE = 320  # px, short side of photographs
AWAY = 40  # px, from the border between two styles


def count(network: nn.Module, size: tuple[int, int]) -> int:
    """Multiplications and additions for an image of a size."""
    counter = FlopCounterMode(display=False)
    with counter:
        network(torch.rand(1, 3, *size))
    return counter.get_total_flops()


def costs(filter_: UnboundFilter) -> dict[str, dict[str, float]]:
    """How many times the multiplications of one style maps take, by size and number of styles."""
    plain = filter_.bind(Binding(STYLES[0])).network
    found = {}
    for size in SIZES:
        one = count(plain, size)
        found[f"{size[1]}x{size[0]}"] = {
            f"{styles} styles": count(
                filter_.bind(
                    Binding.of(mix=StyleMap(STYLES[:styles], gradient="horizontal"))
                ).network,
                size,
            )
            / one
            for styles in (2, 3)
        }
    return found


def differences(filter_: UnboundFilter, photo: Tensor, pair: Sequence[str]) -> dict[str, Any]:
    """Differences from each style alone, far from the border, for both kinds of statistics."""
    height, width = photo.shape[-2:]
    alone = [filter_.bind(Binding(style)).network(photo) for style in pair]
    found: dict[str, list[float]] = {"compared": [], "whole image": []}
    for axis, side in ((2, height), (3, width)):
        mask = np.zeros((height, width), np.float32)
        mask.swapaxes(0, axis - 2)[side // 2 :] = 1
        made = filter_.bind(Binding.of(mix=StyleMap(tuple(pair), (mask,)))).network
        assert isinstance(made, MappedNetwork)
        painted = {"compared": made(photo)}
        plain = filter_.bind(Binding.of(mix=StyleMap(tuple(pair), (mask,)))).network
        assert isinstance(plain, MappedNetwork)
        plain.take_rows(0, height)  # compares nothing by itself
        painted["whole image"] = plain(photo)
        for kind, image in painted.items():
            for number, other in enumerate(alone):
                begin, length = (
                    (0, side // 2 - AWAY),
                    (side // 2 + AWAY, side - side // 2 - AWAY),
                )[number]
                difference = (image - other).narrow(axis, begin, length).abs().mean()
                found[kind].append(255 * float(difference))
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--count", type=int, default=8, help="how many of them")
    chosen = parser.parse_args()
    files = list_images(chosen.photos)
    files = files[:: max(1, len(files) // chosen.count)][: chosen.count]
    photos = [resize_short_side(read_image(file).rgb[None], SIDE) for file in files]
    result: dict[str, Any] = {"machine": machine(), "photos": [file.name for file in files]}
    with torch.inference_mode():
        for name in predictor_names():
            filter_ = make_styles(STYLES, name)
            seen: dict[str, list[float]] = {"compared": [], "whole image": []}
            for number, photo in enumerate(photos):
                pair = (STYLES[number % 3], STYLES[(number + 1) % 3])
                for kind, values in differences(filter_, photo, pair).items():
                    seen[kind] += values
            result[name] = {
                "multiplications": costs(filter_),
                "difference": {
                    kind: {"median": statistics.median(values), "worst": max(values)}
                    for kind, values in seen.items()
                },
            }
            print(name, result[name], flush=True)
    write("style_maps", result)


if __name__ == "__main__":
    main()
