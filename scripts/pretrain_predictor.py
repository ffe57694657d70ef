"""Train a style predictor: the network that gives a filter for any picture at once.

    python scripts/pretrain_predictor.py --styles DIR --photos DIR --network quarter \
        --steps 40000 --work DIR --out fast_nst/assets/predictors

Each step stylizes a few photographs, each in a style of its own, with weights that the predictor
gives for that style. The loss is the default training's, except that the style term grows as a
logarithm: styles that are hard to reach would drown the others.

A strength and a stroke size go with each style. The strength multiplies the style's weight in the
loss by 1 to 1/20. The stroke size is that of the style picture, relative to 256 px. Where it is
above 1, the weights are those of size 1, and the network works at that scale; the stylized image is
also compared at its 1/size with the picture at 256 px, as the encoder does not see far enough
otherwise.

A style is a picture of ``--styles`` at a random scale, a photograph, a drawn texture, or a mixture
of two. Statistics of all are measured once and kept in ``--work``, where checkpoints lie, too; the
same command goes on from the last one, or, without one, from the file in ``--out``. ``--steps`` may
be raised then: the learning rate is constant until the last third. The pictures that benchmarks
measure by must not be among the styles.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pretrain_network import contents
from safetensors import safe_open
from torch import Tensor
from torch.func import functional_call

from fast_nst.config import default_groups
from fast_nst.data.leaves import draw_image
from fast_nst.encoders import Encoder, create_encoder
from fast_nst.hardware import fast_bf16, find_device, keep_freed_memory
from fast_nst.image.io import list_images, read_image
from fast_nst.image.resize import resize_short_side
from fast_nst.image.style import enlarge
from fast_nst.losses.functional import (
    frame_shift,
    gram_matrix,
    grid_energy,
    opponent_colors,
    palette,
    periodicity,
    target_energy,
)
from fast_nst.networks import create_network
from fast_nst.networks.layers import ScaledNetwork, scale_shares
from fast_nst.networks.styled import LEAST_STRENGTH, style_weight
from fast_nst.optim.muon import Muon
from fast_nst.prediction.load import KEY, save_predictor
from fast_nst.prediction.predictor import StylePredictor
from fast_nst.prediction.statistics import LAYERS, StyleStatistics

NETWORKS: dict[str, dict[str, Any]] = {
    "quarter": {"width": 24, "blocks": 5, "adaptive": True},
    "mobile": {"width": 8, "blocks": 4},
}
PREDICTORS = {
    "quarter": {"hidden": 320, "code": 128, "rank": 24},
    "mobile": {"hidden": 112, "code": 96, "rank": 16},
}
EARLY, LATE = (128, 4), (192, 2)  # px and batch
LATE_SHARE, DECAY_SHARE = 0.25, 0.35  # of the steps
VARIANTS = 12  # of each picture
STYLE_SIZE = 256  # px, short side of the whole picture; crops have this size
LARGEST = 640  # px, short side of a picture that is cropped
# Reproductions of paintings that benchmarks measure by, under other names.
EXCLUDED = ("artic_24645", "metmuseum_436532", "metmuseum_436535", "monet_water_lilies")
REAL = 3  # batches of photographs to one of synthetic images
DRAWINGS = 100
HELD_OUT = 16  # pictures to watch the training by
SHARES = {"styles": 0.8, "photos": 0.08, "drawings": 0.12}  # of the steps
MIXED = 0.3  # share of mixtures
LOSS = {
    "content": 1.0,
    "style": 60.0,
    "palette": 0.1,  # 0.5 in the first 12,000 steps of quarter, and 14,000 of mobile
    "grid": 20.0,
    "pattern": 0.15,
    "hatching": 0.15,  # as `pattern`, of the color instead of the luminance
    "frame": 5.0,
}
SIZES = (0.5, 0.7, 1.0, 1.4, 2.0, 3.0)  # of strokes
MAX_ENLARGED = 2.2  # times its own size, that a picture is enlarged to
SIZED = 0.45  # share of styles with another stroke size than 1
WEAKER = 0.5  # share of styles with another strength than 1
BEND = 10.0  # the style term is log(1 + BEND s) / BEND
EMA = 0.9995


class Bank:
    """Statistics of all styles, in random variants; 0 is the whole picture."""

    def __init__(self, statistics: StyleStatistics, rest: Tensor, kinds: list[str]) -> None:
        self.statistics = statistics
        self.rest = rest  # log periodicity and palette, (styles * VARIANTS, 1 + 9)
        self.kinds = kinds  # of each style
        held = random.Random(7).sample(
            [i for i, kind in enumerate(kinds) if kind == "styles"], HELD_OUT
        )
        self.held = torch.tensor(held) * VARIANTS
        counts = {kind: kinds.count(kind) - HELD_OUT * (kind == "styles") for kind in SHARES}
        self.weights = torch.tensor(
            [0.0 if i in held else SHARES[kind] / counts[kind] for i, kind in enumerate(kinds)]
        )

    def draw(self, count: int) -> tuple[StyleStatistics, Tensor, Tensor]:
        """Statistics, log periodicity and palette of random styles, some of them mixtures."""
        first, second = (self._choose(count) for _ in range(2))
        shares = torch.rand(count) * (torch.rand(count) < MIXED)
        shares = shares.to(self.rest.device)
        statistics = self.statistics[first].mixed(self.statistics[second], shares)
        rest = torch.lerp(self.rest[first], self.rest[second], shares[:, None])
        return statistics, rest[:, 0], rest[:, 1:].view(-1, 3, 3)

    def _choose(self, count: int) -> Tensor:
        style = torch.multinomial(self.weights, count, replacement=True)
        # A third are whole pictures, as those that filters are made of.
        variant = torch.randint(VARIANTS, (count,)) * (torch.rand(count) > 0.33)
        return style * VARIANTS + variant


def load_bank(file: Path, styles: Path, photos: Path, device: torch.device) -> Bank:
    """Measure all styles, or read what was measured before."""
    if not file.exists():
        torch.save(measure_styles(styles, photos), file)
    found = torch.load(file, map_location=device, weights_only=True)
    return Bank(StyleStatistics(found["means"], found["grams"]), found["rest"], found["kinds"])


def sources(styles: Path, photos: Path) -> Iterator[tuple[str, Tensor]]:
    """Every picture and its kind."""
    rng = np.random.default_rng(5)
    files = [("styles", file) for file in list_images(styles) if file.stem not in EXCLUDED]
    files += [("photos", file) for file in list_images(photos)[::8]]
    for kind, file in files:
        yield kind, read_image(file).rgb
    for _ in range(DRAWINGS):
        yield "drawings", torch.from_numpy(draw_image(rng, 512, ())).permute(2, 0, 1) / 255


def measure_style(encoder: Encoder, image: Tensor) -> tuple[StyleStatistics, Tensor]:
    """Statistics, and log periodicity and palette, (1 + 9,), of a (3, H, W) image."""
    value, energy = periodicity(image[None])
    energy = energy.clamp_min(1e-12)
    regularity = (value.log() * energy).sum() / energy.sum()
    return (
        StyleStatistics.measure(encoder, image[None]),
        torch.cat([regularity[None], palette(image[None])[0].flatten()]),
    )


def measure_styles(styles: Path, photos: Path) -> dict[str, Any]:
    """Statistics of every variant of every picture."""
    encoder = create_encoder("vgg_lite").to(memory_format=torch.channels_last)
    rng = np.random.default_rng(6)
    parts, rest, kinds = [], [], []
    for number, (kind, picture) in enumerate(sources(styles, photos)):
        kinds.append(kind)
        for variant in range(VARIANTS):
            image = vary(picture, rng) if variant else resize_short_side(picture, STYLE_SIZE)
            statistics, about = measure_style(encoder, image)
            parts.append(statistics)
            rest.append(about)
        if number % 20 == 0:
            print(f"styles: {number}", flush=True)
    return packed(parts, rest) | {"kinds": kinds}


def packed(parts: list[StyleStatistics], rest: list[Tensor]) -> dict[str, Any]:
    """What ``measure_style`` found of many images, as a file holds it."""
    every = StyleStatistics.concatenated(parts)
    return {"means": dict(every.means), "grams": dict(every.grams), "rest": torch.stack(rest)}


def vary(picture: Tensor, rng: np.random.Generator) -> Tensor:
    """A random square of the picture at a random scale, sometimes in other colors."""
    largest = min(LARGEST, max(STYLE_SIZE, 1.5 * min(picture.shape[1:])))
    size = round(float(np.exp(rng.uniform(np.log(0.8 * STYLE_SIZE), np.log(largest)))))
    image = resize_short_side(picture, size)
    height, width = (min(side, STYLE_SIZE) for side in image.shape[1:])
    top = rng.integers(image.shape[1] - height + 1)
    left = rng.integers(image.shape[2] - width + 1)
    image = image[:, top : top + height, left : left + width]
    if rng.random() < 0.5:
        image = image.flip(2)
    if rng.random() < 0.35:
        image = image[torch.from_numpy(rng.permutation(3))]
    if rng.random() < 0.35:
        image = (image ** float(np.exp(rng.normal(0, 0.3)))).clamp(0, 1)
    return image.contiguous()


@dataclass(frozen=True)
class Aims:
    """What each image of a batch is stylized as.

    Attributes:
        styles: S of them, at their stroke sizes.
        regularity, colors: log periodicity and palette of each.
        strengths, stroke_sizes: (S,).
        usual: the styles at a stroke size of 1.
    """

    styles: StyleStatistics
    regularity: Tensor
    colors: Tensor
    strengths: Tensor
    stroke_sizes: Tensor
    usual: StyleStatistics

    @property
    def seen(self) -> StyleStatistics:
        """What the predictor is shown: the styles, but never at a stroke size above 1."""
        return choose_statistics(self.stroke_sizes <= 1, self.styles, self.usual)


def choose(first: Tensor, one: Tensor, another: Tensor) -> Tensor:
    """For each style, ``one`` where ``first`` is true, else ``another``."""
    return torch.where(first.view(-1, *[1] * (one.ndim - 1)), one, another)


def choose_statistics(
    first: Tensor, one: StyleStatistics, another: StyleStatistics
) -> StyleStatistics:
    """The same of statistics."""
    return StyleStatistics(
        {layer: choose(first, one.means[layer], another.means[layer]) for layer in LAYERS},
        {layer: choose(first, one.grams[layer], another.grams[layer]) for layer in LAYERS},
    )


def draw_aims(bank: Bank, sized: SizedBank, count: int) -> Aims:
    """Random styles, strengths and stroke sizes."""
    device = bank.rest.device
    drawn = bank.draw(count)
    style, size = sized.draw(count)
    other = sized.at(style, size)
    usual = sized.at(style, torch.full_like(style, SIZES.index(1.0)))[0]
    is_sized = (torch.rand(count) < SIZED).to(device)

    strengths = LEAST_STRENGTH + (1 - LEAST_STRENGTH) * torch.rand(count).square()
    strengths = torch.where(torch.rand(count) < WEAKER, strengths, torch.ones(count))
    sizes = torch.tensor(SIZES, device=device)[size]
    return Aims(
        choose_statistics(is_sized, other[0], drawn[0]),
        choose(is_sized, other[1], drawn[1]),
        choose(is_sized, other[2], drawn[2]),
        strengths.to(device),
        choose(is_sized, sizes, torch.ones_like(sizes)),
        choose_statistics(is_sized, usual, drawn[0]),
    )


def stylize(predictor: StylePredictor, aims: Aims, images: Tensor) -> Tensor:
    """Each image in the style at its place."""
    weights = predictor(aims.seen, aims.strengths, aims.stroke_sizes)
    return torch.cat(
        [
            functional_call(predictor.decoder.network, own, (image, scale_shares(max(1.0, size))))
            for own, image, size in zip(
                weights, images.split(1), aims.stroke_sizes.tolist(), strict=True
            )
        ]
    )


def compare(
    encoder: Encoder, stylized: Tensor, content: Tensor, aims: Aims
) -> tuple[Tensor, Tensor]:
    """Relative content and style losses of each image, (B,) each."""
    with torch.no_grad():
        target = encoder(content, ["relu3_1"])["relu3_1"].float()
    features = encoder(stylized, LAYERS)
    error = (features["relu3_1"].float() - target).square().mean((1, 2, 3)) / target_energy(target)
    style = style_loss(features, aims.styles)
    coarse = []
    for each, size in enumerate(aims.stroke_sizes.tolist()):
        if size <= 1:
            coarse.append(style[each])
            continue
        short = round(min(stylized.shape[2:]) / size)
        small = resize_short_side(stylized[each], short)[None]
        number = torch.tensor([each], device=stylized.device)
        coarse.append(style_loss(encoder(small, LAYERS), aims.usual[number])[0])
    return error, (style + torch.stack(coarse)) / 2


def style_loss(features: Mapping[str, Tensor], styles: StyleStatistics) -> Tensor:
    """Relative style loss of each image, (B,)."""
    return torch.stack(
        [
            (gram_matrix(features[layer]) - styles.grams[layer]).square().mean((1, 2))
            / target_energy(styles.grams[layer])
            for layer in LAYERS
        ]
    ).mean(0)


class SizedBank:
    """Statistics of whole pictures at every stroke size that they are large enough for."""

    def __init__(self, found: dict[str, Any], bank: Bank) -> None:
        self.statistics = StyleStatistics(found["means"], found["grams"])
        self.rest = found["rest"]
        self.number: Tensor = found["number"]  # of a style and a size; -1 if there is none
        self.weights = bank.weights
        self.held = bank.held // VARIANTS

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Numbers of random styles and of sizes that they have, (S,) each."""
        style = torch.multinomial(self.weights, count, replacement=True)
        has = (self.number[style] >= 0).float()
        return style, torch.multinomial(has, 1)[:, 0]

    def at(self, style: Tensor, size: Tensor) -> tuple[StyleStatistics, Tensor, Tensor]:
        """Statistics, log periodicity and palette."""
        found = self.number[style, size]
        return self.statistics[found], self.rest[found, 0], self.rest[found, 1:].view(-1, 3, 3)


