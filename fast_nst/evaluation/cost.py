"""Cost of a filter: seconds and peak memory for one image."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from fast_nst.errors import FastNSTError

RUNS = 5  # after one to warm up; the median counts
TIMEOUT_S = 600

# In a separate process, because the peak of a process never falls. Linux counts this program
# alone; elsewhere getrusage is read (macOS counts bytes, others KiB).
PROGRAM = """
import resource, sys, torch
from pathlib import Path
from fast_nst.runtimes.onnx_network import load_any

def memory(field):
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith(field))
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak << 10

network = load_any(Path(sys.argv[1])).network
torch.set_num_threads(int(sys.argv[4]))
image = torch.rand(1, 3, int(sys.argv[2]), int(sys.argv[3]))
before = memory("VmRSS")
with torch.inference_mode():
    network(image)
print(memory("VmHWM") - before)
"""


def forward_s(network: nn.Module, image: Tensor) -> float:
    """Median seconds of a forward pass with (B, 3, H, W), nothing else in it."""
    seconds = []
    with torch.inference_mode():
        for _ in range(RUNS + 1):
            _synchronize(image.device)
            begin = time.perf_counter()
            network(image)
            _synchronize(image.device)
            seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds[1:])


class UnmeasuredError(FastNSTError):
    """A figure could not be measured here; the message says why."""


def peak_memory(file: Path, network: nn.Module, size: tuple[int, int], device: torch.device) -> int:
    """Bytes that the forward pass of one image adds at its peak.

    Args:
        file: the filter, which is loaded in a separate process where ``device`` is the CPU.
        network: the same, loaded on ``device``.
        size: height and width of the image, px.
        device: on CUDA, its own count is read; other accelerators keep none.

    Raises:
        UnmeasuredError: Where it cannot be measured.
    """
    if device.type == "cuda":
        image = torch.rand(1, 3, *size, device=device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        with torch.inference_mode():
            network(image)
        return torch.cuda.max_memory_allocated(device) - before
    if device.type != "cpu":
        raise UnmeasuredError(f"{device.type} keeps no count of it")
    arguments = [str(value) for value in (file, *size, torch.get_num_threads())]
    command = [sys.executable, "-c", PROGRAM, *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise UnmeasuredError(f"its process took more than {TIMEOUT_S} s") from error
    except OSError as error:
        raise UnmeasuredError(f"no process could be started ({error.strerror})") from error
    if done.returncode < 0:
        killed = signal.Signals(-done.returncode).name
        raise UnmeasuredError(f"its process was ended by {killed}: too little memory, perhaps")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UnmeasuredError(f"its process failed ({last})")
    return int(done.stdout.split()[-1])


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
