"""What would a filter gain if it were made for one photograph alone?

    python benchmarks/one_photo.py --ckpt starry_night.safetensors --photos HELDOUT

Takes a trained filter and trains it on: one photograph, with all weights; the same one, but only
the scales and shifts of the norms; other photographs, likewise only these. Each time, L-BFGS counts
how many iterations the photograph is worth then, the paper's way (docs/evaluate.md). The first says
whether the network could paint better images, the second whether it takes more than a change of
the whole image's tone, the third whether the training had ended too early. Writes
``results/one_photo.json``.
"""

from __future__ import annotations

import argparse
import copy
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from measuring import RESULTS, machine, write
from torch import Tensor, nn

from fast_nst.evaluation.iterations import paper_iterations
from fast_nst.evaluation.photos import evenly_spaced, find_photos
from fast_nst.evaluation.subjects import load_subjects
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.networks.norm import InstanceNorm
from fast_nst.optim.muon import Muon
from fast_nst.training.schedule import learning_rate_factor

SIZE = 256  # px
ALL_LR, NORMS_LR = 7e-4, 5e-3


def norms(network: nn.Module) -> list[nn.Parameter]:
    """Every norm's scale and shift."""
    found = [each for each in network.modules() if isinstance(each, InstanceNorm)]
    return [parameter for norm in found for parameter in (norm.weight, norm.bias)]


def adapt(
    network: nn.Module, loss: PerceptualLoss, photos: Sequence[Tensor], steps: int, only_norms: bool
) -> nn.Module:
    """A copy of the network, trained on (1, 3, H, W) photographs in turn."""
    network = copy.deepcopy(network).requires_grad_(True).train()
    lr = NORMS_LR if only_norms else ALL_LR
    optimizer: torch.optim.Optimizer = (
        torch.optim.Adam(norms(network), lr) if only_norms else Muon(network.parameters(), lr)
    )
    targets = [loss.content_targets(photo) for photo in photos]
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * learning_rate_factor(step / steps, 0.02, 0.0)
        which = step % len(photos)
        network.zero_grad()
        terms = loss(network(photos[which]), targets[which])
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
    return network.eval()


def main() -> None:
    """Adapt, count, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ckpt", type=Path, required=True, help="a filter")
    parser.add_argument("--photos", type=Path, required=True, help="folder never trained on")
    parser.add_argument("--count", type=int, default=3, help="photographs to adapt to, one by one")
    parser.add_argument("--others", type=int, default=20, help="photographs of the third way")
    parser.add_argument("--steps", type=int, default=400, help="with all weights")
    parser.add_argument("--norm-steps", type=int, default=150, help="with the norms alone")
    parser.add_argument("--iterations", type=int, default=250, help="where to stop counting")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result")
    args = parser.parse_args()
    (subject,) = load_subjects([args.ckpt], None, None, torch.device("cpu"))
    network, loss = subject.network, subject.objective
    found, _ = find_photos(args.photos)
    chosen = evenly_spaced(len(found), args.count)
    sized = [
        resize_short_side(photo.read(), SIZE).contiguous(memory_format=torch.channels_last)
        for photo in found
    ]
    others = [photo for index, photo in enumerate(sized) if index not in chosen][: args.others]
    ways = {"filter": network, "norms, others": adapt(network, loss, others, args.norm_steps, True)}
    rows: list[dict[str, Any]] = []
    for index in chosen:
        photo = sized[index]
        made = {
            **ways,
            "norms": adapt(network, loss, [photo], args.norm_steps, True),
            "all weights": adapt(network, loss, [photo], args.steps, False),
        }
        with torch.no_grad():
            stylized = [each(photo).float() for each in made.values()]
        counts, totals, _ = paper_iterations(loss, photo, stylized, iterations=args.iterations)
        rows += [
            {"photo": found[index].name, "way": way, "total": round(total, 4), "paper": count}
            for way, count, total in zip(made, counts, totals, strict=True)
        ]
        print(*rows[-len(made) :], sep="\n", flush=True)
    before = {row["photo"]: row["total"] for row in rows if row["way"] == "filter"}
    medians = {}
    for way in dict.fromkeys(row["way"] for row in rows):
        own = [row for row in rows if row["way"] == way]
        shares = [row["total"] / before[row["photo"]] for row in own]
        counts = [args.iterations + 1 if row["paper"] is None else row["paper"] for row in own]
        medians[way] = {
            "total_share": round(statistics.median(shares), 3),
            "paper": statistics.median_low(counts),
        }
    print(medians)
    result = {
        "style": subject.metadata.style,
        "network": {"name": subject.metadata.network, **subject.metadata.network_arguments},
        "trainer": subject.metadata.config["trainer"],
        "norm_parameters": sum(parameter.numel() for parameter in norms(network)),
        "steps": {"all weights": args.steps, "norms": args.norm_steps, "others": len(others)},
        "medians": medians,
        "results": rows,
        "machine": machine(),
    }
    write("one_photo", result, args.out)


if __name__ == "__main__":
    main()
