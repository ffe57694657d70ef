#!/usr/bin/env bash
# imagecodecs labels a JPEG XL of 16 bits as linear light, and one of 8 bits as sRGB.
#
# Versions: imagecodecs 2026.3.6 with libjxl, pillow-jxl-plugin 1.3.8.
#
# What happens: jpegxl_encode writes the same gray, 128 of 255 as uint8 and 32896 of 65535 as
# uint16, into two files. The first says that it is sRGB, the second that its values are linear
# light; every viewer that knows color shows the second much lighter. libjxl chooses so by the type
# alone; jpegxl_decode gives the numbers back without the label, so a round trip does not show it.
#
# Expected: the type of the numbers does not change what color they are.
#
# Seen, the names of the profiles:
#     uint8    sRGB
#     uint16   RGB_D65_SRG_Rel_Lin
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q imagecodecs==2026.3.6 pillow==12.3.0 \
    pillow-jxl-plugin==1.3.8 numpy==2.4.6 || exit 2
venv/bin/python - <<'PY'
import io
import sys

import imagecodecs
import numpy as np
import pillow_jxl  # noqa: F401 - a plugin of Pillow
from PIL import Image, ImageCms

seen = []
for level, kind in ((128, np.uint8), (128 * 257, np.uint16)):
    encoded = imagecodecs.jpegxl_encode(np.full((32, 32, 3), level, kind), lossless=True)
    profile = Image.open(io.BytesIO(encoded)).info["icc_profile"]
    named = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    seen.append(ImageCms.getProfileDescription(named).strip())
    print(f"{kind.__name__:8} {seen[-1]}")
if not (seen[0] == "sRGB" and seen[1].endswith("_Lin")):
    sys.exit("changed: this is not what the head of this file describes")
PY
