"""Does a folder of photos run at the network's own speed?

    python benchmarks/folder_speed.py --ckpt checkpoints/starry_night.safetensors

Takes turns, in one process, between the network alone on images that are in memory already and
``stylize_files`` from JPEG files to JPEG files, each time all of them: what is measured in turns
sees the same machine.
Photos come from ``--photos FOLDER``, or are cut from the photographs of scikit-image, resized to
481x321 px. Writes ``results/folder_speed.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import PIL
import torch
from PIL import Image

from fast_nst.batch import stylize_files
from fast_nst.image.io import list_images, read_image
from fast_nst.inference import Stylizer

SIZE = (481, 321)  # width and height, px


def make_photos(folder: Path, count: int, photos: Path | None) -> None:
    """Write ``count`` different JPEG files of ``SIZE``."""
    if photos:
        sources = [Image.open(file).convert("RGB") for file in list_images(photos)[:count]]
    else:
        from skimage import data

        images = (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())
        sources = [Image.fromarray(each) for each in images]
    for number in range(count):
        source = sources[number % len(sources)]
        # Another part of the same photograph each time it comes.
        inset = 2 * (number // len(sources))
        box = (inset, inset, source.width - inset, source.height - inset)
        photo = source.crop(box).resize(SIZE, Image.Resampling.LANCZOS)
        photo.save(folder / f"{number:03d}.jpg", quality=92)


def time_network(stylizer: Stylizer, files: list[Path]) -> float:
    """Seconds that the network takes for these images, which are read before."""
    batches = [read_image(file).rgb[None].to(stylizer.device) for file in files]
    begin = time.perf_counter()
    with torch.inference_mode():
        for batch in batches:
            stylizer.network(batch)
        if stylizer.device.type == "cuda":
            torch.cuda.synchronize()
    return time.perf_counter() - begin


def time_folder(stylizer: Stylizer, files: list[Path]) -> float:
    """Seconds from files to files."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        report = stylize_files(stylizer, files, folder)
        seconds = time.perf_counter() - begin
    if report.failures:
        raise SystemExit(report.failures[0].message)
    return seconds


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "pillow": PIL.__version__,
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
    }


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ckpt", type=Path, required=True)
    parser.add_argument("--photos", type=Path, help="folder of photographs")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--turns", type=int, default=4, help="how often each is measured")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    args = parser.parse_args()
    stylizer = Stylizer.load(args.ckpt, args.device)
    network_s, folder_s = [], []
    with tempfile.TemporaryDirectory() as folder:
        make_photos(Path(folder), args.count, args.photos)
        files = list_images(folder)
        time_folder(stylizer, files[:2])
        time_network(stylizer, files[:2])
        for _ in range(args.turns):
            network_s.append(time_network(stylizer, files) / len(files))
            folder_s.append(time_folder(stylizer, files) / len(files))
    shares = [alone / whole for alone, whole in zip(network_s, folder_s, strict=True)]
    result = {
        "photos": args.count,
        "size_px": SIZE,
        "filter": args.ckpt.stem,
        "device": str(stylizer.device),
        "network_images_per_s": round(len(network_s) / sum(network_s), 2),
        "folder_images_per_s": round(len(folder_s) / sum(folder_s), 2),
        "folder_over_network": round(statistics.median(shares), 3),
        "folder_over_network_by_turn": [round(share, 3) for share in shares],
        "machine": machine(),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "folder_speed.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
