#!/usr/bin/env bash
# FFmpeg's lut3d never subtracts the minimum of a .cube file's domain, and narrows to no domain.
#
# Versions: FFmpeg's libavfilter 11.14.102 (in av 18.1.0); opencolorio 2.6.0 for comparison.
#
# What happens: DOMAIN_MIN and DOMAIN_MAX say which inputs the table spans. lut3d takes the
# difference of the two only, as the largest input, and at least 1: a domain from -1 to 1 is read as
# 0 to 2, and one from 0.2 to 0.8, or from 0 to 0.5, as 0 to 1. Where they stand in the file plays no
# part here (see ffmpeg_lut3d_drops_cube_domain.sh for that).
#
# Expected: (input - minimum) / (maximum - minimum) is the place in the table, as in OpenColorIO.
#
# Seen, an identity over each domain; gray 51, 102 and 204 become:
#     -1 to 1      FFmpeg  25  51 102   OpenColorIO 153 178 229
#     0.2 to 0.8   FFmpeg  51 102 204   OpenColorIO   0  85 255
#     0 to 0.5     FFmpeg  51 102 204   OpenColorIO 102 204 255
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

GRAYS = (51, 102, 204)


def by_ffmpeg(path: str) -> list[int]:
    """What lut3d makes of the gray values, 0 to 255."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=16, height=16, format="rgb24", time_base="1/25")
    lut, sink = graph.add("lut3d", f"file={path}"), graph.add("buffersink")
    source.link_to(lut)
    lut.link_to(sink)
    graph.configure()
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[0, : len(GRAYS)] = np.array(GRAYS)[:, None]
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    frame.pts = 0
    graph.push(frame)
    return graph.pull().to_ndarray(format="rgb24")[0, : len(GRAYS), 0].tolist()


def by_ocio(path: str) -> list[int]:
    """The same by OpenColorIO."""
    config = ocio.Config.CreateRaw()
    processor = config.getProcessor(ocio.FileTransform(path)).getDefaultCPUProcessor()
    return [int(255 * processor.applyRGB(3 * [gray / 255])[0] + 0.01) for gray in GRAYS]


table = "".join(f"{r} {g} {b}\n" for b in (0, 1) for g in (0, 1) for r in (0, 1))
seen = []
for low, high in ((-1, 1), (0.2, 0.8), (0, 0.5)):
    path = f"{low}_{high}.cube"  # its own, as OpenColorIO caches files by name
    with open(path, "w") as file:
        file.write("LUT_3D_SIZE 2\n")
        file.write(f"DOMAIN_MIN {low} {low} {low}\nDOMAIN_MAX {high} {high} {high}\n{table}")
    seen.append((by_ffmpeg(path), by_ocio(path)))
    ffmpeg, other = (" ".join(f"{gray:3}" for gray in grays) for grays in seen[-1])
    print(f"{f'{low} to {high}':12} FFmpeg {ffmpeg}   OpenColorIO {other}")
as_described = seen == [
    ([25, 51, 102], [153, 178, 229]),
    ([51, 102, 204], [0, 85, 255]),
    ([51, 102, 204], [102, 204, 255]),
]

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
