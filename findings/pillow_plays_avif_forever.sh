#!/usr/bin/env bash
# Pillow writes every animated AVIF so that it plays forever.
#
# Versions: pillow 13.0.0 with libavif 1.4.2.
#
# What happens: save(..., loop=1) writes an AVIF whose edit list says "repeat without end", as
# with loop=0; within a second, the two files are equal byte for byte. GIF, WebP and APNG obey the
# same argument, and libavif has a setting for it (repetitionCount).
#
# Expected: the number of repetitions is written, or an unknown argument is refused.
#
# Seen, the flags of the edit list (1: repeated):
#     loop=0   elst flags 1
#     loop=1   elst flags 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q pillow==13.0.0 || exit 2
venv/bin/python - <<'PY'
import io
import sys

from PIL import Image

frames = [Image.new("RGB", (32, 32), color) for color in ("black", "gray", "white")]
seen = []
for loop in (0, 1):
    file = io.BytesIO()
    frames[0].save(file, "AVIF", save_all=True, append_images=frames[1:], duration=100, loop=loop)
    data = file.getvalue()
    box = data.index(b"elst") + 4  # one byte of version and three of flags follow the name
    seen.append(int.from_bytes(data[box + 1 : box + 4]))
    print(f"loop={loop}   elst flags {seen[-1]}")
as_described = seen == [1, 1]

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
