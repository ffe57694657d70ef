"""Fills the marked blocks of docs/performance.md and docs/web.md from benchmarks/results/*.json.

A block stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is a key of ``TABLES``.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Result = Mapping[str, Any]


def table(head: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def measured_on(result: Result) -> str:
    """One line about the machine."""
    machine = result["machine"]
    parts = [machine.get("gpu"), f"{machine['cores']} cores of {machine['cpu']}"]
    parts += [f"{machine['threads']} threads" if "threads" in machine else None]
    avx512 = "AVX-512 bf16" if machine.get("avx512_bf16") else "no AMX"
    parts += ["AMX bf16" if machine.get("amx_bf16") else avx512]
    parts += [f"torch {machine['torch']}", machine["date"]]
    note = f" {result['note']}" if "note" in result else ""
    return f"Measured on {', '.join(part for part in parts if part)}.{note}"


def train_speed(result: Result) -> str:
    """Images a second, the floor, the losses."""
    rates = result["matrix_gflop_per_s"]
    rows = [
        [
            each["batch"], each["peer_images_per_s"], each["ours_images_per_s"],
            f"**{each['ratio']}x**", f"{each['peer_gflop']} / {each['ours_gflop']}",
            f"{1e3 * each['floor_s']:.0f} ms", f"{each['times_the_floor']}x",
        ]
        for each in result["training"]
    ]  # fmt: skip
    text = table(
        ["batch", "usual loop, images/s", "ours, images/s", "ratio", "GFLOP a step, usual / ours",
         "floor of our step", "our step / floor"],
        rows,
    )  # fmt: skip
    text += (
        f"\n\n{result['size_px']} px. A large matrix product here: {rates['bfloat16']} GFLOP/s in "
        f"bfloat16, {rates['float32']} in float32."
    )
    if parity := result["parity"]:
        theirs, ours = parity["peer_first_and_last"], parity["ours_first_and_last"]
        text += (
            f"\n\nLosses over {parity['steps']} steps at {parity['size_px']} px from the same "
            f"weights: usual loop {theirs[0]} to {theirs[1]}, ours {ours[0]} to {ours[1]}; never "
            f"more than {100 * parity['largest_difference']:.1f} % apart (means of "
            f"{parity['steps'] // len(parity['ours_over_peer'])} steps)."
        )
    return text


def input_speed(result: Result) -> str:
    """Images a second."""
    ways = {
        "decoded_batch_4": "decoded each time",
        "cached_batch_4": "from the cache, batches of 4",
        "cached_batch_32": "batches of 32",
    }
    rows = [
        [name.replace("_", " "), *(each[way]["images_per_s"] for way in ways)]
        for name, each in result.items()
        if isinstance(each, dict) and "cached_batch_4" in each
    ]
    own_ms = [
        f"{each[way]['own_cpu_ms']} ms in batches of {way.split('_')[-1]}"
        for each in result.values()
        for way in ways
        if way != "decoded_batch_4" and isinstance(each, dict) and "own_cpu_ms" in each.get(way, {})
    ]
    kind = "made-up JPEG files of 640x480 px" if result["made_up"] else "photographs"
    text = table(["images/s", *ways.values()], rows) + (
        f"\n\n{result['photos']} {kind}; {result['size_px']} px. While the cache fills: "
        f"{result['filling_images_per_s']} images/s. Of workers' images, the training process "
        f"itself takes {' and '.join(own_ms)} each."
    )
    if result["first_step_s"] is not None:
        text += (
            " `python -m fast_nst.train` with a warm cache, from its start to the end of its first "
            f"step: {result['first_step_s']} s."
        )
    return text


def stylize_speed(result: Result) -> str:
    """Milliseconds for an image, and how many times faster than the usual program."""
    sizes = [size for size in ("256", "720p", "1080p") if f"{size}_ms" in result["results"][0]]
    rows = []
    for each in result["results"]:
        ratio = each.get("times_the_usual")
        rows.append(
            [
                each["network"], f"`{each['engine']}`",
                *(f"{each[f'{size}_ms']:.0f}" for size in sizes),
                f"{each[f'{sizes[-1]}_first_s']:.1f}",
                "" if ratio is None else f"**{ratio}x**",
            ]
        )  # fmt: skip
    head = ["network", "engine", *(f"{size}, ms" for size in sizes), f"first {sizes[-1]}, s"]
    return table([*head, f"{result['compared_at']}, usual / this"], rows)


def video_speed(result: Result) -> str:
    """Frames a second of the network alone, and from file to file."""
    rows = [
        [
            each["network"], f"`{each['engine']}`", each["network_frames_per_s"],
            each["video_frames_per_s"], f"{100 * each['share']:.0f} %",
            f"{each['network_cpu_s_per_frame']:.3f} s", f"{each['video_cpu_s_per_frame']:.3f} s",
        ]
        for each in result["results"]
    ]  # fmt: skip
    head = ["network", "engine", "network alone, frames/s", "file to file, frames/s", "of that"]
    clip = result["clip"]
    preset = f" by the preset `{result['preset']}`" if result.get("preset") else ""
    return (
        table([*head, "CPU time of a frame, alone", "file to file"], rows)
        + f"\n\nThe first {clip['frames']} frames of {clip['name']}, {clip['size']} px, "
        f"to H.264{preset}; medians of {result['rounds']} rounds."
    )


def startup(result: Result) -> str:
    """Seconds of whole processes."""
    rows = [
        [f"`{name}`", f"{each['s']:.2f} s", "yes" if each["loads_torch"] else "no"]
        for name, each in result["commands"].items()
    ]
    return table(["", "from start to end", "loads PyTorch"], rows) + (
        f"\n\nAn image of {result['size_px']} px, {result['network']}, the graph in the cache; "
        f"medians of {result['rounds']} fresh processes of each, in turn; with `--refine`, of one."
    )


def growth(result: Result) -> str:
    """Memory over steps and over pixels."""
    training, stylizing = result["training"], result["stylizing"]
    rows = [[size, f"{mib} MiB"] for size, mib in stylizing["mib_above_that"].items()]
    return (
        f"Training: {training['mib_after_100']} MiB after 100 steps, {training['mib_after_all']} "
        f"MiB after {training['steps']} ({100 * training['growth']:+.1f} %); "
        f"{training['cpu_ms_per_step_first_tenth']} ms of processor time a step in the first "
        f"tenth, {training['cpu_ms_per_step_last_tenth']} ms in the last.\n\n"
        + table(["stylizing", f"above {stylizing['mib_at_64_px']} MiB"], rows)
        + f"\n\n{stylizing['network']}: {stylizing['bytes_per_pixel']} bytes a pixel; the largest "
        f"departure from a straight line is "
        f"{100 * stylizing['largest_departure_from_linear']:.0f} %."
    )


def steadiness(result: Result) -> str:
    """What each way of making a video gives, and how much of the plain one's that is."""
    warps, clip, photos = result["warp_error"], result["of_clip"], result["of_photos"]
    warps = {way: {**each, "mean": statistics.fmean(each.values())} for way, each in warps.items()}
    weight, plain = result["stability_weight"].get("trained"), clip["plain"]
    names = {
        "plain": "frame by frame",
        "steady": f"`--steady {result['steady']:g}`",
        "trained": f"`loss.stability_weight={weight:g}`" if weight is not None else "",
        "both": "both",
    }

    def share(value: float, of: float) -> str:
        return f"{value:.4f} ({100 * value / of:.0f} %)"

    rows = [
        [
            names[way],
            *(share(error, warps["plain"][scene]) for scene, error in warps[way].items()),
            *(share(each[name], plain[name]) for name in ("flicker", "style")),
            share(photos[way]["style"], photos["plain"]["style"]) if way in photos else "",
            f"{each['cpu_s_per_frame']:.2f} s",
        ]
        for way, each in clip.items()
    ]
    scenes = [f"warp error, {scene.replace('_', ' ')}" for scene in warps["plain"]]
    about = ", ".join(f"{value:.2g}" for value in warps["content"].values())
    return table(
        ["", *scenes, "flicker, still background", "style loss of the clip", "of photographs",
         "CPU time of a frame"],
        rows,
    ) + (
        f"\n\nIn brackets: of frame by frame. Warp errors of the frames themselves: {about}. The "
        f"clip: {result['clip']['frames']} frames of {result['clip']['name']}, of which "
        f"{100 * result['clip']['still_share']:.0f} % of the pixels stand still; "
        f"{photos['count']} held-out photographs, medians."
    )  # fmt: skip


