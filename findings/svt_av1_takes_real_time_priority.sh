#!/usr/bin/env bash
# An AV1 encoder gives the program that opens it real-time priority over the whole machine.
#
# Versions: av (PyAV) 18.1.0 with its SVT-AV1, on Linux, as root (as in most containers).
#
# What happens: opening libsvtav1 makes its own threads real-time ones (SCHED_FIFO, priority 99),
# and the thread that opens it as well. It stays so after the encoder is closed, and programs that
# this thread starts afterwards inherit it: a filter or a server that runs next goes before
# everything else on the machine, its shell included.
#
# Expected: an encoder leaves the scheduling of its caller alone, or asks; at most its own threads
# change.
#
# Seen:
#     before      SCHED_OTHER 0
#     open        SCHED_FIFO 99
#     closed      SCHED_FIFO 99
#     a program   SCHED_FIFO 99
#
# Three frames of 64x64 px are encoded, and the priority is handed back before the script ends.
set -euo pipefail
if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
    echo "skipped: wanted root on Linux"
    exit 77
fi
export SVT_LOG=1 # errors only
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q numpy==2.4.6 av==18.1.0 || exit 2
venv/bin/python - <<'PY'
import os
import subprocess
import sys

import av
import numpy as np

NAMES = {os.SCHED_OTHER: "SCHED_OTHER", os.SCHED_FIFO: "SCHED_FIFO", os.SCHED_RR: "SCHED_RR"}


def scheduled() -> str:
    """How this thread is scheduled."""
    policy = os.sched_getscheduler(0)
    return f"{NAMES.get(policy, policy)} {os.sched_getparam(0).sched_priority}"


if os.sched_getscheduler(0) != os.SCHED_OTHER:
    print("skipped: this shell is not scheduled as SCHED_OTHER")
    sys.exit(77)
seen = {"before": scheduled()}
try:
    with av.open("tiny.mp4", "w") as container:
        stream = container.add_stream("libsvtav1", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "12"}
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        seen["open"] = scheduled()
        container.mux(stream.encode(None))
    del stream, container
    seen["closed"] = scheduled()
    ask = "import os; print(os.sched_getscheduler(0), os.sched_getparam(0).sched_priority)"
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    policy, priority = map(int, answer.stdout.split())
    seen["a program"] = f"{NAMES.get(policy, policy)} {priority}"
finally:
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
for when, how in seen.items():
    print(f"{when:11} {how}")
as_described = list(seen.values()) == ["SCHED_OTHER 0"] + 3 * ["SCHED_FIFO 99"]

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
