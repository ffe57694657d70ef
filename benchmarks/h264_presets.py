"""Which of x264's presets suits repainted clips?

    python benchmarks/h264_presets.py --ckpt starry_night.safetensors ... --clip clip_720p.mp4 ...

The first frames of every clip, repainted by every filter, are encoded with each preset at the rate
factor of the default quality, color conversion included, in turn; CPU seconds, size, and PSNR of
the luma against what went into the encoder. Writes ``results/h264_presets.json``.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from measuring import RESULTS, machine, write

from fast_nst import Stylizer
from fast_nst.apps.video.color import RGB, Colors, from_rgb
from fast_nst.apps.video.decode import ClipReader
from fast_nst.apps.video.filtering import filter_frame
from fast_nst.apps.video.formats import CODECS, DEFAULT_QUALITY

PRESETS = ("medium", "fast", "faster", "veryfast", "superfast", "ultrafast")
H264 = CODECS["h264"]
PIXELS = H264.layouts[0].name


def luma(frame: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(H, W) of a frame of 4:2:0."""
    return frame.to_ndarray()[: frame.height].astype(np.float32)  # type: ignore[no-any-return]


def encode(images: list[RGB], colors: Colors, preset: str) -> dict[str, float]:
    """Encode, decode again, compare."""
    height, width = images[0].shape[:2]
    memory = io.BytesIO()
    begin = time.process_time()
    with av.open(memory, "w", format="mp4") as target:
        options = {**H264.encoder_options(DEFAULT_QUALITY), "preset": preset}
        stream: Any = target.add_stream(H264.encoder, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, PIXELS
        for image in images:
            target.mux(stream.encode(from_rgb(image, colors, PIXELS)))
        target.mux(stream.encode())
    cpu_s = time.process_time() - begin
    size = memory.tell()
    memory.seek(0)
    with av.open(memory) as made:
        decoded = [luma(frame) for frame in made.decode(video=0)]
    if len(decoded) != len(images):
        raise SystemExit(f"{preset}: {len(decoded)} frames; expected {len(images)}.")
    errors = [
        float(np.mean((luma(from_rgb(image, colors, PIXELS)) - frame) ** 2))
        for image, frame in zip(images, decoded, strict=True)
    ]
    return {
        "cpu_s_per_frame": cpu_s / len(images),
        "kb_per_frame": size / len(images) / 1000,
        "luma_psnr_db": statistics.fmean(10 * np.log10(255**2 / error) for error in errors),
    }


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ckpt", type=Path, nargs="+", required=True, help="filters")
    parser.add_argument("--clip", type=Path, nargs="+", required=True)
    parser.add_argument("--frames", type=int, default=30, help="of each clip")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result")
    args = parser.parse_args()
    rows = []
    for file in args.ckpt:
        stylizer = Stylizer.load(file)
        for clip in args.clip:
            reader = ClipReader(clip)
            colors, size = reader.info.colors, f"{reader.info.width}x{reader.info.height}"
            images = [
                filter_frame(stylizer, each.rgb) for each in islice(iter(reader), args.frames)
            ]
            reader.close()
            rounds = [
                {preset: encode(images, colors, preset) for preset in PRESETS}
                for _ in range(args.rounds)
            ]
            for preset in PRESETS:
                figures = {
                    name: round(statistics.median(each[preset][name] for each in rounds), 4)
                    for name in rounds[0][preset]
                }
                rows.append(
                    {"style": file.stem, "clip": clip.name, "size": size, "preset": preset}
                    | figures
                )
                print(rows[-1], flush=True)
    result = {"frames": args.frames, "rounds": args.rounds, "results": rows, "machine": machine()}
    write("h264_presets", result, args.out)


if __name__ == "__main__":
    main()
