"""How much of a filter's own rate is left when it repaints a video file?

    python benchmarks/video_speed.py --ckpt starry_night.safetensors --clip clip_720p.mp4

Measures the network alone on the clip's own size, a frame already in memory, and ``stylize_video``
on the first frames of the clip to H.264: decoding, turning, color conversion, encoding and writing
included. The two alternate, and medians are compared. CPU seconds are told as well: unlike the
rates, they hardly depend on what else the machine does. Writes ``results/video_speed.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from fast_nst import Stylizer
from fast_nst.apps.video import stylize_video
from fast_nst.apps.video.decode import ClipReader

RESULT = Path(__file__).parent / "results" / "video_speed.json"


def measure(run: Callable[[], int]) -> tuple[float, float]:
    """Call ``run``, which returns a number of frames: those per second, and CPU seconds of each."""
    begin, cpu_begin = time.perf_counter(), time.process_time()
    frames = run()
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
    return frames / seconds, cpu_seconds / frames


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ckpt", type=Path, required=True)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--frames", type=int, default=6, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    stylizer = Stylizer.load(arguments.ckpt, arguments.device)
    reader = ClipReader(arguments.clip)
    info = reader.info
    reader.close()
    frame = torch.rand(1, 3, info.height, info.width, device=stylizer.device)
    found: dict[str, list[tuple[float, float]]] = {"network": [], "video": []}
    with tempfile.TemporaryDirectory() as folder:

        def network() -> int:
            with torch.inference_mode():
                for _ in range(arguments.frames):
                    stylizer.network(frame)
                if stylizer.device.type == "cuda":
                    torch.cuda.synchronize()
            return int(arguments.frames)

        def video() -> int:
            target = Path(folder) / "out.mp4"
            return stylize_video(stylizer, arguments.clip, target, frames=arguments.frames).frames

        with torch.inference_mode():
            stylizer.network(frame)  # warm
        for _ in range(arguments.rounds):
            found["network"].append(measure(network))
            found["video"].append(measure(video))
    rates = {name: statistics.median(rate for rate, _ in each) for name, each in found.items()}
    cpu = {name: statistics.median(spent for _, spent in each) for name, each in found.items()}
    result = {
        "what": "frames per second: the network alone, and stylize_video from file to H.264 file",
        "clip": {"name": arguments.clip.name, "size": f"{info.width}x{info.height}"},
        "frames": arguments.frames,
        "rounds": arguments.rounds,
        "frames_per_s": {name: round(rate, 3) for name, rate in rates.items()},
        "share": round(rates["video"] / rates["network"], 3),
        "cpu_seconds_per_frame": {name: round(spent, 3) for name, spent in cpu.items()},
        "device": str(stylizer.device),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
