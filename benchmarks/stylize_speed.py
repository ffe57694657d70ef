"""How fast do the engines stylize, and what memory do they take?

    python benchmarks/stylize_speed.py

Every network of ``conf/network`` (with random weights, on which the time does not depend) in every
engine, and the PyTorch examples' network as that program runs it (eager, float32, contiguous):
seconds for one picture, medians of several rounds in which all take turns. Peak memory is that of a
process of its own, less what it had before the picture. Graphs are taken from the user's cache, and
kept there. Writes ``results/stylize_speed.json``.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn

from fast_nst.checkpoint import FilterMetadata, save_filter
from fast_nst.engine import ENGINES
from fast_nst.inference.engine_network import load_network
from fast_nst.networks import create_network
from fast_nst.paths import config_dir

PEER = "pytorch_examples, as it runs there"
SIZES = {"256": (256, 256), "720p": (720, 1280), "1080p": (1080, 1920)}
MEMORY_AT = "720p"

Rows = dict[tuple[str, str], dict[str, float]]  # by network and engine

MEMORY = """
import sys, torch
from pathlib import Path
from fast_nst.inference.engine_network import load_network
network = load_network(sys.argv[1], "cpu", sys.argv[2])[0]
def peak():  # of this process alone: getrusage would begin with its parent's
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
with torch.inference_mode():
    network(torch.zeros(1, 3, 64, 64))
    before = peak()
    network(torch.zeros(1, 3, int(sys.argv[3]), int(sys.argv[4])))
print((peak() - before) / 1024)
"""


def make_filters(folder: Path) -> dict[str, Path]:
    """A filter file for every network configuration, and for the peer."""
    files = {}
    wanted = {
        file.stem: yaml.safe_load(file.read_text()) for file in config_dir().glob("network/*")
    }
    for name, arguments in {**wanted, PEER: {"name": "pytorch_examples"}}.items():
        kind = arguments.pop("name")
        torch.manual_seed(0)
        network = create_network(kind, **arguments)
        metadata = FilterMetadata("random", kind, arguments)
        files[name] = save_filter(folder / f"{len(files)}.safetensors", network, metadata)
    return files


def load(files: dict[str, Path]) -> dict[tuple[str, str], nn.Module]:
    """Every network in every engine; the peer in PyTorch only."""
    return {
        (name, engine): load_network(file, "cpu", engine)[0]
        for name, file in files.items()
        for engine in ENGINES
        if name != PEER or engine == "torch"
    }


def timed(work: Callable[[Tensor], Tensor], picture: Tensor) -> float:
    """Seconds of one call."""
    begin = time.perf_counter()
    work(picture)
    return time.perf_counter() - begin


def memory_mb(file: Path, engine: str) -> float:
    """MB that a picture of ``MEMORY_AT`` takes at most, beyond a small one."""
    sides = [str(side) for side in SIZES[MEMORY_AT]]
    command = [sys.executable, "-c", MEMORY, str(file), engine, *sides]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def merge(file: Path, document: dict[str, object], rows: Rows) -> Rows:
    """Add the sizes that an earlier run of the same day, machine and versions measured."""
    if not file.is_file():
        return rows
    earlier = json.loads(file.read_text())
    if any(earlier.get(key) != value for key, value in document.items()):
        return rows
    merged = {(row.pop("network"), row.pop("engine")): row for row in earlier["results"]}
    return {key: {**merged.get(key, {}), **row} for key, row in rows.items()}


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--rounds", type=int, default=5, help="of each; the first of each is left out"
    )
    parser.add_argument("--sizes", default=",".join(SIZES), help="of 256, 720p, 1080p, or none")
    parser.add_argument("--no-memory", action="store_true", help="leave peak memory out")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results" / "stylize_speed.json"
    )
    options = parser.parse_args()
    rows: Rows = {}
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        files = make_filters(Path(folder))
        networks = load(files)
        for size in filter(None, options.sizes.split(",")):
            picture = torch.rand(1, 3, *SIZES[size])
            seconds: dict[tuple[str, str], list[float]] = {key: [] for key in networks}
            for _ in range(options.rounds + 1):
                for key, network in networks.items():
                    seconds[key].append(timed(network, picture))
            for key, each in seconds.items():
                rows.setdefault(key, {})[f"{size}_rounds"] = options.rounds
                rows.setdefault(key, {})[f"{size}_s"] = round(statistics.median(each[1:]), 4)
        if not options.no_memory:
            for key in networks:
                rows[key][f"{MEMORY_AT}_peak_mb"] = round(memory_mb(files[key[0]], key[1]))
    model = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    document = {
        "machine": {"cpu": model[0].split(": ")[1] if model else platform.machine()},
        "threads": torch.get_num_threads(),
        "versions": {name: version(name) for name in ("torch", "onnxruntime", "numpy")},
        "date": time.strftime("%Y-%m-%d"),
    }
    rows = merge(options.output, document, rows)
    results = [{"network": name, "engine": engine, **row} for (name, engine), row in rows.items()]
    document["results"] = results
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    for row in results:
        print("  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
