#!/usr/bin/env bash
# FFmpeg's lut3d takes 4096 for white in every .3dl file.
#
# Versions: FFmpeg's libavfilter 11.14.102 (in av 18.1.0).
#
# What happens: .3dl tables hold integers of 10, 12 or 16 bits. lut3d divides them all by 4096. An
# identity in 10 bits leaves a quarter of the brightness, one in 16 bits makes nearly all white;
# in 12 bits, white is 254.
#
# Expected: white is the largest number of the depth: 1023, 4095 or 65535 (as in OpenColorIO), or
# an error where it is not 12 bits.
#
# Seen, an identity; gray 64, 128 and 255 become:
#     10 bits    16  31  63
#     12 bits    64 127 254
#     16 bits   255 255 255
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q numpy==2.4.6 av==18.1.0 || exit 2
venv/bin/python - <<'PY'
import sys

import av
import numpy as np


def graded(path: str, value: int) -> int:
    """What FFmpeg's lut3d makes of a gray value, 0 to 255."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=16, height=16, format="rgb24", time_base="1/25")
    lut, sink = graph.add("lut3d", f"file={path}"), graph.add("buffersink")
    source.link_to(lut)
    lut.link_to(sink)
    graph.configure()
    frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), value, np.uint8), format="rgb24")
    frame.pts = 0
    graph.push(frame)
    return int(graph.pull().to_ndarray(format="rgb24")[0, 0, 0])


grid = range(17)
as_described = True
for bits, expected in ((10, [16, 31, 63]), (12, [64, 127, 254]), (16, [255, 255, 255])):
    white = 2**bits - 1
    with open("identity.3dl", "w") as file:
        file.write(" ".join(str(round(1023 * i / 16)) for i in grid) + "\n")
        for rgb in ((r, g, b) for r in grid for g in grid for b in grid):
            file.write(" ".join(str(round(white * i / 16)) for i in rgb) + "\n")
    seen = [graded("identity.3dl", value) for value in (64, 128, 255)]
    print(f"{bits} bits   {seen[0]:3} {seen[1]:3} {seen[2]:3}")
    as_described &= seen == expected

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
