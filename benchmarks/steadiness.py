"""How still does a filter stand where the scene does, and what does that cost of the style?

    python benchmarks/steadiness.py --ckpt plain.safetensors --data DATA \
        --trained stable.safetensors --photos 20

Measures four ways of making a video: ``--ckpt`` frame by frame; with ``steady=``; the same style
trained with ``loss.stability_weight`` (``--trained``); and both. Of each:

- the warp error on the ground-truth flows of DATA/flow, by the report's own measure: every frame
  before the pair goes through the filter first. FlyingChairs and KITTI come without a mask of
  what is covered in the second frame; ``content`` is the error of the frames themselves;
- flicker: the mean absolute difference of consecutive frames of DATA/video/person_walks_in_9s.mp4
  after the filter, in pixels around which (15 px) the content changes by less than 4/255;
- the style and content losses of these frames, and of held-out photographs for the networks, by
  the bundled encoder against the bundled style.

Writes ``results/steadiness.json``; ``--sheet FILE`` writes frames t - 1 and t, plain above and
steady below, each with content, result and eight times the difference.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from measuring import RESULTS, machine, write
from torch import Tensor

from fast_nst import Stylizer
from fast_nst.apps.video.decode import ClipReader
from fast_nst.apps.video.filtering import Controlled
from fast_nst.apps.video.formats import USUAL_STEADY
from fast_nst.apps.video.steady import steadied
from fast_nst.evaluation.flicker import frames, read_flow, unmasked, warp_error
from fast_nst.filters.checkpoint import read_metadata
from fast_nst.image.io import list_images, read_image, write_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss, create_loss
from fast_nst.paths import asset_path

SCENES = ("sintel_clean_easy", "sintel_clean_medium", "flying_chairs_0", "kitti2015_000000")
CLIP = "person_walks_in_9s.mp4"
STILL = 4 / 255
AROUND = 15  # px
PLAIN_LOSS = {
    "scale": "relative",
    "content_layers": ["relu3_1"],
    "style_layers": ["relu1_1", "relu2_1", "relu3_1", "relu4_1"],
    "content_weight": 1.0,
    "style_weight": 1.0,
}
Filter = Callable[[Tensor], Tensor]


def ground_truth(scene: Path) -> tuple[list[Path], Tensor, Tensor]:
    """The frames up to the second of the pair, the first one's flow, and where it counts."""
    if (scene / "flow_gt.png").is_file():  # KITTI's: 16 bits a channel, BGR as OpenCV reads it
        pixels = cv2.imread(str(scene / "flow_gt.png"), cv2.IMREAD_UNCHANGED).astype(np.float32)
        flow = torch.from_numpy((pixels[..., [2, 1]] - 2**15) / 64).permute(2, 0, 1)
        known = torch.from_numpy(pixels[..., 0] > 0)
        return [scene / "frame1.png", scene / "frame2.png"], flow, known
    (truth,) = scene.glob("flow_*_to_*.flo")
    _, first, _, second = truth.stem.split("_")
    files = frames(scene)
    begin = next(i for i, file in enumerate(files) if file.stem.endswith(first))
    assert files[begin + 1].stem.endswith(second)
    flow = read_flow(truth)
    return files[: begin + 2], flow, unmasked(scene, first, flow)


def warp_errors(fresh: Callable[[], Filter], scene: Path) -> tuple[float, float]:
    """The filter's error between the two frames that have ground truth, and the content's."""
    files, flow, seen = ground_truth(scene)
    images = [read_image(file).rgb for file in files]
    filter_ = fresh()
    painted = [filter_(image) for image in images]
    pairs = [[image[None] for image in each[-2:]] for each in (painted, images)]
    stylized, content = (warp_error(a, b, flow, seen) for a, b in pairs)
    return stylized, content


def clip_frames(file: Path, count: int) -> Iterator[Tensor]:
    """The first frames, (3, H, W) in [0, 1]."""
    reader = ClipReader(file)
    try:
        for item in reader:
            if item.rgb is not None and count > 0:
                count -= 1
                yield torch.from_numpy(item.rgb).permute(2, 0, 1).float() / 255
    finally:
        reader.close()


def losses(loss: PerceptualLoss, content: Tensor, stylized: Tensor) -> dict[str, float]:
    """Of one (3, H, W)."""
    terms = loss(stylized[None], loss.content_targets(content[None]))
    return {name: float(value) for name, value in terms.items()}


