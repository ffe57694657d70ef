"""Does a long run grow? Memory over many training steps, and over the size of stylized images.

    python benchmarks/growth.py                  # 10,000 steps of a tiny configuration: minutes

Training: the resident memory of the real trainer after N steps, against that after 100. Stylizing:
the peak of a process that stylizes one image, above what it takes for a small one, for images
of growing size; each in a process of its own. The processor time per step is given for the first
and the last tenth, too: unlike the time of day, it hardly depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from input_speed import make_photos
from measuring import RESULTS, machine, write

from fast_nst.config import OptimizerConfig, TrainerConfig
from fast_nst.data.cache import VARIABLE
from fast_nst.data.module import ImageDataModule
from fast_nst.encoders import create_encoder
from fast_nst.filters.checkpoint import FilterMetadata, Style
from fast_nst.hardware import keep_freed_memory
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.networks import create_network
from fast_nst.training.module import StyleTransferModule
from fast_nst.training.schedule import Schedule
from fast_nst.training.trainer import create_trainer

SIDES = (512, 1024, 1536, 2048)  # px, of stylized images
STYLIZE = """
import sys, torch
from pathlib import Path
from fast_nst.inference.stylizer import Stylizer
from fast_nst.networks import create_network
torch.manual_seed(0)
side = int(sys.argv[1])
with torch.inference_mode():
    stylize = Stylizer(create_network("johnson", width=16, blocks=5), device="cpu")
    stylize(torch.rand(1, 3, side, side))
# Of this process alone: getrusage would begin with its parent's peak.
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024)
"""


def resident_bytes() -> int:
    """Memory of this process, as the system counts it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this system does not tell a process's memory in /proc; run this on Linux")


class Watch(pl.Callback):
    """Notes memory and processor time after every hundredth step."""

    def __init__(self, every: int = 100) -> None:
        self.every = every
        self.memory: list[int] = []
        self.times: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Look, if it is time to."""
        if trainer.global_step % self.every == 0:
            self.memory.append(resident_bytes())
            self.times.append(time.process_time())


def training(steps: int) -> dict[str, Any]:
    """Train a tiny network on photographs from the cache for so many steps."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ[VARIABLE] = str(Path(scratch) / "cache")
        photos = Path(scratch) / "photos"
        photos.mkdir()
        make_photos(photos, 12)
        return train(steps, photos)


def train(steps: int, photos: Path) -> dict[str, Any]:
    """Train on a folder, with the first layers of the encoder only: minutes, not hours."""
    keep_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    style = torch.rand(1, 3, 64, 64)
    loss = PerceptualLoss(
        create_encoder("vgg_lite"), style, content_layers=("relu2_1",),
        style_layers=("relu1_1", "relu2_1"), content_weight=1.0, style_weight=30.0,
        grid_weight=20.0, pattern_weight=0.15,
    )  # fmt: skip
    network = create_network("johnson", width=2, blocks=1)
    optimizer = OptimizerConfig(name="muon", lr=1e-3, warmup=0.02, final_lr=0.0, clip=None)
    nothing = FilterMetadata(styles=(Style(""),), network="johnson", network_arguments={})
    module = StyleTransferModule(network, loss, optimizer, Schedule(steps, None), nothing, 10)
    watch = Watch()
    config = TrainerConfig(
        accelerator="cpu", devices="1", strategy="auto", num_nodes=1, precision="auto"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = create_trainer(
            config, max_steps=steps, clip=None, log_every=10, callbacks=[watch], logger=False
        )
        data = ImageDataModule("folder", size=32, batch_size=1, path=photos, cache=True)
        trainer.fit(module, datamodule=data)
    tenth = max(1, len(watch.times) // 10)
    paces = np.diff(watch.times) / watch.every
    return {
        "steps": steps,
        "mib_after_100": round(watch.memory[0] / 2**20, 1),
        "mib_after_all": round(watch.memory[-1] / 2**20, 1),
        "growth": round(watch.memory[-1] / watch.memory[0] - 1, 4),
        "cpu_ms_per_step_first_tenth": round(1e3 * float(statistics.median(paces[:tenth])), 2),
        "cpu_ms_per_step_last_tenth": round(1e3 * float(statistics.median(paces[-tenth:])), 2),
    }


def stylizing() -> dict[str, Any]:
    """Peak memory by image size."""

    def peak(side: int) -> int:
        command = [sys.executable, "-c", STYLIZE, str(side)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    base = peak(64)
    pixels = np.array([side**2 for side in SIDES], float)
    taken = np.array([peak(side) - base for side in SIDES], float)
    slope = float(pixels @ taken / (pixels @ pixels))
    return {
        "network": "johnson, width 16",
        "mib_at_64_px": round(base / 2**20, 1),
        "mib_above_that": {
            f"{side}x{side}": round(bytes_ / 2**20, 1)
            for side, bytes_ in zip(SIDES, taken, strict=True)
        },
        "bytes_per_pixel": round(slope),
        "largest_departure_from_linear": round(
            float(np.abs(taken / (slope * pixels) - 1).max()), 3
        ),
    }


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    if args.steps < 200:
        parser.error(f"--steps {args.steps}: at least 200, to compare with the memory after 100.")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    result = {"stylizing": stylizing(), "training": training(args.steps), "machine": machine()}
    write("growth", result, args.out)
    print(result)


if __name__ == "__main__":
    main()
