r"""How much slower is a clip of 10 bits, or of HDR, and is one of 8 bits as fast as before?

    python benchmarks/video_depth.py --ckpt mobile.safetensors
    python benchmarks/video_depth.py --ckpt mobile.safetensors --before ../another/checkout

Makes a clip of 1920x1080 px with a pattern that moves, in H.264 of 8 bits, HEVC of 10, and HEVC of
10 in PQ, and repaints each to ``.mp4`` with everything by default, in a process of its own, in
turn. With ``--before``, the clip of 8 bits is repainted by that checkout as well. Ratios are of
rates in the same round, and their medians; CPU seconds hardly depend on what else the machine does.
Writes ``results/video_depth.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent.parent
CLIPS = {
    "8 bits": ("libx264", "yuv420p", (1, 1, 1)),
    "10 bits": ("libx265", "yuv420p10le", (1, 1, 1)),
    "10 bits, PQ": ("libx265", "yuv420p10le", (9, 9, 16)),
}


def make(path: Path, encoder: str, pixels: str, colors: tuple[int, int, int], frames: int) -> None:
    """Write a clip of smooth blobs that drift, with fine noise on them."""
    import av

    chance = np.random.default_rng(0)
    y, x = np.mgrid[0 : 1080 + 2 * frames, 0 : 1920 + 3 * frames].astype(np.float32)
    waves = chance.uniform(-0.02, 0.02, (3, 4, 2)).astype(np.float32)
    whole = np.stack(
        [sum(np.sin(x * across + y * down) for across, down in channel) for channel in waves]
    )
    scaled = (whole + 4) * 8_000 + chance.normal(0, 300, whole.shape)
    planes = scaled.clip(0, 65_280).astype(np.uint16)
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream(
            encoder, rate=25, width=1920, height=1080, options={"crf": "16", "preset": "fast"}
        )
        if encoder == "libx265":
            stream.options = {**stream.options, "x265-params": "log-level=-1"}
        stream.pix_fmt = pixels
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = colors
        for number in range(frames):
            top, left = 2 * number, 3 * number
            image = planes[:, top : top + 1080, left : left + 1920].transpose(1, 2, 0)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="gbrp16le")
            frame = frame.reformat(format=pixels, dst_colorspace=colors[0], dst_color_range=1)
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def repaint(args: argparse.Namespace) -> None:
    """In a process of its own: repaint once to warm up, and once for the figures; print them."""
    from fast_nst import Stylizer
    from fast_nst.apps.video import stylize_video

    stylizer = Stylizer.load(args.ckpt, "cpu", args.engine)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.mp4"
        stylize_video(stylizer, args.clip, target, frames=3)
        begin, cpu_begin = time.perf_counter(), time.process_time()
        frames = stylize_video(stylizer, args.clip, target).frames
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu_begin
    print(json.dumps({"frames_per_s": frames / seconds, "cpu_s_per_frame": cpu / frames}))


def measure(checkout: Path, clip: Path, args: argparse.Namespace) -> dict[str, float]:
    """Run :func:`repaint` with the package of a checkout."""
    command = [sys.executable, __file__, "--clip", clip, "--ckpt", args.ckpt.resolve()]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    found = subprocess.run(
        [*map(str, command), "--engine", args.engine],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ckpt", type=Path, required=True, help="a filter")
    parser.add_argument("--engine", default="torch-compiled")
    parser.add_argument("--before", type=Path, help="another checkout of this project")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--name", default="video_depth", help="of the file")
    parser.add_argument("--out", type=Path, help="its folder")
    parser.add_argument("--clip", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.clip is not None:
        repaint(args)
        return
    from measuring import RESULTS, machine, write

    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        runs = []
        for number, (name, (encoder, pixels, colors)) in enumerate(CLIPS.items()):
            clip = Path(folder) / f"{number}.mp4"
            make(clip, encoder, pixels, colors, args.frames)
            runs.append((name, HERE, clip))
        if args.before is not None:
            runs.insert(0, ("8 bits, before", args.before.resolve(), runs[0][2]))
        for turn in range(args.rounds):
            for name, checkout, clip in runs[::-1] if turn % 2 else runs:
                found.setdefault(name, []).append(measure(checkout, clip, args))
                print(name, found[name][-1], flush=True)
    result: dict[str, Any] = {
        "clip": {"size": "1920x1080", "frames": args.frames},
        "engine": args.engine,
        "rounds": args.rounds,
        "results": [
            {
                "clip": name,
                **{key: round(statistics.median(each[key] for each in all_), 3) for key in all_[0]},
            }
            for name, all_ in found.items()
        ],
        "ratios": {
            f"{name} / {other}": {
                figure: round(
                    statistics.median(
                        a[figure] / b[figure]
                        for a, b in zip(found[name], found[other], strict=True)
                    ),
                    3,
                )
                for figure in ("frames_per_s", "cpu_s_per_frame")
            }
            for name, other in (
                ("8 bits", "8 bits, before"),
                ("10 bits", "8 bits"),
                ("10 bits, PQ", "8 bits"),
            )
            if name in found and other in found
        },
        "machine": machine(),
    }
    print(json.dumps(result["ratios"], indent=2))
    write(args.name, result, args.out or RESULTS)


if __name__ == "__main__":
    main()
