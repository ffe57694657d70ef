r"""Are folders of 8-bit images stylized as fast as by another checkout?

    python benchmarks/image_files.py --ckpt mobile.safetensors --before ../another/checkout

Writes photographs of scikit-image, 960x640 px, as JPEG, PNG, TIFF and PNG with transparency, and
stylizes each folder by both checkouts in turn, each time in a process of its own, which measures
after a first pass. Ratios are of rates in the same round, above 1 where this checkout is faster;
medians over the rounds. Writes ``results/image_files.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
KINDS = {"jpg": "RGB", "png": "RGB", "tif": "RGB", "rgba.png": "RGBA"}
SIZE = (960, 640)  # width and height, px


def make(folder: Path, count: int) -> None:
    """Write ``count`` images of each kind."""
    from PIL import Image
    from skimage import data

    sources = [data.astronaut(), data.coffee(), data.cat(), data.rocket()]
    for kind, mode in KINDS.items():
        (folder / kind).mkdir()
        for number in range(count):
            image = Image.fromarray(sources[number % len(sources)]).rotate(number).resize(SIZE)
            image = image.convert(mode)
            if mode == "RGBA":
                image.putalpha(Image.linear_gradient("L").resize(SIZE))
            image.save(folder / kind / f"{number}.{kind.split('.')[-1]}")


def run(checkpoint: Path, folder: Path) -> dict[str, tuple[float, float]]:
    """Seconds, and seconds of the processor, that one pass over each folder takes."""
    from fast_nst.batch import stylize_files
    from fast_nst.inference import Stylizer

    stylizer = Stylizer.load(checkpoint)
    found = {}
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as out:
            files = sorted((folder / kind).iterdir())
            stylize_files(stylizer, files[:4], Path(out))
            begin, processor = time.perf_counter(), time.process_time()
            stylize_files(stylizer, files, Path(out))
            found[kind] = (time.perf_counter() - begin, time.process_time() - processor)
    return found


def main() -> None:
    """Measure in turn, write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ckpt", type=Path, required=True, help="a filter")
    parser.add_argument("--before", type=Path, required=True, help="another checkout")
    parser.add_argument("--count", type=int, default=24, help="images of each kind")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.folder:
        print(json.dumps(run(args.ckpt, args.folder)))
        return
    from measuring import machine, write

    ratios: dict[str, dict[str, list[float]]] = {
        kind: {"rate": [], "processor": []} for kind in KINDS
    }
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), args.count)
        command = [sys.executable, __file__, "--ckpt", str(args.ckpt.resolve())]
        command += ["--before", str(args.before), "--folder", folder]
        for number in range(args.rounds):
            times = {}
            order = [HERE, args.before.resolve()]
            for checkout in order if number % 2 else order[::-1]:
                done = subprocess.run(
                    command,
                    env={**os.environ, "PYTHONPATH": str(checkout)},
                    check=True,
                    capture_output=True,
                    text=True,
                )
                times[checkout] = json.loads(done.stdout.splitlines()[-1])
            for kind in KINDS:
                before, now = times[order[1]][kind], times[HERE][kind]
                ratios[kind]["rate"].append(round(before[0] / now[0], 3))
                ratios[kind]["processor"].append(round(before[1] / now[1], 3))
            print({kind: each["rate"][-1] for kind, each in ratios.items()}, flush=True)
    medians = {
        kind: {name: statistics.median(values) for name, values in each.items()}
        for kind, each in ratios.items()
    }
    print(medians)
    write(
        "image_files",
        {
            "machine": machine(),
            "images": args.count,
            "size_px": SIZE,
            "medians": medians,
            "rounds": ratios,
        },
    )


if __name__ == "__main__":
    main()
