"""What a filter costs: seconds and peak memory of one picture."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

RUNS = 5  # whose median counts, after one to warm up

# In a process of its own, because a process's peak never falls. Linux says how much this program
# alone has used; elsewhere, what getrusage knows (macOS counts bytes, others KiB).
PROGRAM = """
import resource, sys, torch
from fast_nst.checkpoint import load_filter

def memory(field):
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith(field))
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak << 10

network = load_filter(sys.argv[1]).network
torch.set_num_threads(int(sys.argv[4]))
picture = torch.rand(1, 3, int(sys.argv[2]), int(sys.argv[3]))
before = memory("VmRSS")
with torch.inference_mode():
    network(picture)
print(memory("VmHWM") - before)
"""


def forward_s(network: nn.Module, picture: Tensor) -> float:
    """Median seconds of a forward pass with (B, 3, H, W), nothing else in it."""
    seconds = []
    with torch.inference_mode():
        for _ in range(RUNS + 1):
            _synchronize(picture.device)
            begin = time.perf_counter()
            network(picture)
            _synchronize(picture.device)
            seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds[1:])


def peak_memory(
    file: Path, network: nn.Module, size: tuple[int, int], device: torch.device
) -> int | None:
    """Bytes that the forward pass of one picture adds at its peak.

    Args:
        file: the filter, which is loaded in a process of its own where ``device`` is the CPU.
        network: the same, loaded on ``device``.
        size: height and width of the picture, px.
        device: CUDA's own count is read there; other accelerators keep none.

    Returns:
        None where it cannot be measured.
    """
    if device.type == "cuda":
        picture = torch.rand(1, 3, *size, device=device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        with torch.inference_mode():
            network(picture)
        return torch.cuda.max_memory_allocated(device) - before
    if device.type != "cpu":
        return None
    arguments = [str(value) for value in (file, *size, torch.get_num_threads())]
    with contextlib.suppress(subprocess.SubprocessError, OSError, ValueError):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        )
        return int(done.stdout.split()[-1])
    return None


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
