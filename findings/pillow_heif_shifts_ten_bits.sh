#!/usr/bin/env bash
# pillow-heif gives white of a 10-bit HEIC as 65472 of 65535.
#
# Versions: pillow-heif 1.8.1 with its own libheif.
#
# What happens: open_heif(..., convert_hdr_to_8bit=False) gives values of 10 bits as uint16, in the
# mode "RGB;16". They are shifted to the left by 6 bits, so that white, 1023, becomes 65472, and
# whoever divides by 65535 gets an image that is never white; saved as a PNG of 16 bits, white is
# 254.8 of 255. With hdr_to_16bit=False they come as they are, 0 to 1023.
#
# Expected: "16 bits" means 0 to 65535, as in PNG and TIFF, and as libpng and Pillow widen values.
#
# Seen, the white of a lossless 10-bit file:
#     hdr_to_16bit=True    65472
#     hdr_to_16bit=False   1023
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q pillow-heif==1.8.1 numpy==2.4.6 || exit 2
venv/bin/python - <<'PY'
import io
import sys

import numpy as np
import pillow_heif

white = np.full((64, 64, 3), 65535, np.uint16)
file = io.BytesIO()
made = pillow_heif.from_bytes(mode="RGB;16", size=(64, 64), data=white.tobytes())
made.save(file, quality=-1, chroma=444)
seen = []
for widen in (True, False):
    opened = pillow_heif.open_heif(file, convert_hdr_to_8bit=False, hdr_to_16bit=widen)
    seen.append(int(np.asarray(opened).max()))
    print(f"hdr_to_16bit={widen!s:7} {seen[-1]}")
if seen != [65472, 1023]:
    sys.exit("changed: this is not what the head of this file describes")
PY
