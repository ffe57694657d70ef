import subprocess
import sys

import pytest

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
