r"""How much of a filter's own rate is left when it repaints a video file?

    python benchmarks/video_speed.py --clip clip_720p.mp4 --ckpt starry_night.safetensors ...
    python benchmarks/video_speed.py --clip clip_720p.mp4 --ckpt mobile.safetensors \
        --preset ultrafast --name video_speed_ultrafast

For each filter and engine: the network alone on the clip's own size, a frame already in memory, and
``stylize_video`` on the first frames of the clip to H.264, decoding, turning, color conversion,
encoding and writing included. The two alternate, and medians are compared. CPU seconds are given as
well: unlike the rates, they hardly depend on what else the machine does. Writes
``results/video_speed.json``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measuring import RESULTS, machine, wait, write
from torch import Tensor

from fast_nst import Stylizer
from fast_nst.apps.video import stylize_video
from fast_nst.apps.video.decode import ClipReader
from fast_nst.filters.checkpoint import read_metadata
from fast_nst.onnx.session import cuda_at_hand
from fast_nst.runtimes.select import ENGINES


def measure(run: Callable[[], int]) -> tuple[float, float]:
    """Call ``run``, which returns a number of frames: those per second, and CPU seconds of each."""
    begin, cpu_begin = time.perf_counter(), time.process_time()
    frames = run()
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
    return frames / seconds, cpu_seconds / frames


def compare(stylizer: Stylizer, frame: Tensor, args: argparse.Namespace) -> dict[str, Any]:
    """The network alone on (3, H, W), and the whole, in turn."""
    found: dict[str, list[tuple[float, float]]] = {"network": [], "video": []}

    def network() -> int:
        frames, end = 0, time.perf_counter() + args.seconds
        while time.perf_counter() < end:
            stylizer(frame)
            wait(stylizer.device.type)
            frames += 1
        return frames

    with tempfile.TemporaryDirectory() as folder:

        def video() -> int:
            return stylize_video(
                stylizer,
                args.clip,
                Path(folder) / "out.mp4",
                preset=args.preset,
                frames=args.frames,
            ).frames

        for _ in range(3):  # compiled, and warm
            stylizer(frame)
        for _ in range(args.rounds):
            found["network"].append(measure(network))
            found["video"].append(measure(video))
    result: dict[str, Any] = {}
    for name, each in found.items():
        result[f"{name}_frames_per_s"] = round(statistics.median(rate for rate, _ in each), 2)
        result[f"{name}_cpu_s_per_frame"] = round(statistics.median(cpu for _, cpu in each), 3)
    shares = [whole / alone for (alone, _), (whole, _) in zip(*found.values(), strict=True)]
    result["share"] = round(statistics.median(shares), 3)
    return result


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--ckpt", type=Path, nargs="+", required=True, help="filters")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--preset", help="of the encoder, such as ultrafast")
    parser.add_argument("--frames", type=int, default=40, help="of the clip, each time")
    parser.add_argument("--seconds", type=float, default=3.0, help="of the network alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--name", default="video_speed", help="of the file")
    parser.add_argument("--out", type=Path, default=RESULTS, help="its folder")
    args = parser.parse_args()
    reader = ClipReader(args.clip)
    height, width = reader.info.height, reader.info.width
    reader.close()
    frame = torch.rand(3, height, width, device=args.device)
    rows = []
    graphs = args.device == "cpu" or cuda_at_hand()
    engines = [engine for engine in ENGINES if engine != "onnxruntime" or graphs]
    for file in args.ckpt:
        name = read_metadata(file).network
        for engine in engines:
            found = compare(Stylizer.load(file, args.device, engine), frame, args)
            rows.append({"network": name, "engine": engine, **found})
            print(rows[-1], flush=True)
    result = {
        "clip": {"name": args.clip.name, "size": f"{width}x{height}", "frames": args.frames},
        "preset": args.preset,
        "rounds": args.rounds,
        "results": rows,
        "machine": machine(args.device),
    }
    write(args.name, result, args.out)


if __name__ == "__main__":
    main()