def h264_presets(result: Result) -> str:
    """Time, size and fidelity of each preset, against medium."""
    rows = []
    for preset in dict.fromkeys(each["preset"] for each in result["results"]):
        cells = []
        for clip in dict.fromkeys((each["style"], each["clip"]) for each in result["results"]):
            own = [e for e in result["results"] if (e["style"], e["clip"]) == clip]
            base = next(e for e in own if e["preset"] == "medium")
            each = next(e for e in own if e["preset"] == preset)
            cells.append(
                f"{1e3 * each['cpu_s_per_frame']:.0f} ms, "
                f"{100 * (each['kb_per_frame'] / base['kb_per_frame'] - 1):+.1f} %, "
                f"{each['luma_psnr_db']:.2f} dB"
            )
        rows.append([f"`{preset}`", *cells])
    clips = dict.fromkeys(f"{each['clip']}, {each['size']}" for each in result["results"])
    return table(["preset", *clips], rows)


def web_speed(result: Result) -> str:
    """Frames a second in the browser, and of the network alone."""
    rows = [
        [
            each["network"], f"{each['backend']}, {each['threads']} threads",
            f"**{each['page_frames_per_s']}**", each["native_frames_per_s"],
            f"{100 * each['page_frames_per_s'] / each['native_frames_per_s']:.0f} %",
        ]
        for each in result["results"]
    ]  # fmt: skip
    head = ["network", "page", "page, frames/s", "onnxruntime alone, frames/s", "of that"]
    return (
        f"{table(head, rows)}\n\n{result['width']}x{result['height']} px, as many threads on both "
        f"sides. Chromium {result['chromium']}, onnxruntime {result['onnxruntime']}; medians of "
        f"{result['rounds']} rounds of {result['seconds']:g} s."
    )


