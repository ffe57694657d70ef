"""How long does a command take from its start to its end, where there is hardly anything to do?

    python benchmarks/startup.py

Fresh processes of the real commands on a warm disk, in turn, medians: ``fast-nst --help``,
``fast-nst stylize`` of an image of 256 px in ONNX Runtime (graph in the cache) and in PyTorch,
``fast-nst make`` of a picture of 512 px, ``fast-nst stylize --style`` of it, as after the install
(nothing in the cache) and again; and, to compare with, ``import torch`` alone. The network of the
filter files is that of Johnson et al. with 16 channels and random weights. The result also says
whether the process loaded PyTorch. Once, at the end: ``fast-nst make --refine 30s``, a training of
30 s with all that comes before and after it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from measuring import RESULTS, machine, write
from PIL import Image

from fast_nst.filters.checkpoint import FilterMetadata, Style, save_filter
from fast_nst.networks import create_network
from fast_nst.paths import asset_path

ARGUMENTS = {"width": 16, "blocks": 5}
RUN = "from fast_nst.cli.main import main; main()"
TELL = "import atexit, sys; atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr))"


def prepare(folder: Path) -> tuple[Path, Path]:
    """A filter file and an image."""
    torch.manual_seed(0)
    network = create_network("johnson", **ARGUMENTS)
    metadata = FilterMetadata((Style("random"),), "johnson", ARGUMENTS)
    ckpt = save_filter(folder / "random.safetensors", network, metadata)
    photo = folder / "photo.jpg"
    Image.effect_noise((256, 256), 60).convert("RGB").save(photo)
    shutil.copy(asset_path("styles/great_wave.webp"), folder / "picture.webp")
    return ckpt, photo


def run(program: str, *arguments: str | Path) -> tuple[float, bool]:
    """Seconds of one process, and whether it loaded PyTorch."""
    command = [sys.executable, "-c", f"{TELL}\n{program}", *map(str, arguments)]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"{' '.join(command[3:])} failed: {done.stderr}")
    return seconds, done.stderr.splitlines()[-1] == "True"


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5, help="after one that is left out")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["FAST_NST_CACHE"] = str(Path(scratch) / "cache")
        ckpt, photo = prepare(Path(scratch))
        stylize = ("stylize", photo, "-o", Path(scratch) / "out.png", "--ckpt", ckpt, "--engine")
        picture = Path(scratch) / "picture.webp"
        by_style = ("stylize", photo, "-o", Path(scratch) / "out.png", "--style", picture)
        commands: dict[str, tuple[str | Path, ...]] = {
            "fast-nst --help": (RUN, "--help"),
            "fast-nst stylize --engine onnxruntime": (RUN, *stylize, "onnxruntime"),
            "fast-nst stylize --engine torch": (RUN, *stylize, "torch"),
            "import torch": ("import torch",),
            "fast-nst make": (RUN, "make", picture, "-o", Path(scratch) / "made.safetensors"),
            "fast-nst stylize --style, the first time": (RUN, *by_style),
            "fast-nst stylize --style": (RUN, *by_style),
        }
        found: dict[str, list[tuple[float, bool]]] = {name: [] for name in commands}
        for _ in range(args.rounds + 1):  # the first is left out
            for name, (program, *arguments) in commands.items():
                if "first time" in name:
                    shutil.rmtree(Path(scratch) / "cache" / "filters", ignore_errors=True)
                found[name].append(run(str(program), *arguments))
        found = {name: each[1:] for name, each in found.items()}
        refined = (*commands["fast-nst make"], "--refine", "30s")
        found["fast-nst make --refine 30s"] = [run(*map(str, refined))]
    result = {
        "size_px": 256,
        "rounds": args.rounds,
        "network": "johnson, width 16",
        "commands": {
            name: {
                "s": round(statistics.median(seconds for seconds, _ in each), 3),
                "all_s": [round(seconds, 3) for seconds, _ in each],
                "loads_torch": each[-1][1],
            }
            for name, each in found.items()
        },
        "machine": machine(),
    }
    write("startup", result, args.out)
    for name, each in result["commands"].items():  # type: ignore[attr-defined]
        print(f"{name}: {each['s']:.2f} s")


if __name__ == "__main__":
    main()
