"""Train ``vgg_lite``, the bundled encoder, to see what a distilled VGG-19 sees.

    python scripts/distill_encoder.py train --teacher T.safetensors --photos DIR --paintings DIR \
        --minutes 60 --out vgg_lite.pt
    python scripts/distill_encoder.py measure vgg_lite.pt --teacher T.safetensors \
        --heldout DIR --style starry_night.jpg --out fast_nst/assets

The second writes the weights that the package carries, and a model card with what was measured.

The teacher is a VGG-19 up to relu4_1 (Wang et al. 2020, "Collaborative Distillation for
Ultra-Resolution Universal Style Transfer"). The student has an architecture of its own
(``fast_nst/encoders/vgg_lite.py``) and starts from random weights.

What makes a small encoder useful for style transfer is not its error on photographs but its error
on the images that an optimizer makes *with it*: whatever it gets wrong is found and exploited. So
half of every batch comes from a pool of images which the student's own style loss is repainting
all the while (DAgger, Ross et al. 2011, applied to pixels), and some of the rest is pushed along
the gradient of the disagreement between the two networks.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from fast_nst.encoders import Encoder, create_encoder
from fast_nst.encoders.vgg_lite import VGGLite
from fast_nst.image.io import read_image, write_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optim.muon import orthogonalize
from fast_nst.optim.pixels import optimize_image

LAYERS = VGGLite().layers
TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
SIZE = 128
HALF_BATCH = 6
POOL = 252


def gram(features: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, C), float32, averaged over positions."""
    flat = features.permute(0, 2, 3, 1).flatten(1, 2)  # no copy where channels are last in memory
    return (flat.transpose(1, 2) @ flat).float() / flat.shape[1]


class Teacher:
    """The teacher's features at every layer of the student."""

    def __init__(self, file: Path) -> None:
        self.encoder = create_encoder("vgg19_distilled", file)

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, H, W) images in [0, 1], by layer name, in the teacher's units."""
        features: dict[str, Tensor] = self.encoder(images, LAYERS)
        return features


