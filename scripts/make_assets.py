"""Make the bundled style images: textures with the statistics of paintings.

    python scripts/make_assets.py --paintings DIR --teacher T.safetensors

For every ``conf/style/NAME.yaml`` it reads ``DIR/NAME.jpg``, synthesizes a 1024 px texture that
has the painting's Gram matrices at 256, 512 and 1024 px, writes it to
``fast_nst/assets/styles/NAME.webp`` and prints how near the two are, as the teacher and as the
bundled encoder see them. Training sees nothing of a style but those matrices, so the texture trains
the same filter.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fast_nst.config import list_styles
from fast_nst.encoders import Encoder, create_encoder
from fast_nst.image.io import read_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optimize.texture import synthesize_texture
from fast_nst.paths import asset_path

SIZES = (256, 512, 1024)
MAX_BYTES = 250_000
MAX_LOSS = 0.01


def style_loss(encoder: Encoder, texture: Tensor, painting: Tensor, size: int) -> float:
    """Scale-free style loss of the texture, both at ``size`` px short side."""
    target = resize_short_side(painting, size)
    loss = PerceptualLoss(encoder, target, style_weight=1)
    with torch.no_grad():
        return float(loss(resize_short_side(texture, size))["style"])


def save_under(texture: Tensor, file: Path, most: int = MAX_BYTES) -> None:
    """Write a WebP at the best quality that keeps it under ``most`` bytes."""
    pixels = (texture[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    for quality in range(95, 20, -1):
        image.save(file, "WEBP", quality=quality, method=6)
        if file.stat().st_size < most:
            return
    raise SystemExit(f"{file.name}: cannot be kept under {most} bytes")


def main() -> None:
    """Make the textures asked for and print the table; exit 1 if one is too far off."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--styles", nargs="*", default=[style.name for style in list_styles()])
    parser.add_argument("--iterations", type=int, nargs=3, default=(80, 30, 15))
    parser.add_argument("--bfloat16", action="store_true", help="faster with AMX or AVX-512 bf16")
    parser.add_argument("--check", action="store_true", help="only measure what is there")
    args = parser.parse_args()
    encoders = {
        "vgg_lite": create_encoder("vgg_lite"),
        "teacher": create_encoder("vgg19_distilled", args.teacher),
    }
    for encoder in encoders.values():
        encoder.to(memory_format=torch.channels_last)
    worst = 0.0
    print("| style | kB | " + " | ".join(f"{e} {s}" for e in encoders for s in SIZES) + " |")
    print("|---" * (2 + len(encoders) * len(SIZES)) + "|", flush=True)
    for name in args.styles:
        painting = read_image(args.paintings / f"{name}.jpg").rgb[None]
        file = asset_path(f"styles/{name}.webp")
        begin = time.monotonic()
        if not args.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bfloat16):
                texture = synthesize_texture(
                    painting, list(encoders.values()), sizes=SIZES, iterations=args.iterations
                )
            save_under(texture, file)
        shipped = read_image(file).rgb[None]
        losses = [
            style_loss(encoder, shipped, painting, size)
            for encoder in encoders.values()
            for size in SIZES
        ]
        worst = max(worst, *losses)
        figures = " | ".join(f"{loss:.4f}" for loss in losses)
        print(f"| {name} | {file.stat().st_size / 1000:.0f} | {figures} |", flush=True)
        if not args.check:
            print(f"<!-- {time.monotonic() - begin:.0f} s -->", flush=True)
    if worst > MAX_LOSS:
        raise SystemExit(f"the worst style loss is {worst:.4f}, above {MAX_LOSS}")


if __name__ == "__main__":
    main()
