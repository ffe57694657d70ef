#!/usr/bin/env bash
# OpenColorIO draws the curves of a .csp file past their points: brighter inputs become darker.
#
# Versions: opencolorio 2.6.0; colour-science 0.4.7 for comparison.
#
# What happens: the preLUT of a .csp file is a few points of a curve, with inputs at any distances.
# OpenColorIO draws a cubic curve through them, which rises above a point and falls back to it where
# distances differ. Through (0, 0), (0.2, 0.6) and (1, 0.7), 0.6 becomes 0.765, and 1 becomes 0.7.
#
# Expected: points that rise give a curve that rises: straight lines between them, as in
# colour-science and in every other curve of OpenColorIO's formats, or a cubic that keeps order. The
# format's specification says nothing of interpolation.
#
# Seen, an identity table after that curve:
#     input 0.4   OpenColorIO 0.711   colour-science 0.625
#     input 0.6   OpenColorIO 0.765   colour-science 0.650
#     input 0.8   OpenColorIO 0.761   colour-science 0.675
#     input 1.0   OpenColorIO 0.700   colour-science 0.700
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q \
    numpy==2.4.6 scipy==1.17.1 opencolorio==2.6.0 colour-science==0.4.7 || exit 2
venv/bin/python - <<'PY'
import sys
import warnings

import numpy as np
import PyOpenColorIO as ocio

warnings.simplefilter("ignore")  # of what is optional in colour-science
import colour

curve = "3\n0.0 0.2 1.0\n0.0 0.6 0.7\n"
table = "".join(f"{r} {g} {b}\n" for b in (0, 1) for g in (0, 1) for r in (0, 1))
with open("curve.csp", "w") as file:
    file.write(f"CSPLUTV100\n3D\n\nBEGIN METADATA\nEND METADATA\n\n{3 * curve}\n2 2 2\n{table}")
config = ocio.Config.CreateRaw()
processor = config.getProcessor(ocio.FileTransform("curve.csp")).getDefaultCPUProcessor()
lut = colour.read_LUT("curve.csp")
seen = []
for value in (0.4, 0.6, 0.8, 1.0):
    first = processor.applyRGB([value] * 3)[0]
    second = float(lut.apply(np.full((1, 3), value))[0, 0])
    seen.append((round(first, 3), round(second, 3)))
    print(f"input {value}   OpenColorIO {first:.3f}   colour-science {second:.3f}")
as_described = seen == [(0.711, 0.625), (0.765, 0.65), (0.761, 0.675), (0.7, 0.7)]

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