def mean(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure."""
    return {name: statistics.fmean(row[name] for row in rows) for name in rows[0]}


def walk(
    ways: dict[str, Callable[[], Filter]], loss: PerceptualLoss, file: Path, count: int
) -> tuple[dict[str, dict[str, float]], float, list[Tensor]]:
    """Flicker, losses and CPU seconds per frame of every way; the still share; a sheet's rows."""
    filters = {name: fresh() for name, fresh in ways.items()}
    steps: dict[str, list[float]] = {name: [] for name in ways}
    terms: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    seconds = dict.fromkeys(ways, 0.0)
    shares, sheet = [], []
    before: tuple[Tensor, dict[str, Tensor]] | None = None
    for number, content in enumerate(clip_frames(file, count)):
        painted = {}
        for name, filter_ in filters.items():
            begin = time.process_time()
            painted[name] = filter_(content)
            seconds[name] += time.process_time() - begin
            if number % 10 == 5:
                terms[name].append(losses(loss, content, painted[name]))
        if before is not None:
            change = (content - before[0]).abs().amax(0)[None]
            still = F.max_pool2d(change, AROUND, 1, AROUND // 2)[0] < STILL
            shares.append(float(still.float().mean()))
            for name, image in painted.items():
                steps[name].append(float((image - before[1][name]).abs().mean(0)[still].mean()))
            if number == count // 2:
                for name in list(ways)[:2]:
                    last, now = before[1][name], painted[name]
                    sheet.append(torch.cat([last, now, (8 * (now - last).abs()).clamp(0, 1)], 2))
        before = content, painted
    found = {
        name: {
            "flicker": float(np.mean(steps[name])),
            **mean(terms[name]),
            "cpu_s_per_frame": seconds[name] / count,
        }
        for name in ways
    }
    return found, float(np.mean(shares)), sheet


def held_out(
    stylizers: dict[str, Stylizer], loss: PerceptualLoss, folder: Path, count: int
) -> dict[str, dict[str, float]]:
    """Medians of the networks' losses on photographs at 256 px."""
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in stylizers}
    for file in list_images(folder)[:count]:
        content = resize_short_side(read_image(file).rgb, 256)
        for name, stylizer in stylizers.items():
            rows[name].append(losses(loss, content, stylizer(content)))
    return {
        name: {term: statistics.median(row[term] for row in each) for term in each[0]}
        for name, each in rows.items()
    }


def rounded(value: Any) -> Any:
    """Four digits."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ckpt", type=Path, required=True)
    parser.add_argument("--trained", type=Path, help="the same, with loss.stability_weight")
    parser.add_argument("--steady", type=float, default=USUAL_STEADY)
    parser.add_argument("--data", type=Path, required=True, help="with flow/, video/ and heldout/")
    parser.add_argument("--frames", type=int, default=60, help="of the clip")
    parser.add_argument("--photos", type=int, default=40, help="held-out ones")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--note", default="", help="what is to be said of the machine")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    if args.frames < 6:
        parser.error(
            f"--frames is {args.frames}; expected at least 6, as losses are of every tenth."
        )
    files = {"plain": args.ckpt} | ({"trained": args.trained} if args.trained else {})
    stylizers = {name: Stylizer.load(file, engine="torch") for name, file in files.items()}
    metadata = read_metadata(args.ckpt)
    loss = create_loss(
        {**metadata.config, "loss": PLAIN_LOSS}, [asset_path(f"styles/{metadata.style}.webp")]
    )

    def fresh(stylizer: Stylizer, steady: float) -> Callable[[], Filter]:
        return lambda: steadied(Controlled(stylizer, {}), steady)

    ways: dict[str, Callable[[], Filter]] = {}
    for name, stylizer in stylizers.items():
        ways[name] = fresh(stylizer, 0)
        ways["steady" if name == "plain" else "both"] = fresh(stylizer, args.steady)
    with torch.inference_mode():
        warps: dict[str, dict[str, float]] = {name: {} for name in (*ways, "content")}
        for scene in SCENES:
            for name, way in ways.items():
                found = warp_errors(way, args.data / "flow" / scene)
                warps[name][scene], warps["content"][scene] = found
        clip, still_share, sheet = walk(ways, loss, args.data / "video" / CLIP, args.frames)
        photos = held_out(stylizers, loss, args.data / "heldout", args.photos)
    if args.sheet:
        write_image(args.sheet, torch.cat(sheet, 1))
    settings = {
        name: read_metadata(file).config["loss"].get("stability_weight", 0.0)
        for name, file in files.items()
    }
    result = {
        "what": "warp error, flicker of a still background, losses; plain, steady, trained, both",
        "style": metadata.style,
        "steady": args.steady,
        "stability_weight": settings,
        "training": {
            name: {
                key: read_metadata(file).config[group][key]
                for group, key in (("loss", "style_weight"), ("trainer", "max_steps"))
            }
            for name, file in files.items()
        },
        "warp_error": warps,
        "clip": {"name": CLIP, "frames": args.frames, "still_share": still_share},
        "of_clip": clip,
        "of_photos": {"count": args.photos, **photos},
        "machine": machine(),
    } | ({"note": args.note} if args.note else {})
    write("steadiness", rounded(result), args.out)


if __name__ == "__main__":
    main()
