#!/usr/bin/env bash
# FFmpeg's swscale takes 65280, not 65535, for white where it converts video from and to 16-bit RGB.
#
# Versions: av (PyAV) 18.1.0 with its FFmpeg 8.1.2.
#
# What happens: white in limited range (235 of 8 bits, 940 of 10, 60160 of 16) becomes 65283 in
# 16-bit RGB, and 0.9962 in floating point, of which 1 is the largest. Back, white (65535, or 1.0)
# becomes 943 of 10 bits instead of 940, and 236 of 8 bits instead of 235. In between, all is as
# much too dark or too bright: 255 * 256 is what is taken for white. Both errors cancel out on the
# way there and back, so that only who looks at the RGB, or makes it, meets them. 8-bit RGB is right.
#
# Expected: white is the largest value of an RGB format, as it is in 8 bits.
#
# Seen:
#     yuv420p 235      rgb24 255  rgb48le 65283  gbrpf32le 0.9962
#     yuv420p10le 940  rgb24 255  rgb48le 65283  gbrpf32le 0.9962
#     rgb24 255        yuv420p 235  yuv420p10le 940
#     rgb48le 65535    yuv420p 236  yuv420p10le 943
#     gbrpf32le 1      yuv420p 236  yuv420p10le 943
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
from av.video.reformatter import Interpolation

FLAGS = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
TYPES = {"rgb24": np.uint8, "rgb48le": np.uint16, "gbrpf32le": np.float32}


def from_video(kind: str, white: int) -> str:
    """White of limited range, as RGB."""
    deep = kind != "yuv420p"
    frame = av.VideoFrame(64, 64, kind)
    for number, plane in enumerate(frame.planes):
        values = np.frombuffer(plane, np.uint16 if deep else np.uint8)
        values[:] = (512 if deep else 128) if number else white
    found = [f"{kind} {white}".ljust(16)]
    for name in TYPES:
        rgb = frame.reformat(
            format=name, src_colorspace=1, src_color_range=1, interpolation=FLAGS
        ).to_ndarray()
        found.append(f"{name} {rgb[32, 32, 0]:.4g}" if "f32" in name else f"{name} {rgb[32, 32, 0]}")
    return " ".join([found[0], "  ".join(found[1:])])


def to_video(kind: str, white: float) -> str:
    """White in RGB, in limited range, in the middle of the frame."""
    pixels = np.full((64, 64, 3), white, TYPES[kind])
    frame = av.VideoFrame.from_ndarray(pixels, format=kind)
    found = []
    for name, type_ in (("yuv420p", np.uint8), ("yuv420p10le", np.uint16)):
        video = frame.reformat(
            format=name, dst_colorspace=1, dst_color_range=1, interpolation=FLAGS
        )
        rows = np.frombuffer(video.planes[0], type_).reshape(64, -1)
        found.append(f"{name} {rows[32, 32]}")
    return f"{kind} {white:g}".ljust(16) + " " + "  ".join(found)


seen = [
    from_video("yuv420p", 235),
    from_video("yuv420p10le", 940),
    to_video("rgb24", 255),
    to_video("rgb48le", 65535),
    to_video("gbrpf32le", 1),
]
print("\n".join(seen))
as_described = seen == [
    "yuv420p 235      rgb24 255  rgb48le 65283  gbrpf32le 0.9962",
    "yuv420p10le 940  rgb24 255  rgb48le 65283  gbrpf32le 0.9962",
    "rgb24 255        yuv420p 235  yuv420p10le 940",
    "rgb48le 65535    yuv420p 236  yuv420p10le 943",
    "gbrpf32le 1      yuv420p 236  yuv420p10le 943",
]

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