def web_styles(result: Result) -> str:
    """A picture that becomes a style on the page, and frames while knobs move."""
    rows = []
    for each in result["results"]:
        sizes = each["bytes"]
        moving = each["moving"].values()
        fastest = max(one["frames_per_s"] for one in each["at_rest"])
        rows += [
            ["encoder and predictor, loaded when first wanted", f"{sizes['encode'] / 1e6:.1f} MB"],
            ["a picture's code, the first time, with loading", f"{each['first_code_ms']:.0f} ms"],
            [
                "the same beside the live camera",
                ", ".join(f"{ms} ms" for ms in each["code_beside_camera_ms"]),
            ],
            [
                "its largest difference from Python's code",
                f"{max(each['code_difference_from_python'].values()):.1g}",
            ],
            [
                "frames/s in its style",
                f"{each['frames_per_s']:.1f} (best round {fastest:.1f})",
            ],
            [
                "frames/s of a plain filter of the same network, in turn with it",
                f"{each['plain_frames_per_s']:.1f}",
            ],
            [
                "in its style, strokes twice as large",
                f"{each['at_stroke_size_2']['frames_per_s']:.1f}",
            ],
            [
                "frames/s while a knob moves: strength, stroke size, mix across, mix down",
                ", ".join(f"{one['frames_per_s']:.1f}" for one in moving),
            ],
            [
                "longest time between frames, at rest; while a knob moves",
                f"{max(one['longest_ms'] for one in each['at_rest']):.0f} ms; "
                f"{max(one['longest_ms'] for one in moving):.0f} ms",
            ],
        ]
    network = " and ".join(each["network"] for each in result["results"])
    return (
        f"{table(['what', 'measured'], rows)}\n\n`{network}`, {result['width']}x{result['height']} "
        f"px, WebAssembly in two threads, Chromium {result['chromium']}."
    )


TABLES: dict[str, Callable[[Result], str]] = {
    "train_speed": train_speed,
    "train_speed_avx512": train_speed,
    "train_speed_fp32": train_speed,
    "train_h200": train_speed,
    "input_speed": input_speed,
    "input_h200": input_speed,
    "growth": growth,
    "stylize_speed": stylize_speed,
    "video_speed": video_speed,
    "video_speed_ultrafast": video_speed,
    "h264_presets": h264_presets,
    "steadiness": steadiness,
    "startup": startup,
    "web_speed": web_speed,
    "web_styles": web_styles,
}
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rewrite(page: Path, results: Path) -> None:
    """Fill every block whose result is there; say so in the others.

    Raises:
        KeyError: If the page has a block that is not in ``TABLES``.
    """

    def fill(block: re.Match[str]) -> str:
        file = results / f"{block[2]}.json"
        text = f"Not measured yet: `benchmarks/results/{file.name}` is missing."
        if file.is_file():
            result = json.loads(file.read_text())
            text = f"{TABLES[block[2]](result)}\n\n{measured_on(result)}"
        return f"{block[1]}{text}\n{block[3]}"

    page.write_text(BLOCK.sub(fill, page.read_text()))
    print(f"wrote {page}")
