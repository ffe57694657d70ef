"""What the programs here share: the machine, its matrix rate, results on disk."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from fast_nst.atomic import write_bytes

RESULTS = Path(__file__).parent / "results"


def machine(device: str = "cpu") -> dict[str, Any]:
    """What figures were measured on."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = lines[0].split(":")[1].strip() if lines else name
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    found: dict[str, Any] = {
        "cpu": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "amx_bf16": bool(capabilities.get("amx_bf16")),
        "avx512_bf16": bool(capabilities.get("avx512_bf16")),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
    }
    if device == "cuda":
        found["gpu"] = torch.cuda.get_device_name()
    return found


def write(name: str, result: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write ``folder/name.json`` whole or not at all, and print where."""
    file = folder / f"{name}.json"
    write_bytes(file, (json.dumps(result, indent=2) + "\n").encode())
    print(f"wrote {file}")
    return file


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds_of(work: Callable[[], object], device: str = "cpu", repeats: int = 1) -> float:
    """Seconds per call, over ``repeats`` calls in a row."""
    wait(device)
    begin = time.perf_counter()
    for _ in range(repeats):
        work()
    wait(device)
    return (time.perf_counter() - begin) / repeats


def matrix_rate(dtype: torch.dtype, device: str = "cpu") -> float:
    """Operations a second of a large matrix product, as this torch does it: the best of 12."""
    side = 8192 if device == "cuda" else 2048
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    repeats = 20 if device == "cuda" else 3
    best = min(seconds_of(lambda: a @ b, device, repeats) for _ in range(12))
    return 2 * side**3 / best
