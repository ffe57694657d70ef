"""How large is a style loss that nothing but the way of resizing makes?

    python benchmarks/resampling.py

Resizes each bundled style image to 256 px by this project's resampler and by others, and takes
the scale-free style loss (relu1_1 to relu4_1, the bundled encoder) of the other against this one's
as the style. Writes ``results/resampling.json``: for each, the median over the images, the least
and the most.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import PIL
import torch
import torch.nn.functional as F
from measuring import RESULTS, machine, write
from PIL import Image
from torch import Tensor

from fast_nst.config import default_groups
from fast_nst.image.io import list_images, read_image
from fast_nst.image.resize import describe_resampler, resize_short_side
from fast_nst.losses.perceptual import create_loss
from fast_nst.paths import asset_path

Resize = Callable[[Tensor, tuple[int, int]], Tensor]


def by_torch(mode: str, antialias: bool) -> Resize:
    """PyTorch's, on (1, 3, H, W) in [0, 1]."""

    def resize(rgb: Tensor, size: tuple[int, int]) -> Tensor:
        return F.interpolate(
            rgb, size=size, mode=mode, align_corners=False, antialias=antialias
        ).clamp(0, 1)

    return resize


def by_pillow(resampling: Image.Resampling) -> Resize:
    """Pillow's, on 8-bit pixels, as most programs resize."""

    def resize(rgb: Tensor, size: tuple[int, int]) -> Tensor:
        pixels = (rgb[0] * 255).round().byte().permute(1, 2, 0).numpy()
        resized = Image.fromarray(pixels).resize(size[::-1], resampling)
        return torch.from_numpy(np.asarray(resized).copy()).permute(2, 0, 1)[None] / 255

    return resize


OTHERS: Mapping[str, Resize] = {
    "Lanczos, Pillow": by_pillow(Image.Resampling.LANCZOS),
    "bicubic, Pillow": by_pillow(Image.Resampling.BICUBIC),
    "bilinear, antialiased, torch": by_torch("bilinear", True),
    "bilinear, not antialiased, torch": by_torch("bilinear", False),
    "bicubic, not antialiased, torch": by_torch("bicubic", False),
}


@torch.inference_mode()
def style_losses(file: Path, size: int) -> dict[str, float]:
    """The loss of each other way, with this project's as the style."""
    groups = default_groups("encoder", "loss")
    loss = create_loss({"style": {"size": size}, **groups}, [file])
    image = read_image(file).rgb[None]
    own = resize_short_side(image, size)
    targets = loss.content_targets(own)
    height, width = own.shape[-2:]
    found = {"none: the same": own}
    found |= {name: resize(image, (height, width)) for name, resize in OTHERS.items()}
    return {
        name: float(loss.unweighted(loss(other, targets))["style"]) for name, other in found.items()
    }


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--size", type=int, default=256, help="short side, px")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    files = list_images(asset_path("styles"))
    losses = [style_losses(file, args.size) for file in files]
    summary = {}
    for name in losses[0]:
        values = [each[name] for each in losses]
        summary[name] = {
            "median": round(statistics.median(values), 5),
            "least": round(min(values), 5),
            "most": round(max(values), 5),
        }
        print(f"{name:34} {summary[name]}")
    result = {
        "size_px": args.size,
        "styles": [file.stem for file in files],
        "against": describe_resampler(),
        "style_loss": summary,
        "machine": machine() | {"pillow": PIL.__version__},
    }
    write("resampling", result, args.out)


if __name__ == "__main__":
    main()
