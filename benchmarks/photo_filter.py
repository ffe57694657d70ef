"""How near do filters of light and color come to their reference, and what is left of the photo?

    python benchmarks/photo_filter.py --pairs PAIRS --photos TRAIN --filters FOLDER [--steps 600]

Trains ``experiment=photo`` on the reference of each pair, ``NAME_style.jpg``, with the photographs
of a folder as content (``data=folder``), unless ``FOLDER/NAME.safetensors`` is there already.
Applies each filter to the pair's own photograph, ``NAME_content.jpg``, at full size, and to those
of all other pairs, and writes the images beside the filters. Measures

- structure: SSIM of the edges of luma, photo against result; 1 is best;
- fall: by how much the distance to the reference falls. The distance is that of the means and
  standard deviations of an encoder's channels, relative to those of the reference, averaged over
  four layers, at 256 px (short side). 100 % is the reference's statistics;
- the same for a linear change of color that gives the photo the reference's mean and covariance
  (``match_colors``), which knows the one pair, and clips what leaves the range;
- with ``--clip``, a folder of frames: flicker, relative to the clip's own.

Writes ``results/photo_filter.json``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from measuring import machine, write
from torch import Tensor, nn

from fast_nst.encoders import create_encoder
from fast_nst.encoders.base import Encoder
from fast_nst.evaluation.artefacts import structure_kept
from fast_nst.evaluation.flicker import measure_flicker
from fast_nst.filters.checkpoint import load_filter
from fast_nst.image.color import match_colors
from fast_nst.image.io import read_image, write_image
from fast_nst.image.resize import resize_short_side
from fast_nst.train import compose_config
from fast_nst.training.run import train

SIZE = 256  # px, short side at which statistics are compared
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def train_look(reference: Path, photos: Path, folder: Path, steps: int) -> float:
    """Train the filter of one reference into ``folder``; seconds."""
    name = reference.name.removesuffix("_style.jpg")
    config = compose_config(
        [
            "experiment=photo", "data=folder", f"data.path={photos}", f"style.image={reference}",
            f"style.name={name}", "trainer.max_time_s=null", f"trainer.max_steps={steps}",
            "logger=none",
        ]
    )  # fmt: skip
    begin = time.monotonic()
    train(config, run_dir=folder / "runs" / name, output_dir=folder)
    return time.monotonic() - begin


def measure_statistics(encoder: Encoder, image: Tensor) -> dict[str, Tensor]:
    """Means and standard deviations of the channels of each layer, (1, 2 C)."""
    features = encoder(resize_short_side(image, SIZE), LAYERS)
    return {
        layer: torch.cat([each.mean((2, 3)), each.std((2, 3))], 1)
        for layer, each in features.items()
    }


def distance(found: dict[str, Tensor], target: dict[str, Tensor]) -> float:
    """Relative squared distance, the mean over layers."""
    errors = [
        (found[layer] - target[layer]).square().sum() / target[layer].square().sum()
        for layer in LAYERS
    ]
    return float(torch.stack(errors).mean())


def compare(encoder: Encoder, photo: Tensor, result: Tensor, reference: Tensor) -> dict[str, float]:
    """Structure and fall of one result."""
    before, after, target = (
        measure_statistics(encoder, each) for each in (photo, result, reference)
    )
    return {
        "structure": structure_kept(photo, result),
        "fall": 1 - distance(after, target) / distance(before, target),
    }


@torch.inference_mode()
def judge(name: str, network: nn.Module, pairs: dict[str, Path], folder: Path) -> dict[str, Any]:
    """All figures of one filter; writes what it makes of all photographs."""
    encoder = create_encoder("vgg_lite").eval()
    reference = read_image(pairs[name].with_name(f"{name}_style.jpg")).rgb[None]
    found = {}
    for other, file in pairs.items():
        photo = read_image(file).rgb[None]
        result = network(photo)
        write_image(folder / f"{name}_on_{other}.png", result[0])
        found[other] = compare(encoder, photo, result, reference)
        if other == name:
            linear = compare(encoder, photo, match_colors(photo, reference), reference)
    others = [figures for other, figures in found.items() if other != name]
    return {
        "own": found[name],
        "linear": linear,
        "others": {key: statistics.mean(figures[key] for figures in others) for key in found[name]},
    }


def main() -> None:
    """Train, measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--pairs", type=Path, required=True, help="NAME_content.jpg, NAME_style.jpg"
    )
    parser.add_argument("--photos", type=Path, required=True, help="a folder, to train on")
    parser.add_argument("--filters", type=Path, required=True, help="where filters and images go")
    parser.add_argument("--steps", type=int, default=600, help="of each training")
    parser.add_argument("--names", help="only these pairs, separated by commas")
    parser.add_argument("--clip", type=Path, help="a folder of frames, for flicker")
    options = parser.parse_args()
    pairs = {
        file.name.removesuffix("_content.jpg"): file
        for file in sorted(options.pairs.glob("*_content.jpg"))
    }
    rows: dict[str, Any] = {}
    for name in options.names.split(",") if options.names else pairs:
        file = options.filters / f"{name}.safetensors"
        seconds = None
        if not file.is_file():
            reference = pairs[name].with_name(f"{name}_style.jpg")
            seconds = train_look(reference, options.photos, options.filters, options.steps)
        network = load_filter(file).network
        rows[name] = judge(name, network, pairs, options.filters) | {"train_s": seconds}
        if options.clip is not None:
            (flicker,) = measure_flicker([network], options.clip, torch.device("cpu"))
            rows[name]["flicker"] = flicker.ratio
        own, linear = rows[name]["own"], rows[name]["linear"]
        print(
            f"{name:10} structure {own['structure']:.3f} fall {own['fall']:4.0%}   "
            f"linear {linear['structure']:.3f} {linear['fall']:4.0%}",
            flush=True,
        )
    means = {
        f"{what}_{key}": statistics.mean(row[what][key] for row in rows.values())
        for what in ("own", "linear", "others")
        for key in ("structure", "fall")
    }
    print("  ".join(f"{key} {value:.3f}" for key, value in means.items()))
    write("photo_filter", {"steps": options.steps, "means": means, "pairs": rows} | machine())


if __name__ == "__main__":
    main()
