"""How good is the filter that the default training gives?

    python benchmarks/default_filter.py --photos HELDOUT --style starry_night.jpg \
        --teacher vgg19_distilled.safetensors

Trains ``style=starry_night`` with the default preset in a fresh folder (or takes ``--ckpt FILE``),
stylizes every held-out photo at 256 px (short side) and judges the results with scale-free losses
against the painting at 256 px: content relu3_1, style relu1_1 ... relu4_1, means over the photos;
once as the bundled encoder sees them and, with ``--teacher``, as a network does that had no part in
the training. Writes ``results/default_filter.json`` and, with ``--sheet FILE``, a contact sheet.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor

from fast_nst.encoders import Encoder, create_encoder
from fast_nst.filters.checkpoint import load_filter
from fast_nst.hardware import describe_machine
from fast_nst.image.io import list_images, read_image, write_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss

SIZE = 256


def judge(encoder: Encoder, style: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> dict[str, float]:
    """Mean scale-free losses of (content, stylized) pairs, each (1, 3, H, W)."""
    loss = PerceptualLoss(encoder, style, content_weight=1, style_weight=1)
    sums = {"content": 0.0, "style": 0.0}
    with torch.no_grad():
        for content, stylized in pairs:
            for name, value in loss(stylized, loss.content_targets(content)).items():
                sums[name] += float(value) / len(pairs)
    return {name: round(value, 5) for name, value in sums.items()}


def train(folder: Path, overrides: list[str]) -> tuple[Path, float]:
    """Run the real command in ``folder``; return the filter file and the seconds it took."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "fast_nst.train", "style=starry_night", *overrides]
    subprocess.run(command, cwd=folder, check=True)
    seconds = time.monotonic() - begin
    return folder / "checkpoints" / "starry_night.safetensors", seconds


def main() -> None:
    """Train, judge, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--photos", type=Path, required=True, help="folder never trained on")
    parser.add_argument("--style", type=Path, required=True, help="the painting itself")
    parser.add_argument("--teacher", type=Path, help="weights of vgg19_distilled, a second judge")
    parser.add_argument("--ckpt", type=Path, help="judge this filter instead of training one")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--sheet", type=Path, help="image to write: content | stylized")
    parser.add_argument("overrides", nargs="*", help="passed to the training")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trained = args.ckpt, None
        if args.ckpt is None:
            trained = train(Path(folder), args.overrides)
        loaded = load_filter(trained[0])
    style = resize_short_side(read_image(args.style).rgb, SIZE)[None]
    pairs = []
    for file in list_images(args.photos):
        content = resize_short_side(read_image(file).rgb, SIZE)[None]
        with torch.inference_mode():
            pairs.append((content, loaded.network(content)))
    found = {"vgg_lite": judge(create_encoder("vgg_lite"), style, pairs)}
    if args.teacher:
        found["teacher"] = judge(create_encoder("vgg19_distilled", args.teacher), style, pairs)
    result = {
        "photos": len(pairs),
        "size_px": SIZE,
        "training_command_s": trained[1] and round(trained[1], 1),
        "losses": found,
        "config": loaded.metadata.config,
        "date": time.strftime("%Y-%m-%d"),
        "machine": describe_machine(),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "default_filter.json").write_text(json.dumps(result, indent=2) + "\n")
    for name, losses in found.items():
        print(f"{name}: style {losses['style']:.4f}  content {losses['content']:.3f}")
    if args.sheet:
        wide = [pair for pair in pairs if pair[0].shape[3] >= pair[0].shape[2]][:12]
        rows = [torch.cat([c[0, :, :, :340], s[0, :, :, :340]], dim=2) for c, s in wide]
        columns = [torch.cat(rows[i::3], dim=1) for i in range(3)]
        write_image(args.sheet, torch.cat(columns, dim=2))


if __name__ == "__main__":
    main()