class CropSource:
    """Random crops of photographs and paintings, of noise, and of mixtures of them."""

    def __init__(self, photos: Path, paintings: Path, rng: np.random.Generator) -> None:
        self.rng = rng
        self.photos = [self._read(file, 288) for file in sorted(photos.iterdir())]
        self.paintings = [
            self._read(file, size) for file in sorted(paintings.iterdir()) for size in (200, 400)
        ]

    @staticmethod
    def _read(file: Path, short_side: int) -> Tensor:
        image = Image.open(file).convert("RGB")
        scale = short_side / min(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        pixels = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1)

    def crop(self, paintings: float = 0.15) -> Tensor:
        """One (3, SIZE, SIZE) crop at a random scale, flipped and recolored at random."""
        rng = self.rng
        source = self.paintings if rng.random() < paintings else self.photos
        image = source[rng.integers(len(source))]
        height, width = image.shape[1:]
        side = int(min(height, width, SIZE * math.exp(rng.uniform(-0.4, 0.85))))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        patch = image[None, :, top : top + side, left : left + side].float() / 255
        patch = F.interpolate(patch, (SIZE, SIZE), mode="bilinear", antialias=True)[0]
        if rng.random() < 0.5:
            patch = patch.flip(2)
        if rng.random() < 0.15:
            patch = patch.flip(1)
        if rng.random() < 0.5:
            patch = self._recolor(patch)
        return patch.clamp(0, 1)

    def _recolor(self, patch: Tensor) -> Tensor:
        rng = self.rng
        if rng.random() < 0.3:
            patch = patch[torch.from_numpy(rng.permutation(3))]
        if rng.random() < 0.15:
            patch = 1 - patch
        gray = patch.mean(0, keepdim=True)
        patch = gray + (patch - gray) * rng.uniform(0, 2.0)
        gamma = math.exp(rng.uniform(-0.6, 0.6))
        gain = torch.from_numpy(rng.uniform(0.6, 1.4, (3, 1, 1))).float()
        offset = torch.from_numpy(rng.uniform(-0.2, 0.2, (3, 1, 1))).float()
        return patch.clamp(0, 1) ** gamma * gain + offset

    def noise(self) -> Tensor:
        """Colored noise around a random color, smooth or rough, of any strength."""
        rng = self.rng
        cells = int(SIZE / 2 ** rng.integers(0, 6))
        values = torch.from_numpy(rng.standard_normal((1, 3, cells, cells))).float()
        values = F.interpolate(values, (SIZE, SIZE), mode=str(rng.choice(["bicubic", "nearest"])))
        base = torch.from_numpy(rng.uniform(0, 1, (3, 1, 1))).float()
        return (base + values[0] * rng.uniform(0, 0.5)).clamp(0, 1)

    def fresh(self) -> Tensor:
        """Any of the kinds above, or two of them mixed."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.6:
            return self.crop()
        if kind < 0.7:
            return self.noise()
        if kind < 0.85:
            grain = torch.randn(3, SIZE, SIZE) * rng.uniform(0, 0.25)
            return (self.crop() + grain).clamp(0, 1)
        share = rng.uniform(0, 1)
        other = self.crop(0.5) if rng.random() < 0.6 else self.noise()
        return self.crop() * share + other * (1 - share)


class Pool:
    """Images that the student's style loss is repainting, each at its own stage and settings."""

    def __init__(self, source: CropSource, teacher: Teacher) -> None:
        self.source, self.teacher = source, teacher
        self.images = torch.zeros(POOL, 3, SIZE, SIZE)
        self.first = torch.zeros_like(self.images)
        self.second = torch.zeros_like(self.images)
        self.age = torch.zeros(POOL)
        self.end = torch.zeros(POOL)
        self.rate = torch.zeros(POOL)
        self.content_weight = torch.zeros(POOL)
        self.style_weight = torch.zeros(POOL)
        self.content: Tensor | None = None
        self.grams: dict[str, Tensor] = {}
        for start in range(0, POOL, HALF_BATCH):
            self._renew(torch.arange(start, start + HALF_BATCH))
        self.end *= torch.rand(POOL)  # so that they do not all end together

    @torch.no_grad()
    def _renew(self, slots: Tensor) -> None:
        rng, count = self.source.rng, len(slots)
        contents = torch.stack([self.source.crop(0.05) for _ in range(count)])
        styles = torch.stack([self.source.crop(0.65) for _ in range(count)])
        features = self.teacher(contents)
        grams = {name: gram(self.teacher(styles)[name]) for name in TAPS}
        if self.content is None:
            self.content = torch.zeros(POOL, *features["relu3_1"].shape[1:])
            self.grams = {name: torch.zeros(POOL, *g.shape[1:]) for name, g in grams.items()}
        self.content[slots] = features["relu3_1"].float()
        for name, matrix in grams.items():
            self.grams[name][slots] = matrix
        starts = []
        for image in contents:
            kind = rng.random()
            start = image if kind < 0.7 else self.source.noise()
            starts.append(start if kind < 0.85 else torch.rand(3, SIZE, SIZE))
        self.images[slots] = torch.stack(starts)
        self.first[slots], self.second[slots], self.age[slots] = 0, 0, 0
        uniform = torch.rand(4, count)
        self.end[slots] = 10 * (20 ** uniform[0])
        self.rate[slots] = 0.005 * (12 ** uniform[1])
        self.style_weight[slots] = 3 * (100 ** uniform[2])
        self.content_weight[slots] = (uniform[3] < 0.8).float()

    def step(self, student: VGGLite) -> Tensor:
        """Repaint HALF_BATCH images by one Adam step each and return them."""
        slots = torch.randperm(POOL)[:HALF_BATCH]
        old = slots[self.age[slots] >= self.end[slots]]
        if len(old):
            self._renew(old)
        images = self.images[slots].requires_grad_(True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features = student(images, TAPS)
        target = self.content[slots]
        error = (features["relu3_1"].float() - target).square().mean((1, 2, 3))
        loss = self.content_weight[slots] * error / target.square().mean((1, 2, 3))
        for name in TAPS:
            target = self.grams[name][slots]
            error = (gram(features[name]) - target).square().mean((1, 2))
            loss = loss + self.style_weight[slots] / 4 * error / target.square().mean((1, 2))
        (gradient,) = torch.autograd.grad(loss.sum(), images)
        with torch.no_grad():
            self.age[slots] += 1
            age = self.age[slots].view(-1, 1, 1, 1)
            first = self.first[slots] = self.first[slots].lerp(gradient, 0.1)
            second = self.second[slots] = self.second[slots].lerp(gradient.square(), 0.02)
            scale = (second / (1 - 0.98**age)).sqrt() + 1e-12
            step = self.rate[slots].view(-1, 1, 1, 1) * first / (1 - 0.9**age) / scale
            self.images[slots] = (images - step).clamp(0, 1)
        return self.images[slots]


class Disagreement:
    """How far the student's features are from the teacher's, in each channel's own units."""

    def __init__(self, teacher: Teacher, source: CropSource) -> None:
        with torch.no_grad():
            images = torch.stack([source.crop() for _ in range(64)])
            self.scale = {}
            for name, features in teacher(images).items():
                size = features.square().mean((0, 2, 3)).sqrt()
                floor = 0.1 * size.square().mean().sqrt()
                self.scale[name] = size.clamp_min(floor).view(1, -1, 1, 1)

    def __call__(self, ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Relative squared errors of features (all layers) and Gram matrices (taps), each (B,)."""
        terms = {}
        for name in LAYERS:
            mine, target = ours[name], theirs[name]
            with torch.no_grad():
                target = target / self.scale[name].to(target.dtype)
                scale = mean_square(target) + 0.05
            terms[name] = mean_square(mine - target) / scale
            if name in TAPS:
                unit = self.scale[name].flatten()
                weight = unit[:, None] * unit  # from unit channels back to the teacher's
                with torch.no_grad():
                    target_gram = gram(target) * weight
                    size = target_gram.square().mean((1, 2)) + 1e-3 * unit.mean() ** 4
                error = gram(mine) * weight - target_gram
                terms[f"gram {name}"] = error.square().mean((1, 2)) / size
        return terms


def mean_square(values: Tensor) -> Tensor:
    """Mean of squares of (B, C, H, W) per image, summed in float32."""
    flat = values.flatten(1)
    return torch.linalg.vector_norm(flat, dim=1, dtype=torch.float32).square() / flat.shape[1]


def total(terms: dict[str, Tensor]) -> Tensor:
    """One figure per image; the bound keeps a few flat or noisy images from ruling."""
    return torch.stack([value.clamp_max(4) for value in terms.values()]).sum(0)


class Muon:
    """Momentum, orthogonalized for weights (Jordan et al. 2024); Adam for biases."""

    def __init__(self, module: nn.Module) -> None:
        self.weights = [p for p in module.parameters() if p.ndim == 4]
        self.momentum = [torch.zeros_like(p) for p in self.weights]
        self.adam = torch.optim.Adam([p for p in module.parameters() if p.ndim != 4])

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Update with a learning rate of ``rate``, and clear the gradients."""
        for weight, momentum in zip(self.weights, self.momentum, strict=True):
            assert weight.grad is not None
            momentum.lerp_(weight.grad, 0.05)
            update = weight.grad.lerp(momentum, 0.95).flatten(1)
            grown = max(1.0, update.shape[0] / update.shape[1]) ** 0.5
            weight.add_(orthogonalize(update).view_as(weight), alpha=-rate * grown)
            weight.grad = None
        for group in self.adam.param_groups:
            group["lr"] = rate * 0.1
        self.adam.step()
        self.adam.zero_grad()


def perturbed(images: Tensor, student: VGGLite, teacher: Teacher, measure: Disagreement) -> Tensor:
    """Push each image a little way to where the two networks disagree more."""
    images = images.clone().requires_grad_(True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = total(measure(student(images, LAYERS), teacher(images))).sum()
    (gradient,) = torch.autograd.grad(loss, images)
    reach = 0.004 * 20 ** torch.rand(len(images), 1, 1, 1)
    signed = torch.rand(len(images), 1, 1, 1) < 0.5
    size = gradient.square().mean((1, 2, 3), keepdim=True).sqrt() + 1e-12
    direction = torch.where(signed, gradient.sign(), gradient / size)
    return (images + reach * direction).clamp(0, 1).detach()


def train(args: argparse.Namespace) -> None:
    """Distil for ``args.minutes``, writing the averaged student every few minutes."""
    torch.manual_seed(args.seed)
    source = CropSource(args.photos, args.paintings, np.random.default_rng(args.seed))
    teacher = Teacher(args.teacher)
    measure = Disagreement(teacher, source)
    student = VGGLite().to(memory_format=torch.channels_last)
    for name, tap in student.taps.items():
        nn.init.constant_(tap.bias, 0.1)
        nn.init.kaiming_normal_(student.convs[name].weight, nonlinearity="relu")
        nn.init.zeros_(student.convs[name].bias)
    average = VGGLite()
    if args.resume:
        state = torch.load(args.resume, weights_only=True)
        student.load_state_dict(state["student"])
        average.load_state_dict(state["average"])
    optimizer = Muon(student)
    if args.resume:
        for momentum, saved in zip(optimizer.momentum, state["momentum"], strict=True):
            momentum.copy_(saved)
    pool = Pool(source, teacher)
    begin = saved_at = time.monotonic()
    sums: dict[str, float] = {}
    step = 0
    while (progress := (time.monotonic() - begin) / (60 * args.minutes)) < 1:
        step += 1
        fresh = torch.stack([source.fresh() for _ in range(HALF_BATCH)])
        if step % 4 == 0:
            fresh = perturbed(fresh, student, teacher, measure)
        images = torch.cat([pool.step(student), fresh])
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            with torch.no_grad():
                theirs = teacher(images)
            terms = measure(student(images, LAYERS), theirs)
        total(terms).mean().backward()
        warm = min(1.0, step / 200)
        optimizer.step(args.rate * warm * min(1.0, max(0.0, 1 - progress) / args.decay))
        with torch.no_grad():
            weight = max(1 / (step + 1), 1 / args.memory) if not args.resume else 1 / args.memory
            for mean, now in zip(average.parameters(), student.parameters(), strict=True):
                mean.lerp_(now, weight)
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + value[:HALF_BATCH].mean().item()
            sums[name + "'"] = sums.get(name + "'", 0.0) + value[HALF_BATCH:].mean().item()
        if step % 200 == 0:
            shown = " ".join(
                f"{n} {sums[n] / 200:.3f}/{sums[n + chr(39)] / 200:.3f}"
                for n in [*TAPS, *(f"gram {t}" for t in TAPS)]
            )
            print(f"{(time.monotonic() - begin) / 60:.1f} min, step {step}: {shown}", flush=True)
            sums.clear()
        if time.monotonic() - saved_at > 180 or step == 5:
            saved_at = time.monotonic()
            save(args.out, student, average, optimizer, measure)
    save(args.out, student, average, optimizer, measure)


def save(
    file: Path, student: VGGLite, average: VGGLite, optimizer: Muon, measure: Disagreement
) -> None:
    """Write what ``--resume`` needs, and ``average`` in the teacher's units as ``export``."""
    export = {name: value.clone() for name, value in average.state_dict().items()}
    for name in LAYERS:
        scale = measure.scale[name].flatten()
        export[f"taps.{name}.weight"] *= scale.view(-1, 1, 1, 1)
        export[f"taps.{name}.bias"] *= scale
    state = {
        "student": student.state_dict(),
        "average": average.state_dict(),
        "momentum": optimizer.momentum,
        "export": export,
    }
    partial = file.with_suffix(".part")
    torch.save(state, partial)
    partial.rename(file)


def losses_by(judge: Encoder, content: Tensor, style: Tensor, image: Tensor) -> tuple[float, float]:
    """Scale-free (content, style) losses of one image, as ``judge`` sees it."""
    loss = PerceptualLoss(judge, style, content_weight=1, style_weight=1)
    with torch.no_grad():
        terms = loss(image, loss.content_targets(content))
    return float(terms["content"]), float(terms["style"])


def optimized(encoder: Encoder, content: Tensor, style: Tensor) -> Tensor:
    """100 iterations of L-BFGS from the content, style weight 30, with ``encoder``."""
    loss = PerceptualLoss(encoder, style, content_weight=1, style_weight=30)
    targets = loss.content_targets(content)
    return optimize_image(content, lambda image: loss(image, targets), iterations=100)


def measure(args: argparse.Namespace) -> None:
    """Optimize held-out photos with the student and with the teacher; the teacher judges both."""
    student = VGGLite()
    student.load_state_dict(torch.load(args.student, weights_only=True)["export"])
    state = {name: value.half() for name, value in student.state_dict().items()}
    student.load_state_dict(state)  # measured as shipped, in half precision
    student.freeze()
    teacher = create_encoder("vgg19_distilled", args.teacher)
    style = resize_short_side(read_image(args.style).rgb, 256)[None]
    rows = []
    for file in sorted(args.heldout.iterdir())[:: args.every]:
        content = resize_short_side(read_image(file).rgb, 256)[None]
        row = {"photo": file.stem}
        for name, encoder in (("student", student), ("teacher", teacher)):
            image = optimized(encoder, content, style)
            found = losses_by(teacher, content, style, image)
            row[f"{name} content"], row[f"{name} style"] = found
            if args.images:
                write_image(args.images / f"{file.stem}_{name}.png", image[0])
        rows.append(row)
        print({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
    means = {key: sum(row[key] for row in rows) / len(rows) for key in rows[0] if key != "photo"}
    ratio = means["student content"] / means["teacher content"]
    print(f"style {means['student style']:.4f} (teacher's own {means['teacher style']:.4f}), ")
    print(f"content {ratio:.2f} times the teacher's {means['teacher content']:.3f}")
    if args.out:
        (args.out / "vgg_lite.safetensors").write_bytes(save_tensors(state))
        text = CARD.format(
            count=len(rows),
            student_style=means["student style"],
            student_content=means["student content"],
            teacher_style=means["teacher style"],
            teacher_content=means["teacher content"],
            ratio=ratio,
            parameters=sum(value.numel() for value in state.values()),
            minutes=args.minutes,
            date=time.strftime("%Y-%m-%d"),
        )
        (args.out / "vgg_lite.md").write_text(text)


CARD = """\
# vgg_lite

A small VGG-shaped encoder (RGB in [0, 1] to relu1_1 ... relu4_1) for perceptual losses:
{parameters:,} parameters in half precision. Made by scripts/distill_encoder.py; Apache-2.0.

It was trained from random weights to reproduce the features of a distilled VGG-19, on crops of
1,148 photographs (BSDS500 training and validation sets, one image of each of 848 ImageNet
classes) and of 17 paintings, on noise, on perturbed images and on images that were being
optimized with the student itself, for {minutes} minutes on two CPU cores. No image and no weight
is copied from them.

Sources: VGG-19 (Simonyan and Zisserman 2015); its distillation to a quarter of the channels (Wang,
Li, Wang, Hu and Yang, "Collaborative Distillation for Ultra-Resolution Universal Style Transfer",
CVPR 2020; MIT license, Copyright (c) 2020 Huan Wang), which was the teacher.

## How good it is

100 iterations of L-BFGS from {count} held-out photos at 256 px, content relu3_1, style weight 30,
The Starry Night, pixels clipped after each iteration; scale-free losses as the teacher sees the
results, means:

| optimized with | style | content |
|---|---|---|
| vgg_lite | {student_style:.4f} | {student_content:.3f} ({ratio:.2f} times) |
| the teacher itself | {teacher_style:.4f} | {teacher_content:.3f} |

Measured by `scripts/distill_encoder.py measure` on two CPU cores, {date}.
"""


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("train", help="distil")
    training.set_defaults(run=train)
    training.add_argument("--photos", type=Path, required=True)
    training.add_argument("--paintings", type=Path, required=True)
    training.add_argument("--out", type=Path, required=True)
    training.add_argument("--minutes", type=float, default=60)
    training.add_argument("--rate", type=float, default=0.02)
    training.add_argument("--decay", type=float, default=0.6, help="share of the time that decays")
    training.add_argument("--memory", type=float, default=400, help="steps the average spans")
    training.add_argument("--resume", type=Path)
    training.add_argument("--seed", type=int, default=0)
    measuring = commands.add_parser("measure", help="judge and package a student")
    measuring.set_defaults(run=measure)
    measuring.add_argument("student", type=Path)
    measuring.add_argument("--heldout", type=Path, required=True)
    measuring.add_argument("--style", type=Path, required=True)
    measuring.add_argument("--every", type=int, default=4, help="take every n-th held-out photo")
    measuring.add_argument("--minutes", type=int, default=60, help="it was trained, for the card")
    measuring.add_argument("--images", type=Path, help="folder for the optimized images")
    measuring.add_argument("--out", type=Path, help="folder for the weights and the card")
    for command in (training, measuring):
        command.add_argument("--teacher", type=Path, required=True)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
