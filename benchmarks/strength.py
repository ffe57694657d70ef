"""What do "style left" and "content kept" give between a photo, a stylized photo and a texture?

    python benchmarks/strength.py --ckpt a.safetensors b.safetensors --photos HELDOUT

Blends each photograph of a folder, at 256 px (short side), with what filters make of it, and that
with the texture that their style has in the package. Writes the tenth, the median and the ninth
tenth of both figures over photos and filters, and the shares beyond the limits, to
``results/strength.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.encoders import create_encoder
from fast_nst.filters.checkpoint import load_filter
from fast_nst.hardware import describe_machine
from fast_nst.image.color import match_colors
from fast_nst.image.io import list_images, read_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.functional import gram_matrix
from fast_nst.losses.strength import (
    AGREEMENT_LAYER,
    OVER_STYLIZED,
    UNDER_STYLIZED,
    content_agreement,
    style_left,
)
from fast_nst.paths import asset_path

SIZE = 256
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def results(photo: Tensor, stylized: Tensor, style: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Images from the photo to the style, each with its name."""
    height, width = photo.shape[-2:]
    across, down = (max(0, a - b) for a, b in ((width, style.shape[3]), (height, style.shape[2])))
    texture = F.pad(style, (0, across, 0, down), mode="reflect")[..., :height, :width]
    yield "the photo", photo
    yield "the photo in the style's colors", match_colors(photo, style)
    yield "1/2 photo", photo.lerp(stylized, 0.5)
    yield "1/4 photo", photo.lerp(stylized, 0.75)
    yield "1/8 photo", photo.lerp(stylized, 0.875)
    yield "stylized", stylized
    yield "1/4 texture", stylized.lerp(texture, 0.25)
    yield "1/2 texture", stylized.lerp(texture, 0.5)
    yield "3/4 texture", stylized.lerp(texture, 0.75)
    yield "texture", texture


@torch.inference_mode()
def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--ckpt", type=Path, nargs="+", required=True, help="of bundled styles")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    args = parser.parse_args()
    photos = [
        resize_short_side(read_image(file).rgb[None], SIZE) for file in list_images(args.photos)
    ]
    encoder = create_encoder("vgg_lite").eval()
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    styles = []
    for file in args.ckpt:
        loaded = load_filter(file)
        styles.append(loaded.metadata.style)
        image = read_image(asset_path(f"styles/{styles[-1]}.webp")).rgb[None]
        style = resize_short_side(image, SIZE)
        targets = {name: gram_matrix(each) for name, each in encoder(style, LAYERS).items()}
        for photo in photos:
            content = encoder(photo, (AGREEMENT_LAYER,))[AGREEMENT_LAYER]
            for name, result in results(photo, loaded.network(photo).float().clamp(0, 1), style):
                features = encoder(result, LAYERS)
                grams = {layer: gram_matrix(each) for layer, each in features.items()}
                agreement = content_agreement(features[AGREEMENT_LAYER], content)
                found[name].append((float(style_left(grams, targets)), float(agreement)))
    figures = {}
    for name, pairs in found.items():
        left, kept = torch.tensor(pairs).T
        tenths = torch.tensor([0.1, 0.5, 0.9])
        figures[name] = {
            "style left": [float(f"{value:.2g}") for value in left.quantile(tenths)],
            "content kept": [round(float(value), 2) for value in kept.quantile(tenths)],
            "under-stylized": round(float((left > UNDER_STYLIZED).float().mean()), 3),
            "over-stylized": round(float((kept < OVER_STYLIZED).float().mean()), 3),
        }
    result = {
        "photos": len(photos),
        "styles": styles,
        "size_px": SIZE,
        "figures": figures,
        "date": time.strftime("%Y-%m-%d"),
        "machine": describe_machine(),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "strength.json").write_text(json.dumps(result, indent=2) + "\n")
    print("\n".join(f"{name}: {values}" for name, values in figures.items()))


if __name__ == "__main__":
    main()
