"""How good is one filter of several styles, beside a filter of each style alone?

    python benchmarks/several_styles.py --network mobile --data PHOTOS --photos HELDOUT \
        --steps 465 --keep FILTERS

Trains one filter of all bundled styles, with knobs, for ``--steps`` steps for each style, and a
filter of each style alone for ``--steps`` steps: equal training per style. What ``--keep`` has is
not trained again. Both judge themselves on held-out photographs at 256 px (short side), at the
default setting, by the loss that the single filters were trained with:

- equivalent iterations, the paper's way: iterations of L-BFGS from noise to the same total loss;
- the weighted losses, and their sum.

``--knobs-cost`` measures something else: what the knobs cost at their default. The styles of
``--only`` are trained together twice, as above and with every image at the default setting.

Medians over the photographs; those of the styles' ratios. Writes
``results/several_styles_NETWORK.json``, or ``knobs_cost_NETWORK.json``, after each style; what it
has is not measured again, unless with ``--again``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from measuring import RESULTS, machine, write
from torch import Tensor, nn

from fast_nst.config import list_styles
from fast_nst.evaluation.iterations import median_iterations, paper_iterations, weighted_losses
from fast_nst.evaluation.subjects import load_subjects
from fast_nst.filter_metadata import Binding
from fast_nst.filters.checkpoint import load_unbound
from fast_nst.hardware import fast_bf16
from fast_nst.image.io import list_images, read_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.prediction.load import predictor_names

SIZE = 256
TOGETHER = "together"
CPU = torch.device("cpu")
# The training command, with every image at a strength and a stroke size of 1.
WITHOUT_KNOBS = """
from fast_nst.train import main
from fast_nst.training import several
several.WEAKER = several.SIZED = 0.0
main()
"""


def train(name: str, styles: list[str], args: argparse.Namespace, *, knobs: bool = True) -> Path:
    """A filter of one style, or of several, by the training command, unless ``--keep`` has it."""
    file: Path = args.keep / args.network / f"{name}.safetensors"
    if file.exists():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    chosen = [f"style={styles[0]}"]
    if len(styles) > 1:
        chosen = [f"style=[{','.join(styles)}]", f"style.name={name}", "network.start=predicted"]
    arguments = [
        *(*chosen, f"network={args.network}", "data=folder", f"data.path='{args.data.resolve()}'"),
        *("trainer.max_time_s=null", f"trainer.max_steps={args.steps * len(styles)}"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        program = ["-m", "fast_nst.train"] if knobs else ["-c", WITHOUT_KNOBS]
        subprocess.run([sys.executable, *program, *arguments], cwd=folder, check=True)
        shutil.copy(Path(folder) / "checkpoints" / f"{name}.safetensors", file)
    return file


def measure(style: str, args: argparse.Namespace, names: list[str]) -> dict[str, Any]:
    """Figures of the two filters of a style."""
    together = load_unbound(train(TOGETHER, names, args)).bind(Binding(style)).network
    alone = load_subjects([train(style, [style], args)], None, None, CPU)[0]
    return compare(alone.objective, {TOGETHER: together, "alone": alone.network}, args)


def compare(
    loss: PerceptualLoss, networks: Mapping[str, nn.Module], args: argparse.Namespace
) -> dict[str, Any]:
    """Figures of filters of one style, by a training's loss: medians over the photographs."""
    iterations: list[list[int | None]] = []
    losses: list[list[dict[str, float]]] = []
    for photo in contents(args):
        with torch.inference_mode():
            painted = [network(photo) for network in networks.values()]
            measured = weighted_losses(loss, photo)
            losses.append(
                [{name: float(v) for name, v in measured(each).items()} for each in painted]
            )
        iterations.append(
            paper_iterations(loss, photo, painted, iterations=args.iterations, bf16=fast_bf16(CPU))[
                0
            ]
        )
    return {
        kind: {
            "iterations": median_iterations([each[number] for each in iterations]),
            **{
                name: statistics.median(each[number][name] for each in losses)
                for name in losses[0][0]
            },
            "total": statistics.median(sum(each[number].values()) for each in losses),
        }
        for number, kind in enumerate(networks)
    }


def contents(args: argparse.Namespace) -> list[Tensor]:
    """The photographs, (1, 3, H, W) each."""
    files = list_images(args.photos)[: args.count]
    return [resize_short_side(read_image(file).rgb, SIZE)[None] for file in files]


def summarize(found: dict[str, Any]) -> dict[str, Any]:
    """Over the styles: the ratios of the first filter's figures to the second's."""
    result: dict[str, Any] = {}
    for name in ("iterations", "total", "content", "style"):
        pairs = [[kind[name] for kind in each.values()] for each in found.values()]
        ratios = [one / other for one, other in pairs if one and other]
        if ratios:
            result[name] = {
                "least": min(ratios),
                "median": statistics.median(ratios),
                "most": max(ratios),
                "of": len(ratios),
            }
    return result


def measure_knobs(style: str, args: argparse.Namespace, names: list[str]) -> dict[str, Any]:
    """Figures of the two filters of several styles, in one of them."""
    networks = {}
    for kind, knobs in (("with knobs", True), ("default only", False)):
        name = f"{'_'.join(args.only)}_{kind.replace(' ', '_')}"
        file = train(name, args.only, args, knobs=knobs)
        networks[kind] = load_unbound(file).bind(Binding(style)).network
    subject = load_subjects([train(style, [style], args)], None, None, CPU)[0]
    return compare(subject.objective, networks, args)


def main() -> None:
    """Read the command line, train, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=predictor_names(), default="quarter")
    parser.add_argument("--data", type=Path, required=True, help="folder of photos to train with")
    parser.add_argument("--photos", type=Path, required=True, help="folder of held-out photos")
    parser.add_argument("--count", type=int, default=3, help="how many of them")
    parser.add_argument("--steps", type=int, default=465, help="of training for each style")
    parser.add_argument("--iterations", type=int, default=400, help="that are counted at most")
    parser.add_argument("--keep", type=Path, required=True, help="folder of the trained filters")
    parser.add_argument("--only", nargs="*", help="measure some of the styles")
    parser.add_argument("--knobs-cost", action="store_true", help="see above")
    parser.add_argument("--again", action="store_true", help="measure again")
    args = parser.parse_args()
    if args.knobs_cost and len(args.only or []) < 2:
        parser.error("--knobs-cost needs two styles or more: --only starry_night the_scream")
    names = [style.name for style in list_styles()]
    name = f"{'knobs_cost' if args.knobs_cost else 'several_styles'}_{args.network}"
    file = RESULTS / f"{name}.json"
    found = json.loads(file.read_text())["styles"] if file.exists() and not args.again else {}
    for style in args.only or names:
        if style in found:
            continue
        figures = (measure_knobs if args.knobs_cost else measure)(style, args, names)
        found[style] = figures
        print(style, figures, flush=True)
        write(
            name,
            {
                "machine": machine(),
                "photos": args.count,
                "steps": args.steps,
                "ratios": summarize(found),
                "styles": found,
            },
        )


if __name__ == "__main__":
    main()
