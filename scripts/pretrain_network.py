"""Train the weights that trainings start from: one network, several styles at once.

    python scripts/pretrain_network.py --photos DIR --network quarter --width 24 --blocks 5 \
        --steps 9000 --out fast_nst/assets/starts

Convolutions are shared by the styles; each style has instance-norm scales and shifts of its own
(Dumoulin et al. 2017, "A learned representation for artistic style", sec. 2.2), one style a step.
Their mean goes into the file. What the shared convolutions have learned (see a photograph, paint
strokes, make an image without a grid) a new style need not learn again.

The styles that benchmarks measure filters by are left out, so that what they say holds for styles
that the start has never seen.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call

from fast_nst.data.module import ImageDataModule
from fast_nst.encoders import create_encoder
from fast_nst.filters.checkpoint import FilterMetadata, Style, save_filter
from fast_nst.hardware import fast_bf16
from fast_nst.image.eight_bit import from_bytes
from fast_nst.image.io import read_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.networks import create_network
from fast_nst.networks.norm import InstanceNorm
from fast_nst.optim.muon import Muon
from fast_nst.paths import asset_path
from fast_nst.training.schedule import learning_rate_factor

STYLES = (
    "composition_vii",
    "great_wave",
    "moulin_de_la_galette",
    "self_portrait_straw_hat",
    "wheatfield_with_cypresses",
)
STYLE_SIZE = 256  # px
EARLY, LATE = (128, 4), (256, 1)  # px and batch: as in the default training
LATE_SHARE = 0.35
LOSS = {"content_weight": 1.0, "style_weight": 70.0, "grid_weight": 20.0, "pattern_weight": 0.15}


def contents(size: int, batch: int, photos: Path, seed: int, real: int = 1) -> Iterator[Tensor]:
    """Batches of photographs and of synthetic images, in turn: ``real`` of the former to one."""
    modules = [
        ImageDataModule("folder", size, batch, num_workers=1, seed=seed, held_out=0, path=photos),
        ImageDataModule("synthetic", size, batch, num_workers=1, seed=seed),
    ]
    streams = [iter(module.train_dataloader()) for module in modules]
    while True:
        for stream in (*[streams[0]] * real, streams[1]):
            yield from_bytes(next(stream)).contiguous(memory_format=torch.channels_last)


def style_loss(name: str, encoder: nn.Module) -> PerceptualLoss:
    """The default training's loss for a bundled style."""
    image = resize_short_side(read_image(asset_path(f"styles/{name}.webp")).rgb, STYLE_SIZE)
    return PerceptualLoss(encoder, image[None], **LOSS)


def pretrain(
    network: nn.Module, photos: Path, steps: int, lr: float, seed: int
) -> dict[str, Tensor]:
    """Train ``network`` on all styles; return its weights, norms averaged over the styles."""
    encoder = create_encoder("vgg_lite").to(memory_format=torch.channels_last)
    losses = [style_loss(name, encoder) for name in STYLES]
    weights = dict(network.named_parameters())
    norms = [
        f"{name}.{each}"
        for name, module in network.named_modules()
        if isinstance(module, InstanceNorm)
        for each, _ in module.named_parameters()
    ]
    own = [{n: nn.Parameter(weights[n].detach().clone()) for n in norms} for _ in STYLES]
    shared = [value for name, value in weights.items() if name not in norms]
    optimizer = Muon([*shared, *(value for each in own for value in each.values())], lr=lr)
    early = contents(*EARLY, photos, seed)
    late = contents(*LATE, photos, seed + 1)
    bf16 = fast_bf16(torch.device("cpu"))
    started = time.monotonic()
    for step in range(steps):
        fraction = step / steps
        content = next(early if fraction < 1 - LATE_SHARE else late)
        for group in optimizer.param_groups:
            group["lr"] = lr * learning_rate_factor(fraction, 0.01, 0.0)
        which = step % len(STYLES)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            targets = losses[which].content_targets(content)
            stylized = functional_call(network, own[which], (content,))
            terms = losses[which](stylized, targets, network)
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            said = "  ".join(f"{name} {float(value.detach()):.3f}" for name, value in terms.items())
            print(f"{step} {time.monotonic() - started:.0f}s {STYLES[which]} {said}", flush=True)
    means = {name: torch.stack([each[name].detach() for each in own]).mean(0) for name in norms}
    return {name: means.get(name, value.detach()) for name, value in weights.items()}


def main() -> None:
    """Read the command line, train, write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--network", default="quarter")
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    arguments = {"width": args.width, "blocks": args.blocks}
    network = create_network(args.network, **arguments).to(memory_format=torch.channels_last)
    state = pretrain(network, args.photos, args.steps, args.lr, args.seed)
    network.load_state_dict(state)
    metadata = FilterMetadata(
        styles=(Style("start"),),
        network=args.network,
        network_arguments=arguments,
        config={"styles": list(STYLES), "steps": args.steps, "lr": args.lr, "loss": LOSS},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        license="Apache-2.0",
    )
    name = "_".join(map(str, (args.network, *arguments.values())))
    print(save_filter(args.out / f"{name}.safetensors", network, metadata, torch.float16))


if __name__ == "__main__":
    main()
