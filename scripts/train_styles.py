"""Train the bundled filter of all bundled styles, for one network.

    python scripts/train_styles.py --network quarter --photos DIR --work DIR --steps 465 \
        --out fast_nst/assets/trained

Runs the training command for ``--steps`` steps for each style, from the predictor's weights;
started again with the same ``--work``, it goes on from the last checkpoint. The result is written
in half precision, with what each style reaches on a few photographs. It is to be trained again
when a predictor or a style's image changes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch

from fast_nst.config import list_styles
from fast_nst.encoders import create_encoder
from fast_nst.filter_metadata import Binding
from fast_nst.filters.checkpoint import UnboundFilter, load_unbound, save_filter
from fast_nst.image.io import list_images
from fast_nst.paths import asset_path
from fast_nst.prediction.load import predictor_names
from fast_nst.prediction.make import (
    ENCODER,
    STYLE_SIZE,
    Picture,
    measure_style,
    trial_photos,
)
from fast_nst.prediction.reach import measure_reach

NAME = "together"


def train(args: argparse.Namespace, styles: list[str]) -> Path:
    """The filter as the training command writes it."""
    file: Path = args.work / f"{NAME}.safetensors"
    if not file.exists():
        command = [
            *(sys.executable, "-m", "fast_nst.train"),
            *(f"style=[{','.join(styles)}]", f"style.name={NAME}", f"network={args.network}"),
            *("network.start=predicted", "data=folder", f"data.path='{args.photos.resolve()}'"),
            *("trainer.max_time_s=null", f"trainer.max_steps={args.steps * len(styles)}"),
            *("callbacks.checkpoint_every_s=180", "resume=auto"),
            *(f"output_dir='{args.work}'", f"hydra.run.dir='{args.work}/run'"),
        ]
        subprocess.run(command, check=True)
    return file


def described(made: UnboundFilter, args: argparse.Namespace) -> UnboundFilter:
    """The same with what is of interest to others in its metadata."""
    encoder, photos = create_encoder(ENCODER), trial_photos()
    styles = {}
    for style in made.metadata.styles:
        image = Picture.find(style.name).read(STYLE_SIZE)
        network = made.bind(Binding(style.name)).network
        reach = measure_reach(network, encoder, measure_style([image]), photos)
        styles[style.name] = {
            "name": style.name,
            **{"texture": style.name, "image": None, "size": STYLE_SIZE},
            "predicted": {"stroke_size": 1.0, "photo_share": 0.0, **asdict(reach)},
        }
        print(style.name, reach, flush=True)
    config = {key: made.metadata.config[key] for key in ("encoder", "loss", "predictor")}
    about = {"steps": args.steps * len(styles), "photos": len(list_images(args.photos))}
    config |= {"styles": styles, "trained": about}
    return UnboundFilter(made.network, replace(made.metadata, config=config))


def main() -> None:
    """Read the command line, train, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=predictor_names(), default="quarter")
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--steps", type=int, default=465, help="for each style")
    parser.add_argument("--out", type=Path, default=asset_path("trained"))
    args = parser.parse_args()
    args.work = args.work.resolve()
    made = load_unbound(train(args, [style.name for style in list_styles()]))
    with torch.no_grad():  # as the file will hold them
        for weight in made.network.parameters():
            weight.copy_(weight.half())
    made = described(made, args)
    file = args.out / f"{args.network}.safetensors"
    save_filter(file, made.network, made.metadata, torch.float16)
    print(f"wrote {file}: {file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
