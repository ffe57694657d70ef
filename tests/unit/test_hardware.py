import subprocess
import sys

import pytest
import torch

from fast_nst.hardware import fast_bf16

# What a process holds after a tensor of 256 MiB came and went, MiB.
PROGRAM = """
import torch
from fast_nst.hardware import keep_freed_memory

if {keep} and not keep_freed_memory():
    raise SystemExit("no glibc")
torch.ones(64 << 20)
with open("/proc/self/statm") as sizes:
    print(int(sizes.read().split()[1]) * 4096 >> 20)
"""


def held_mib(keep: bool) -> int:
    program = PROGRAM.format(keep=keep)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if "no glibc" in done.stderr:
        pytest.skip("this C library does not take the setting")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_memory_is_kept_only_where_it_is_asked_for() -> None:
    assert held_mib(keep=True) - held_mib(keep=False) == pytest.approx(256, abs=100)


@pytest.mark.parametrize(
    ("capabilities", "fast"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, True),
        ({"amx_bf16": False, "avx512_bf16": True}, True),
        ({"amx_bf16": False, "avx512_bf16": False, "avx512_f": True}, False),
        ({}, False),
    ],
)
def test_a_cpu_is_fast_at_bfloat16_with_amx_or_the_instructions_of_avx512(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], fast: bool
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: capabilities, raising=False)
    assert fast_bf16.__wrapped__(torch.device("cpu")) is fast
