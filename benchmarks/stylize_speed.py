"""How fast do the engines stylize, and how much faster than the usual program?

    python benchmarks/stylize_speed.py

Networks of ``conf/network`` (with random weights, on which the time does not depend) in every
engine, and the PyTorch examples' network as that program runs it (eager, float32, contiguous):
milliseconds for one image, medians of several rounds in which all take turns. A turn lasts 0.3 s
at least, and its last image counts, as frames of a video follow each other. ``--memory`` adds
peak memory, that of a process of its own, less what it had before the image. What is compiled and
converted is kept in the user's cache: a second run is faster. Writes
``results/stylize_speed.json``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from measuring import RESULTS, machine, seconds_of, write
from torch import Tensor, nn

from fast_nst.filters.checkpoint import FilterMetadata, Style, save_filter
from fast_nst.networks import create_network
from fast_nst.onnx.session import cuda_at_hand
from fast_nst.paths import config_dir
from fast_nst.runtimes.load import load_network
from fast_nst.runtimes.select import ENGINES, Opening

PEER = "pytorch_examples, as it runs there"
NETWORKS = ("johnson", "quarter", "mobile")
SIZES = {"256": (256, 256), "720p": (720, 1280), "1080p": (1080, 1920), "4k": (2160, 3840)}
MEMORY_AT = "720p"
COMPARED_AT = "1080p"
TURN_S = 0.3

Key = tuple[str, str]  # network and engine

MEMORY = """
import sys, torch
from pathlib import Path
from fast_nst.runtimes.load import load_network
from fast_nst.runtimes.select import Opening
network = load_network(Opening(Path(sys.argv[1])), sys.argv[2])[0]
def peak():  # of this process alone: getrusage would begin with its parent's
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
with torch.inference_mode():
    network(torch.zeros(1, 3, 64, 64))
    before = peak()
    network(torch.zeros(1, 3, int(sys.argv[3]), int(sys.argv[4])))
print((peak() - before) / 1024)
"""


def make_filters(folder: Path, names: list[str]) -> dict[str, Path]:
    """A filter file for each of these configurations, and for the peer."""
    files = {}
    configurations = {}
    for name in names:
        read = yaml.safe_load((config_dir() / "network" / f"{name}.yaml").read_text())
        configurations[name] = read.get("network", read)  # where it sets the learning rate as well
    for name, arguments in {**configurations, PEER: {"name": "pytorch_examples"}}.items():
        kind = arguments["name"]
        arguments = {
            key: arguments[key] for key in ("width", "blocks", "adaptive") if key in arguments
        }
        torch.manual_seed(0)
        network = create_network(kind, **arguments)
        metadata = FilterMetadata((Style("random"),), kind, arguments)
        files[name] = save_filter(folder / f"{len(files)}.safetensors", network, metadata)
    return files


def load(files: dict[str, Path], device: str) -> dict[Key, nn.Module]:
    """Every network in every engine that can use the device; the peer in PyTorch only."""
    graphs = device == "cpu" or cuda_at_hand()
    return {
        (name, engine): load_network(Opening(file, device), engine)[0].to(device).eval()
        for name, file in files.items()
        for engine in ENGINES
        if (name != PEER or engine == "torch") and (engine != "onnxruntime" or graphs)
    }


def measure(networks: dict[Key, nn.Module], image: Tensor, rounds: int) -> dict[Key, list[float]]:
    """Seconds: of the first call of each, then of each round."""
    calls: dict[Key, Callable[[], object]] = {
        key: lambda network=network: network(image)  # type: ignore[misc]
        for key, network in networks.items()
    }
    device = image.device.type
    seconds = {key: [seconds_of(call, device)] for key, call in calls.items()}
    for _ in range(rounds):
        for key, call in calls.items():
            end = time.perf_counter() + TURN_S
            while True:
                last = seconds_of(call, device)
                if time.perf_counter() >= end:
                    break
            seconds[key].append(last)
    return seconds


def memory_mb(file: Path, engine: str) -> float:
    """MB that an image of ``MEMORY_AT`` takes at most, beyond a small one."""
    sides = [str(side) for side in SIZES[MEMORY_AT]]
    command = [sys.executable, "-c", MEMORY, str(file), engine, *sides]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--rounds", type=int, default=3, help="of 1080p; three times as many of 256"
    )
    parser.add_argument("--networks", default=",".join(NETWORKS), help="names of conf/network")
    parser.add_argument("--sizes", default="256,720p,1080p", help=f"of {', '.join(SIZES)}, or none")
    parser.add_argument("--memory", action="store_true", help=f"of {MEMORY_AT} on the CPU, as well")
    parser.add_argument("--note", help="what else is to be known of this run")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--name", default="stylize_speed", help="of the file")
    parser.add_argument("--out", type=Path, default=RESULTS, help="its folder")
    options = parser.parse_args()
    begin = time.monotonic()
    rows: dict[Key, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        files = make_filters(Path(folder), options.networks.split(","))
        networks = load(files, options.device)
        for size in filter(None, options.sizes.split(",")):
            image = torch.rand(1, 3, *SIZES[size], device=options.device)
            rounds = options.rounds * (3 if size == "256" else 1)
            for key, (first, *each) in measure(networks, image, rounds).items():
                row = rows.setdefault(key, {})
                row[f"{size}_ms"] = round(1e3 * statistics.median(each), 1)
                row[f"{size}_best_ms"] = round(1e3 * min(each), 1)
                row[f"{size}_first_s"] = round(first, 2)
                row[f"{size}_rounds"] = rounds
            print(f"{size}: {time.monotonic() - begin:.0f} s so far", flush=True)
        if options.memory:
            for key in networks:
                rows.setdefault(key, {})[f"{MEMORY_AT}_peak_mb"] = round(
                    memory_mb(files[key[0]], key[1])
                )
    usual = rows.get((PEER, "torch"), {}).get(f"{COMPARED_AT}_ms")
    for row in rows.values():
        if usual is not None:
            row["times_the_usual"] = round(usual / row[f"{COMPARED_AT}_ms"], 1)
    results = [{"network": name, "engine": engine, **row} for (name, engine), row in rows.items()]
    result: dict[str, Any] = {
        "machine": machine(options.device),
        "compared_at": COMPARED_AT,
        "results": results,
    }
    if options.note:
        result["note"] = options.note
    write(options.name, result, options.out)
    for row in results:
        print("  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
