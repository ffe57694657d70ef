"""What does it help to optimize an image from what a filter paints, and to polish that?

    python benchmarks/starts.py --ckpt starry_night.safetensors --photos HELDOUT

Takes photographs of a folder at 256 px (short side). For each, ``results/starts.json`` has the
total loss of ``fast-nst optimize`` with the filter's style after 40 iterations from the filter's
painting, from the content and from noise, at 1 and 3 levels; how many iterations the content as a
start needs to be as good as the filter is at once; and the loss of ``--polish 10`` and ``40``, with
the weights of the filter's training. Losses only: seconds are not measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from measuring import RESULTS, machine, write
from torch import Tensor

from fast_nst import Stylizer
from fast_nst.batch.polish import polish, read_style
from fast_nst.encoders import create_encoder
from fast_nst.filters.style_image import find_style_image
from fast_nst.image.io import list_images, read_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optimize.gatys import TransferProgress, stylize_iteratively
from fast_nst.optimize.options import TransferOptions

SIZE, ITERATIONS = 256, 40


def measure(loss: PerceptualLoss, content: Tensor, image: Tensor) -> float:
    """The total loss of an image."""
    with torch.no_grad():
        return float(sum(loss(image, loss.content_targets(content)).values()))


def of_photo(content: Tensor, stylizer: Stylizer) -> dict[str, Any]:
    """All losses for one photograph, (1, 3, H, W) at its size."""
    encoder = create_encoder("vgg_lite")
    assert stylizer.metadata is not None
    style = read_image(find_style_image(stylizer.metadata)).rgb[None]
    weights = TransferOptions.content_weight, TransferOptions.style_weight
    sized = resize_short_side(style, SIZE)
    loss = PerceptualLoss(encoder, sized, content_weight=weights[0], style_weight=weights[1])
    painted = stylizer(content)
    goal = measure(loss, content, painted)
    found: dict[str, float] = {"filter, 0 iterations": goal}
    reached: list[int] = []

    def watch(progress: TransferProgress) -> None:
        if sum(progress.losses.values()) <= goal:
            reached.append(progress.iteration - 1)  # losses are those before the step

    for levels in (1, 3):
        for init in ("filter", "content", "noise"):
            options = TransferOptions(
                size=SIZE,
                iterations=ITERATIONS,
                levels=levels,
                init="noise" if init == "noise" else "content",
            )
            image = stylize_iteratively(
                content,
                [style],
                encoder,
                options,
                start=stylizer if init == "filter" else None,
                on_progress=watch if (init, levels) == ("content", 1) else None,
            )
            found[f"{init}, levels {levels}"] = measure(loss, content, image)
    own = read_style(stylizer)
    loss = PerceptualLoss(
        encoder, own.image, content_weight=own.content_weight, style_weight=own.style_weight
    )
    polished = {
        str(count): measure(loss, content, polish(stylizer, count)(content))
        for count in (0, 10, ITERATIONS)
    }
    return {
        "after_40": {name: round(value, 4) for name, value in found.items()},
        "content_as_good_as_filter_after": min(reached, default=None),
        "polished": {name: round(value, 4) for name, value in polished.items()},
    }


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ckpt", type=Path, required=True, help="a filter of a bundled style")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--count", type=int, default=5, help="how many of them")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    stylizer = Stylizer.load(args.ckpt)
    assert stylizer.metadata is not None
    photos = {}
    for file in list_images(args.photos)[: args.count]:
        content = resize_short_side(read_image(file).rgb[None], SIZE)
        photos[file.name] = of_photo(content, stylizer)
        print(file.name, photos[file.name], flush=True)
    result = {
        "size_px": SIZE,
        "iterations": ITERATIONS,
        "filter": {
            "style": stylizer.metadata.style,
            "network": stylizer.metadata.network,
            "trainer": stylizer.metadata.config.get("trainer"),
            "created": stylizer.metadata.created,
        },
        "photos": photos,
        "machine": machine(),
    }
    write("starts", result, args.out)


if __name__ == "__main__":
    main()