def load_sized(file: Path, args: argparse.Namespace, bank: Bank, device: torch.device) -> SizedBank:
    """Measure all styles at all stroke sizes, or read what was measured before."""
    if not file.exists():
        torch.save(measure_sized(args.styles, args.photos), file)
    return SizedBank(torch.load(file, map_location=device, weights_only=True), bank)


def measure_sized(styles: Path, photos: Path) -> dict[str, Any]:
    """Statistics of every picture at every size that it can be enlarged to."""
    encoder = create_encoder("vgg_lite").to(memory_format=torch.channels_last)
    parts, rest, numbers, count = [], [], [], 0
    for index, (kind, picture) in enumerate(sources(styles, photos)):
        native = min(picture.shape[1:]) / STYLE_SIZE
        largest = max(1, native * (MAX_ENLARGED if kind == "styles" else 1))
        row = []
        for size in SIZES:
            if size > largest:
                row.append(-1)
                continue
            scale = enlarge if size > native else resize_short_side
            image = scale(picture, round(STYLE_SIZE * size))
            statistics, about = measure_style(encoder, image)
            parts.append(statistics)
            rest.append(about)
            row.append(count)
            count += 1
        numbers.append(row)
        if index % 20 == 0:
            print(f"stroke sizes: {index} styles", flush=True)
    return packed(parts, rest) | {"number": torch.tensor(numbers)}


