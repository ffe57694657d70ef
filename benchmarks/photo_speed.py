"""How long ``fast-nst enhance`` takes to fit a look and to apply it, and how much memory.

    python benchmarks/photo_speed.py --photo PHOTO --reference REFERENCE

The photo is enlarged to 12 megapixels. Fit and application are timed by the clock and by the
processor, best of ``--repeats``: on a machine with other work, the clock says little. Memory is
that of a process of its own, which enhances a JPEG of 12 and of 48 megapixels with the command.

Writes ``results/photo_speed.json``.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from measuring import machine, write
from PIL import Image

from fast_nst.photo import EnhanceOptions, fit

SIZES = {"12": (4000, 3000), "48": (8000, 6000)}  # megapixels: px


def planes(file: Path, size: tuple[int, int] | None = None) -> npt.NDArray[np.float32]:
    """(3, H, W) in [0, 1]."""
    with Image.open(file) as opened:
        image = opened.convert("RGB")
    if size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    rows = np.asarray(image, np.float32) / np.float32(255)
    return np.ascontiguousarray(rows.transpose(2, 0, 1))


def timed(work: Callable[[], object], repeats: int) -> dict[str, float]:
    """Seconds by the clock and by the processor, of all threads; each the best."""
    clock, processor = [], []
    for _ in range(repeats):
        begin = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - begin[0])
        processor.append(time.process_time() - begin[1])
    return {"clock_s": min(clock), "processor_s": min(processor)}


def peak_memory(photo: Path, reference: Path, size: tuple[int, int]) -> float:
    """MB that the command held at most."""
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.jpg"
        with Image.open(photo) as opened:
            opened.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(large, quality=92)
        command = ["-m", "fast_nst", "enhance", large, reference, "-o", Path(folder) / "out.jpg"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert after > before, "an earlier process held more: measure the smaller size first"
    return after / 1000


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    memory = {name: peak_memory(args.photo, args.reference, size) for name, size in SIZES.items()}
    photo, reference = planes(args.photo, SIZES["12"]), planes(args.reference)
    megapixels = photo.shape[1] * photo.shape[2] / 1e6
    found: dict[str, Any] = {"machine": machine(), "peak_memory_mb": memory}
    for name, local in (("local", True), ("global", False)):
        options = EnhanceOptions(local=local)
        look = fit(photo, [reference], options)
        fitting = timed(lambda chosen=options: fit(photo, [reference], chosen), args.repeats)
        applying = timed(lambda found=look: found.apply(photo), args.repeats)
        found[name] = {
            "fit": fitting,
            "apply": applying,
            "megapixels_per_s": megapixels / applying["clock_s"],
            "megapixels_per_s_and_core": megapixels / applying["processor_s"],
        }
        print(name, found[name])
    print("peak memory, MB:", memory, "cores:", os.cpu_count())
    write("photo_speed", found)


if __name__ == "__main__":
    main()
