"""What does stylizing a large image in a given amount of memory cost, in time and in accuracy?

    python benchmarks/large_images.py --ckpt starry_night.safetensors \
        --photos PHOTOS --megapixels 100 --memory 1.5GB

For every photo, reduced to 2048 px, the result in strips is compared with that of the whole image
(in 1/255; also from a reduced copy's statistics, as URST, Chen et al. 2021, takes them). Then an
image of the size asked for, made of mirrored copies of the first photo, is stylized by a process of
its own, whose peak memory and time are measured. Writes ``results/large_images.json``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor, nn

from fast_nst.filters.checkpoint import load_filter
from fast_nst.image.io import list_images, read_image, write_image
from fast_nst.image.resize import resize_short_side
from fast_nst.networks.norm import record_statistics, use_statistics
from fast_nst.tiling.strips import stylize_rows

SIZE = 2048
STRIPS_MEMORY = 100e6  # bytes: a dozen strips or more in the widest segments


def compare(network: nn.Module, rgb: Tensor, folder: Path | None, name: str) -> dict[str, object]:
    """Differences from the result of the whole image, (1, 3, H, W), in 1/255."""
    begin = time.monotonic()
    with torch.inference_mode():
        whole = network(rgb)
    whole_s = time.monotonic() - begin
    strips = torch.empty_like(whole)

    def write(top: int, rows: Tensor) -> None:
        strips[:, :, top : top + rows.shape[2]] = rows

    begin = time.monotonic()
    size = (rgb.shape[2], rgb.shape[3])
    stylize_rows(network, size, lambda a, b: rgb[:, :, a:b], write, memory=STRIPS_MEMORY)
    strips_s = time.monotonic() - begin
    with torch.inference_mode():
        with record_statistics(network) as statistics:
            network(F.interpolate(rgb, scale_factor=0.5, mode="bilinear", antialias=True))
        with use_statistics(network, statistics):
            reduced = network(rgb)
    errors = {"strips": (strips - whole).abs() * 255, "half_size": (reduced - whole).abs() * 255}
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        difference = errors["strips"][0]
        write_image(folder / f"{name}.png", difference / difference.max())
    return {
        "size": list(size),
        "whole_s": round(whole_s, 2),
        "strips_s": round(strips_s, 2),
        **{
            kind: {"max": round(float(e.max()), 4), "mean": round(float(e.mean()), 5)}
            for kind, e in errors.items()
        },
    }


def enlarge(photo: Path, megapixels: float, target: Path) -> tuple[int, int]:
    """Write mirrored copies of a photo, 3:2, as a JPEG; return width and height."""
    height = math.ceil(math.sqrt(megapixels * 1e6 / 1.5))
    width = math.ceil(megapixels * 1e6 / height)
    whole = Image.new("RGB", (width, height))
    with Image.open(photo) as image:
        copy = image.convert("RGB")
    for row in range(-(-height // copy.height)):
        for column in range(-(-width // copy.width)):
            part = ImageOps.mirror(copy) if column % 2 else copy
            part = ImageOps.flip(part) if row % 2 else part
            whole.paste(part, (column * copy.width, row * copy.height))
    whole.save(target, quality=90)
    return width, height


def measure(ckpt: Path, photo: Path, megapixels: float, memory: str) -> dict[str, object]:
    """Peak memory and time of a process that stylizes a large image from file to file."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "large.jpg"), Path(folder, "stylized.jpg")
        width, height = enlarge(photo, megapixels, source)
        begin = time.monotonic()
        command = [sys.executable, "-m", "fast_nst", "stylize", "--ckpt", ckpt, source]
        command += ["-o", target, "--memory", memory]
        # A fresh parent, as small as can be: a child counts its parent's peak before exec as its.
        program = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, "
            "resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime)"
        )
        shown = subprocess.run(
            [sys.executable, "-c", program, *map(str, command)],
            check=True,
            capture_output=True,
            text=True,
        )
        peak, seconds = map(float, shown.stdout.split()[-2:])
        with Image.open(target) as image:
            assert image.size == (width, height)
    return {
        "size": [height, width],
        "memory": memory,
        "peak_gb": round(peak * (1 if sys.platform == "darwin" else 1024) / 1e9, 3),
        "wall_s": round(time.monotonic() - begin, 1),
        "cpu_s": round(seconds, 1),
    }


def main() -> None:
    """Compare, measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ckpt", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--megapixels", type=float, default=100, help="0 to leave it out")
    parser.add_argument("--memory", default="1.5GB")
    parser.add_argument("--differences", type=Path, help="folder for amplified differences")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    args = parser.parse_args()
    network = load_filter(args.ckpt).network
    photos = list_images(args.photos)
    result: dict[str, object] = {"compared": {}}
    for photo in photos:
        rgb = read_image(photo).rgb
        short = round(SIZE * min(rgb.shape[1:]) / max(rgb.shape[1:]))
        rgb = resize_short_side(rgb, short)[None].clamp(0, 1)
        found = compare(network, rgb, args.differences, photo.stem)
        result["compared"] |= {photo.name: found}  # type: ignore[operator]
        print(photo.name, found, flush=True)
    if args.megapixels:
        result["large"] = measure(args.ckpt, photos[0], args.megapixels, args.memory)
        print(result["large"])
    result["machine"] = {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "large_images.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
