#!/usr/bin/env bash
# libwebp leaves out that an animation is transparent, and readers show its borders in black.
#
# Versions: Pillow 12.3.0 with its libwebp 1.6.0.
#
# What happens: an animated WebP is saved, lossy, of frames that are opaque in a rectangle and
# transparent around it. libwebp cuts each frame to that rectangle, in which nothing is transparent,
# and then does not set the flag "contains transparency" in the head of the file (bit 0x10 of VP8X).
# Read again, the animation is opaque, and black where it was transparent. Saved without loss, or
# with the flag set by hand, it is right. FFmpeg's libwebp_anim writes the same files.
#
# Expected: the flag says whether the canvas is transparent anywhere; what no frame covers is.
#
# Seen:
#     lossy             flags 0x02  RGB   corner   0   0   0 255
#     lossy, flag set   flags 0x12  RGBA  corner   0   0   0   0
#     lossless          flags 0x12  RGBA  corner   0   0   0   0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q pillow==12.3.0 || exit 2
venv/bin/python - <<'PY'
import io
import sys

from PIL import Image


def frame(number: int) -> Image.Image:
    """Green in a rectangle, with one red pixel that moves; transparent around it."""
    image = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
    image.paste((0, 150, 0, 255), (8, 12, 32, 36))
    image.putpixel((10 + number, 20), (255, 0, 0, 255))
    return image


def save(**options: object) -> bytearray:
    """Three frames as an animated WebP."""
    file = io.BytesIO()
    others = [frame(1), frame(2)]
    frame(0).save(file, "WEBP", save_all=True, append_images=others, duration=100, **options)
    return bytearray(file.getvalue())


def say(name: str, content: bytearray) -> str:
    """The flags, and what a reader makes of the file."""
    with Image.open(io.BytesIO(content)) as image:
        image.seek(0)
        mode, corner = image.mode, image.convert("RGBA").getpixel((0, 0))
    values = " ".join(f"{value:3}" for value in corner)
    return f"{name:17} flags 0x{content[20]:02x}  {mode:4}  corner {values}"


lossy = save(quality=80)
flagged = bytearray(lossy)
flagged[20] |= 0x10
seen = [say("lossy", lossy), say("lossy, flag set", flagged), say("lossless", save(lossless=True))]
print("\n".join(seen))
as_described = seen == [
    "lossy             flags 0x02  RGB   corner   0   0   0 255",
    "lossy, flag set   flags 0x12  RGBA  corner   0   0   0   0",
    "lossless          flags 0x12  RGBA  corner   0   0   0   0",
]

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