class Training:
    """Everything that changes while training, so that it can be saved."""

    def __init__(
        self, network: str, bank: Bank, rates: Sequence[float], device: torch.device
    ) -> None:
        built = create_network(network, **NETWORKS[network]).to(memory_format=torch.channels_last)
        assert isinstance(built, ScaledNetwork)
        self.predictor = StylePredictor(built, **PREDICTORS[network]).to(device)
        self.predictor.normalize_by(bank.statistics)
        self.average = deepcopy(self.predictor).requires_grad_(False)
        # An output of a linear layer changes by a step of all its weights at once.
        groups = [
            self.predictor.decoder.network.parameters(),
            self.predictor.perceptron.parameters(),
            [*self.predictor.decoder.left, *self.predictor.decoder.right],
            [
                *self.predictor.decoder.affine.parameters(),
                *self.predictor.decoder.mixture.parameters(),
                *self.predictor.decoder.palette.parameters(),
            ],
            self.predictor.decoder.turning.parameters(),
        ]
        self.optimizer = Muon([{"params": list(each)} for each in groups])  # type: ignore[misc]
        self.rates = rates
        self.shift = torch.zeros(4, 3, device=device)  # see FrameTerm
        self.step = 0

    def update(self, factor: float) -> None:
        """One step of the optimizer, and of the running average of the weights."""
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        decay = min(EMA, (1 + self.step) / (10 + self.step))
        for mine, new in zip(self.average.parameters(), self.predictor.parameters(), strict=True):
            mine.lerp_(new.detach(), 1 - decay)

    def save(self, file: Path) -> None:
        """Write a checkpoint."""
        state = {
            "predictor": self.predictor.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "shift": self.shift,
            "step": self.step,
        }
        torch.save(state, file.with_suffix(".new"))
        os.replace(file.with_suffix(".new"), file)

    def load(self, file: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(file, map_location=self.shift.device, weights_only=True)
        self.predictor.load_state_dict(state["predictor"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.shift = state["shift"]
        self.step = state["step"]

    def start_from(self, file: Path) -> None:
        """Go on from a predictor's file, which has neither the optimizer's state nor all digits."""
        with safe_open(file, framework="pt") as opened:
            self.step = json.loads(opened.metadata()[KEY])["steps"]
            state = {name: opened.get_tensor(name).float() for name in opened.keys()}  # noqa: SIM118
        for each in (self.predictor, self.average):
            each.load_state_dict(state, strict=False)


def train(
    run: Training, bank: Bank, sized: SizedBank, encoder: Encoder, args: argparse.Namespace
) -> None:
    """Train until ``args.steps``; a checkpoint every 500."""
    device = run.shift.device
    bf16 = fast_bf16(device)
    streams: dict[bool, Iterator[Tensor]] = {}
    watched = watched_photos(args.photos, device)
    started, means = time.monotonic(), {}
    while run.step < args.steps:
        fraction = run.step / args.steps
        late = fraction >= 1 - LATE_SHARE
        if late not in streams:
            streams = {
                late: contents(*(LATE if late else EARLY), args.photos, args.seed + run.step, REAL)
            }
        content = next(streams[late]).to(device)
        aims = draw_aims(bank, sized, len(content))
        regularity, colors = aims.regularity, aims.colors
        weight = style_weight(aims.strengths)
        emphasis = weight.rsqrt()  # their gradients would be drowned by those of full strength
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            stylized = stylize(run.predictor, aims, content)
            error, style = compare(encoder, stylized, content, aims)
            shift = frame_shift(stylized)
            run.shift.lerp_(shift.detach(), 0.05)
            shift = run.shift + (shift - shift.detach())
            excess = periodicity(stylized)[0].log() - regularity[:, None]
            hatching = periodicity(opponent_colors(stylized))[0].log()
            off = (palette(stylized) - colors).square().sum((1, 2))
            terms = {
                "content": (emphasis * error).mean(),
                "style": (emphasis * weight * torch.log1p(BEND * style)).mean() / BEND,
                "palette": (
                    emphasis * weight * torch.log1p(off / (colors.square().sum((1, 2)) + 1e-5))
                ).mean(),
                "grid": grid_energy(stylized, run.predictor.decoder.network.stride),
                "pattern": excess.clamp_min(0).mean(),
                "hatching": (hatching - regularity.repeat(2)[:, None]).clamp_min(0).mean(),
                "frame": shift.square().sum(1).mean(),
            }
        sum(LOSS[name] * value for name, value in terms.items()).backward()
        warm = min(1.0, (run.step + 1) / 200)
        run.update(warm * min(1.0, (1 - fraction) / DECAY_SHARE + 0.01))
        for name, value in terms.items():
            means[name] = means.get(name, 0.0) + float(value.detach()) / 100
        if run.step % 100 == 0:
            said = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
            print(f"{run.step} {time.monotonic() - started:.0f}s {said}", flush=True)
            means = {}
        if run.step % 500 == 0 or run.step == args.steps:
            run.save(args.work / f"{args.network}.pt")
            print(f"{run.step} held out: {watch(run.average, sized, encoder, watched)}", flush=True)


def watched_photos(photos: Path, device: torch.device) -> Tensor:
    """As many photographs as there are styles held out, (HELD_OUT, 3, 256, 256)."""
    return next(contents(256, HELD_OUT, photos, 99, REAL)).to(device)


@torch.no_grad()
def watch(predictor: StylePredictor, sized: SizedBank, encoder: Encoder, photos: Tensor) -> str:
    """Losses on the held-out styles, each with two photographs, at some strengths and sizes."""
    said = []
    for strength, size in (
        (1.0, 1.0),
        (0.75, 1.0),
        (LEAST_STRENGTH, 1.0),
        (1.0, 0.5),
        (1.0, 2.0),
        (1.0, 3.0),
    ):
        held = sized.held
        number = sized.number[held, SIZES.index(size)]
        held = held[number.cpu() >= 0]
        if not len(held):  # they are all too small
            continue
        at = sized.at(held, torch.full_like(held, SIZES.index(size)))
        usual = sized.at(held, torch.full_like(held, SIZES.index(1.0)))[0]
        full = [torch.full_like(at[1], value) for value in (strength, size)]
        aims = Aims(*at, *full, usual)
        found = [
            torch.stack(compare(encoder, stylize(predictor, aims, each), each, aims))
            for each in (photos.roll(turn, 0)[: len(held)] for turn in range(2))
        ]
        content, style = torch.stack(found).mean(0)
        said.append(
            f"({strength:g}, {size:g}) content {float(content.mean()):.3f} style "
            f"{float(style.median()):.4f} ({float(style.min()):.4f} to {float(style.max()):.4f})"
        )
    return "  ".join(said)


def main() -> None:
    """Read the command line, train, write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--styles", type=Path, required=True, help="folder of pictures")
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--network", choices=NETWORKS, default="quarter")
    parser.add_argument("--steps", type=int, default=40000)
    parser.add_argument(
        "--rates",
        type=float,
        nargs=5,
        default=(1.5e-3, 4e-4, 4e-4, 3e-4, 3e-3),
        help="learning rates: network, perceptron, rank-one matrices, last layers, knobs",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="folder of the file at the end")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    args = parser.parse_args()
    device = find_device(args.device)
    keep_freed_memory()
    torch.manual_seed(args.seed)
    args.work.mkdir(parents=True, exist_ok=True)
    encoder = create_encoder("vgg_lite").to(device, memory_format=torch.channels_last)
    bank = load_bank(args.work / "styles.pt", args.styles, args.photos, device)
    sized = load_sized(args.work / "sizes.pt", args, bank, device)
    run = Training(args.network, bank, args.rates, device)
    if (file := args.work / f"{args.network}.pt").exists():
        run.load(file)
        torch.manual_seed(args.seed + run.step)
    elif (file := args.out / f"{args.network}.safetensors").exists():
        run.start_from(file)
        torch.manual_seed(args.seed + run.step)
    train(run, bank, sized, encoder, args)
    about = {
        "network": args.network,
        "network_arguments": NETWORKS[args.network],
        "predictor_arguments": PREDICTORS[args.network],
        "loss": default_groups("loss")["loss"],
        "styles": bank.kinds.count("styles") - HELD_OUT,
        "steps": run.step,
        "training_loss": LOSS,
        "held_out": watch(run.average, sized, encoder, watched_photos(args.photos, device)),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "license": "Apache-2.0",
    }
    print(save_predictor(args.out / f"{args.network}.safetensors", run.average, about))


if __name__ == "__main__":
    main()
