"""Where to compute, and whether in bfloat16: the same answer for every command."""

from __future__ import annotations

from typing import Any

import torch

from fast_nst.errors import ConfigError


def find_device(name: str | torch.device) -> torch.device:
    """The device of that name; ``"auto"`` is the first of cuda, mps and cpu that is there.

    Raises:
        ConfigError: If it is unknown or absent.
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


def fast_bf16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 matrices faster than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type != "cpu":
        return False
    # Older torch cannot tell; there float32 is the safe choice.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16"))
