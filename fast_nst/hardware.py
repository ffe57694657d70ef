"""Choice of device and of bfloat16, the same for all commands; facts about the machine."""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

import torch

from fast_nst.errors import ConfigError
from fast_nst.startup import installed_version


def find_device(name: str | torch.device) -> torch.device:
    """Return a device by name; ``"auto"`` is the first available of cuda, mps and cpu.

    Raises:
        ConfigError: If the device is unknown or not available.
    """
    if name == "auto":
        if torch.cuda.is_available():
            name = "cuda"
        else:
            name = "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [""])[0].rstrip(".")
        raise ConfigError(
            f"device {str(name)!r} cannot be used ({reason}). Use cpu, cuda, mps or auto."
        ) from error
    return device


@cache
def fast_bf16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 matrices faster than float32.

    CPUs with AMX do so several times as fast; those with AVX-512's bfloat16 instructions, about
    twice as fast.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type != "cpu":
        return False
    # Older versions of torch cannot tell; float32 is then the safe choice.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def describe_machine() -> dict[str, Any]:
    """Return hardware and versions, to be written next to measured figures."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "bfloat16": fast_bf16(torch.device("cpu")),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "fast-nst": installed_version("fast-nst"),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():  # on Linux, the platform module only knows the architecture
        for line in cpuinfo.read_text().splitlines():
            if "model name" in line:
                return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def keep_freed_memory() -> bool:
    """Make the C library keep the memory of freed tensors for the next ones.

    Training steps and video frames allocate and free the same large tensors again and again. By
    default, glibc returns each to the system, which must then clear its pages for the next one:
    a fifth of a step's time on a CPU. Afterwards the process's memory stays at its peak, which is
    a little higher. Results do not change.

    Returns:
        Whether the C library has this setting (glibc has).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; Windows has no CDLL(None)
        return False
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # malloc.h
    settings = ((mmap_max, 0), (trim_threshold, 2**31 - 1), (top_pad, 64 << 20))
    return all(mallopt(key, value) == 1 for key, value in settings)
