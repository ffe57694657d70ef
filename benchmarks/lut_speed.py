"""How fast are LUTs applied?

    python benchmarks/lut_speed.py

Grades an image of 12 megapixels, a gradient with noise, by a table of 33 points to a side, with
and without curves and a domain before it: 8 bits, 16 bits, and the floating-point planes that
filters give. Also reads and writes the table as ``.cube``. Writes ``results/lut_speed.json``:
megapixels per second and seconds, the best of several turns, in which all follow each other, so
that what else the machine does hits all alike.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from measuring import RESULTS, machine, seconds_of, write

from fast_nst.lut import Lut, read_lut, write_cube
from fast_nst.lut.table import grid

SIZE = (3000, 4000)  # px


def make_image() -> Any:
    """(H, W, 3), float32 in [0, 1]."""
    height, width = SIZE
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    smooth = np.stack([x / width, y / height, (x + y) / (width + height)], axis=-1)
    noise = np.random.default_rng(0).normal(0, 0.02, smooth.shape).astype(np.float32)
    return (smooth + noise).clip(0, 1)


def make_lut(curves: bool) -> Lut:
    """A look of 33 points."""
    table = grid(33)
    look = 0.6 * table * table * (3 - 2 * table) + 0.4 * table[..., ::-1]
    if not curves:
        return Lut(look)
    shaper = np.sqrt(np.linspace(0, 1, 1024))[:, None].repeat(3, axis=1)
    return Lut(look, ((0, 0, 0), (2, 2, 2)), shaper)


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    image = make_image()
    bytes_8, bytes_16 = (image * 255).round().astype(np.uint8), (image * 65535).round()
    bytes_16, planes = bytes_16.astype(np.uint16), np.ascontiguousarray(image.transpose(2, 0, 1))
    jobs: dict[str, Callable[[], object]] = {}
    for name, lut in (("table", make_lut(False)), ("domain, curves and table", make_lut(True))):
        jobs[f"{name}, 8 bits"] = partial(lut.apply, bytes_8)
        jobs[f"{name}, 16 bits"] = partial(lut.apply, bytes_16)
        jobs[f"{name}, planes of float32"] = partial(lut.apply_planes, planes)
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "look.cube")
        jobs["write .cube"] = partial(write_cube, path, make_lut(False))
        jobs["read .cube"] = partial(read_lut, path)
        seconds |= {"write .cube": [], "read .cube": []}
        for turn in range(args.turns + 1):
            for name, job in jobs.items():
                took = seconds_of(job)
                if turn:  # the first makes the processors
                    seconds[name].append(took)
    megapixels = SIZE[0] * SIZE[1] / 1e6
    files = ("write .cube", "read .cube")
    best = {name: min(took) for name, took in seconds.items()}
    rates = {name: round(megapixels / best[name], 1) for name in best if name not in files}
    times = {name: round(best[name], 3) for name in files}
    for name, rate in rates.items():
        print(f"{name:44} {rate:6.1f} megapixels/s")
    for name, took in times.items():
        print(f"{name:44} {took:6.3f} s")
    result = {
        "image_px": SIZE,
        "points": 33,
        "megapixels_per_s": rates,
        "seconds": times,
        "machine": machine() | {"opencolorio": version("opencolorio")},
    }
    write("lut_speed", result, args.out)


if __name__ == "__main__":
    main()
