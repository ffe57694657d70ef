"""How far is each engine from float64 on images of one color, title cards and fades?

    python benchmarks/flat_images.py --ckpt starry_night.safetensors

Instance norms divide a nearly flat channel by little, and so multiply what rounding left in it.
Stylizes made-up images and one photograph of scikit-image in every engine, the compiled one in
float32 and in bfloat16, and compares with the same network in float64. Writes
``results/flat_images.json``: the largest and the mean difference in levels of 255.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import RESULTS, machine, write
from PIL import Image, ImageDraw
from torch import Tensor

from fast_nst.data.photos import bundled_photos
from fast_nst.filters.checkpoint import load_filter
from fast_nst.runtimes.compiled import CompiledNetwork
from fast_nst.runtimes.load import load_network
from fast_nst.runtimes.select import Opening

SIZE = (384, 256)  # width and height, px
LARGE = (1280, 720)
SKY, RED = (135, 206, 235), (200, 16, 46)


def make_images(size: tuple[int, int]) -> dict[str, Image.Image]:
    """The images that an engine may fail on, and a photograph to compare with."""
    photo = Image.fromarray(bundled_photos()[0][0]).convert("RGB").resize(size)
    width, height = size
    boxed = photo.copy()
    bars = ImageDraw.Draw(boxed)
    bars.rectangle((0, 0, width, height // 8), fill="black")
    bars.rectangle((0, height - height // 8, width, height), fill="black")
    title = Image.new("RGB", size, "black")
    ImageDraw.Draw(title).text((width // 4, height // 3), "THE END", "white", font_size=height // 4)
    halves = Image.new("RGB", size, SKY)
    halves.paste(RED, (0, 0, width // 2, height))
    speck = Image.new("RGB", size, SKY)
    speck.putpixel((width // 3, height // 3), (0, 0, 0))
    return {
        "photograph": photo,
        "sky blue": Image.new("RGB", size, SKY),
        "red": Image.new("RGB", size, RED),
        "black": Image.new("RGB", size),
        "two colors": halves,
        "one dot": speck,
        "title card": title,
        "bars above and below": boxed,
        "fade, 4 levels": Image.eval(photo, lambda value: value // 60),
    }


def to_tensor(image: Image.Image) -> Tensor:
    """(1, 3, H, W), float32 in [0, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def main() -> None:
    """Compare, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ckpt", type=Path, required=True, help="a trained filter")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result")
    options = parser.parse_args()
    exact = copy.deepcopy(load_filter(options.ckpt).network).double()
    engines: dict[str, Callable[[Tensor], Tensor]] = {
        "torch": load_network(Opening(options.ckpt), "torch")[0],
        "onnxruntime": load_network(Opening(options.ckpt), "onnxruntime")[0],
        "torch-compiled, float32": CompiledNetwork(
            load_filter(options.ckpt).network, torch.float32
        ),
        "torch-compiled, bfloat16": CompiledNetwork(
            load_filter(options.ckpt).network, torch.bfloat16
        ),
    }
    rows: list[dict[str, Any]] = []
    for size in (SIZE, LARGE):
        for name, image in make_images(size).items():
            x = to_tensor(image)
            with torch.inference_mode():
                reference = exact(x.double())
                for engine, run in engines.items():
                    apart = 255 * (run(x).double() - reference).abs()
                    row = {
                        "image": name,
                        "size_px": f"{size[0]}x{size[1]}",
                        "engine": engine,
                        "largest_levels": round(float(apart.max()), 3),
                        "mean_levels": round(float(apart.mean()), 3),
                    }
                    rows.append(row)
                    print("  ".join(str(value) for value in row.values()), flush=True)
    metadata = load_filter(options.ckpt).metadata
    filter_ = {"style": metadata.style, "network": metadata.network}
    filter_ |= metadata.network_arguments
    write("flat_images", {"machine": machine(), "filter": filter_, "results": rows}, options.out)


if __name__ == "__main__":
    main()
