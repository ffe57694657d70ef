#!/usr/bin/env bash
# OpenColorIO guesses the depth of a .3dl table from its brightest value, although the file states
# it.
#
# Versions: opencolorio 2.6.0.
#
# What happens: "Mesh 4 12" in a .3dl file says 17 positions to a side and results in 12 bits.
# OpenColorIO drops the line and takes 10 bits wherever no value passes 2047. A dark look in 12
# bits, whose white is 1000 of 4095, comes out four times as bright; at 2048 it is suddenly right.
#
# Expected: the depth that the file states; the guess only where it states none.
#
# Seen, white through a table in 12 bits whose largest value is:
#     1000 of 4095 (0.244)   0.978
#     2000 of 4095 (0.488)   1.955
#     2100 of 4095 (0.513)   0.513
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q opencolorio==2.6.0 || exit 2
venv/bin/python - <<'PY'
import sys

import PyOpenColorIO as ocio

grid = range(17)
seen = []
for largest in (1000, 2000, 2100):
    path = f"{largest}.3dl"  # a name of its own, as files are cached by name
    with open(path, "w") as file:
        file.write("3DMESH\nMesh 4 12\n")
        file.write(" ".join(str(round(1023 * i / 16)) for i in grid) + "\n")
        for rgb in ((r, g, b) for r in grid for g in grid for b in grid):
            file.write(" ".join(str(round(largest * i / 16)) for i in rgb) + "\n")
        file.write("LUT8\ngamma 1.0\n")
    config = ocio.Config.CreateRaw()
    processor = config.getProcessor(ocio.FileTransform(path)).getDefaultCPUProcessor()
    seen.append(processor.applyRGB([1.0, 1.0, 1.0])[0])
    print(f"{largest} of 4095 ({largest / 4095:.3f})   {seen[-1]:.3f}")
wanted = [1000 / 1023, 2000 / 1023, 2100 / 4095]
as_described = all(abs(one - other) < 0.001 for one, other in zip(seen, wanted, strict=True))

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
