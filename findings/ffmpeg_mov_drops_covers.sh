#!/usr/bin/env bash
# FFmpeg takes a cover for a .mov file, reports no error, and does not write it.
#
# Versions: av (PyAV) 18.1.0 with its FFmpeg 8.1.2.
#
# What happens: a JPEG is added to a file as a stream with the disposition "attached picture", and
# its packet is written. In .mp4 it is read again as the cover. The same calls for .mov, by the same
# muxer, succeed too: asked whether it supports the codec, it says yes, neither the header nor the
# packet nor the end is refused, and the file has no cover.
#
# Expected: an error when the stream is added or the header is written, as for other streams that
# a format cannot hold (.webm refuses the stream); or the cover.
#
# Seen:
#     mp4   streams h264 mjpeg  cover kept
#     mov   streams h264        cover gone
#     webm  refused
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q numpy==2.4.6 pillow==12.3.0 av==18.1.0 || exit 2
venv/bin/python - <<'PY'
import io
import sys

import av
from av.stream import Disposition
from PIL import Image

jpeg = io.BytesIO()
Image.new("RGB", (40, 40), (200, 30, 30)).save(jpeg, "JPEG")


def write(muxer: str, encoder: str) -> str:
    """A clip of one frame with a cover; what is read again."""
    file = io.BytesIO()
    with av.open(io.BytesIO(jpeg.getvalue()), format="image2pipe") as source:
        container = av.open(file, "w", format=muxer)
        stream = container.add_stream(encoder, rate=25, width=64, height=48)
        stream.pix_fmt = "yuv420p"
        try:
            cover = container.add_stream_from_template(source.streams.video[0])
        except ValueError:
            return f"{muxer:5} refused"
        cover.disposition = Disposition.attached_pic
        container.start_encoding()
        packet = av.Packet(jpeg.getvalue())
        packet.stream, packet.pts, packet.dts, packet.is_keyframe = cover, 0, 0, True
        container.mux(packet)
        frame = av.VideoFrame(64, 48, "yuv420p")
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        container.close()
    with av.open(io.BytesIO(file.getvalue())) as written:
        names = [each.codec_context.name for each in written.streams]
        kept = any(each.disposition & Disposition.attached_pic for each in written.streams)
    return f"{muxer:5} streams {' '.join(names):11} cover {'kept' if kept else 'gone'}"


seen = [write("mp4", "libx264"), write("mov", "libx264"), write("webm", "libvpx-vp9")]
print("\n".join(seen))
as_described = seen == [
    "mp4   streams h264 mjpeg  cover kept",
    "mov   streams h264        cover gone",
    "webm  refused",
]

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
