"""How many training images a second come from a folder of photographs, and how soon the first?

    python benchmarks/input_speed.py --photos FOLDER

``data=folder`` at 256 px: decoded every time, and from the cache of decoded photographs once it is
warm, in batches of 4 and 32; in this process alone (one core), then with --workers loader
processes. Medians of rounds. With loaders, the CPU time of this process is given, too: all
images go through it, however many cores make them. Without --photos, photographs are made up:
JPEG files of 640x480 px with the detail of natural ones. The first step is that of the real
command, ``python -m fast_nst.train``, from its start to the end of its first step, with a warm
cache.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import RESULTS, machine, write
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

from fast_nst.data.cache import VARIABLE
from fast_nst.data.folder import FolderImages
from fast_nst.image.io import list_images

SIZE = 256
# What `python -m fast_nst.train` does, and a line when the first step is done.
COMMAND = """
from fast_nst import train
begin = train._train_with_progress  # nothing is imported sooner than by the command itself
def tell(*arguments, on_step):
    begin(*arguments, on_step=lambda: (on_step(), print("STEP", flush=True)))
train._train_with_progress = tell
train.main()
"""


def make_photos(folder: Path, count: int = 48) -> None:
    """Write JPEG files whose spectrum falls like that of photographs."""
    random = np.random.default_rng(0)
    down, across = np.fft.fftfreq(480)[:, None], np.fft.rfftfreq(640)[None]
    slope = 1 / np.maximum(np.hypot(down, across), 1 / 640)
    for number in range(count):
        planes = []
        for _ in range(3):
            phases = np.exp(2j * np.pi * random.random(slope.shape))
            plane = np.fft.irfft2(slope * phases, (480, 640))
            planes.append(128 + 55 * (plane - plane.mean()) / plane.std())
        pixels = np.stack(planes, axis=2).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.jpg", quality=90)


def rate(batches: Iterator[Tensor], seconds: float) -> tuple[float, float]:
    """Images a second, for about so long; and this process's own CPU time of each, ms."""
    begin, cpu_begin, images = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - begin < seconds:
        images += len(next(batches))
    cpu_ms = 1e3 * (time.process_time() - cpu_begin) / images
    return images / (time.perf_counter() - begin), cpu_ms


def stream(folder: Path, cached: bool, batch: int, workers: int) -> Iterator[Tensor]:
    """Batches, for ever."""
    images = FolderImages(folder, SIZE, cache=cached)
    return iter(DataLoader(images, batch_size=batch, num_workers=workers))


def first_step_s(folder: Path) -> float:
    """Seconds from the start of the training command to the end of its first step."""
    with tempfile.TemporaryDirectory() as empty:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [
                sys.executable, "-c", COMMAND, "data=folder", f"data.path={folder}",
                "style=starry_night", "trainer.max_steps=1", "logger=none",
            ],
            cwd=empty, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        seconds = [time.perf_counter() - begin for line in process.stdout if line == "STEP\n"]
        if process.wait() or len(seconds) != 1:
            raise SystemExit(f"the training failed (exit code {process.returncode})")
        return seconds[0]


def measure(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Both ways in turn."""
    torch.set_num_threads(1)
    photos = len(list_images(folder))
    filling = iter(FolderImages(folder, SIZE, cache=True))
    begin = time.perf_counter()
    for _ in islice(filling, photos):
        pass
    filled_s = time.perf_counter() - begin
    found: dict[str, Any] = {"photos": photos, "filling_images_per_s": round(photos / filled_s)}
    for workers in dict.fromkeys((0, args.workers)):
        own: dict[str, Any] = {}
        for cached, batch in ((False, 4), (True, 4), (True, 32)):
            batches = stream(folder, cached, batch, workers)
            next(batches)  # workers have started
            rates, cpu_ms = zip(
                *(rate(batches, args.seconds) for _ in range(args.rounds)), strict=True
            )
            del batches
            name = f"{'cached' if cached else 'decoded'}_batch_{batch}"
            own[name] = {"images_per_s": round(statistics.median(rates))}
            if workers:
                own[name]["own_cpu_ms"] = round(statistics.median(cpu_ms), 3)
        found["one_core" if workers == 0 else f"{workers}_workers"] = own
    return found


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--photos", type=Path, help="folder of photographs")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round")
    parser.add_argument("--first-steps", type=int, default=5, help="trainings; they need Hydra")
    parser.add_argument("--name", default="input_speed", help="of the result")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ[VARIABLE] = str(Path(scratch) / "cache")
        folder = args.photos
        if folder is None:
            folder = Path(scratch) / "photos"
            folder.mkdir()
            make_photos(folder)
        found = measure(folder.resolve(), args)
        first = [first_step_s(folder.resolve()) for _ in range(args.first_steps)]
    result = {
        "size_px": SIZE,
        "made_up": args.photos is None,
        **found,
        "first_step_s": round(statistics.median(first), 2) if first else None,
        "machine": machine(),
    }
    write(args.name, result, args.out)
    print(result)


if __name__ == "__main__":
    main()
