#!/usr/bin/env bash
# FFmpeg's lut3d ignores the domain of a .cube file where it stands before the size.
#
# Versions: FFmpeg's libavfilter 11.14.102 (in av 18.1.0); opencolorio 2.6.0 for comparison.
#
# What happens: DOMAIN_MIN and DOMAIN_MAX say which inputs the table spans. lut3d reads them only
# between LUT_3D_SIZE and the table; where they come first, it takes 0 to 1, without a word.
#
# Expected: the keywords of the header say the same in any order, as OpenColorIO reads them.
#
# Seen, an identity from domain [0, 2] to [0, 1], which halves; gray 200 becomes:
#     domain before size   FFmpeg 200   OpenColorIO 100
#     size before domain   FFmpeg 100   OpenColorIO 100
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q \
    numpy==2.4.6 av==18.1.0 opencolorio==2.6.0 || exit 2
venv/bin/python - <<'PY'
import sys

import av
import numpy as np
import PyOpenColorIO as ocio


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


def graded_by_ocio(path: str, value: int) -> int:
    """The same by OpenColorIO."""
    config = ocio.Config.CreateRaw()
    processor = config.getProcessor(ocio.FileTransform(path)).getDefaultCPUProcessor()
    return round(255 * processor.applyRGB(3 * [value / 255])[0])


size, domain = "LUT_3D_SIZE 2\n", "DOMAIN_MIN 0 0 0\nDOMAIN_MAX 2 2 2\n"
table = "".join(f"{r} {g} {b}\n" for b in (0, 1) for g in (0, 1) for r in (0, 1))
seen = []
for name, header in (("domain before size", domain + size), ("size before domain", size + domain)):
    path = name.replace(" ", "_") + ".cube"  # its own, as OpenColorIO caches files by name
    with open(path, "w") as file:
        file.write(header + table)
    seen.append((graded(path, 200), graded_by_ocio(path, 200)))
    print(f"{name}   FFmpeg {seen[-1][0]}   OpenColorIO {seen[-1][1]}")
as_described = seen == [(200, 100), (100, 100)]

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
