"""Filters made of a picture at once, and trained on from there, beside the former default training.

    python benchmarks/any_style.py --styles STYLES --photos HELDOUT \
        --judge vgg19_distilled.safetensors --keep FILTERS --sheet sheet.jpg

For each style, which must be one that no predictor was trained with:

- ``at once``: what ``fast-nst make`` gives;
- ``strength 0.5``, or another: what ``fast-nst make --each`` gives, at that strength;
- ``after 186 steps`` and ``after 930 steps``: trainings with ``--overrides``, which start there
  with ``network.start=predicted``, the default otherwise;
- ``former``: 930 steps from the weights that ``--former`` names, which know nothing of the style.

Every filter stylizes all photographs at 256 px (short side). Scale-free losses against the picture
at 256 px, means over the photographs, by the judge, which no filter was trained with; grid and
border by the figures of ``fast-nst evaluate``; with ``--iterations N``, its equivalent iterations
on ``--count`` photographs for the filters after 930 steps. Medians over the styles.

``--network mobile`` measures that network's filters. ``--others NAME=FOLDER`` judges the images of
another program, ``FOLDER/STYLE/PHOTO.png``, of the same photographs at 256 px.

Writes ``results/any_style.json``, or ``any_style_NETWORK.json``, after each style; what the file
has is not measured again, and filters that ``--keep`` has are not trained again. It also says how
many multiplications one pass over an image of 3840x2160 px takes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from measuring import RESULTS, machine
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from fast_nst.encoders import Encoder, create_encoder
from fast_nst.evaluation import artefacts
from fast_nst.filters.checkpoint import load_filter
from fast_nst.image.io import list_images, read_image, write_image
from fast_nst.image.resize import resize_short_side
from fast_nst.image.style import read_style
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.prediction.load import predictor_names

SIZE = 256
STEPS = {
    "at once": 0,
    "strength 0.5": 0,
    "after 186 steps": 186,
    "after 930 steps": 930,
    "former": 930,
}
FIGURES = ("style", "content", "grid", "border", "iterations")
SHOWN, CELL = 6, 224  # styles and photographs of the sheet; px


def make(kind: str, style: Path, args: argparse.Namespace) -> Path:
    """The filter, by the real commands, unless ``--keep`` has it."""
    folder = args.keep if args.network == "quarter" else args.keep / args.network
    file: Path = folder / f"{style.stem}-{kind.replace(' ', '_')}.safetensors"
    if file.exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / file.name
        if kind.startswith("strength "):
            knobs = Path(folder) / "knobs.safetensors"
            run(["make", "--each", style, "-o", knobs, "--network", args.network], folder)
            command = ["export", "--ckpt", knobs, "--strength", kind.split()[1], "-o", made]
        elif not STEPS[kind]:
            command = ["make", style, "-o", made, "--network", args.network]
        else:
            command = [
                *("train", "style=custom", "style.name=it", f"style.image='{style}'"),
                f"network={args.network}",
                *("trainer.max_time_s=null", f"trainer.max_steps={STEPS[kind]}", "logger=none"),
                *(args.former if kind == "former" else args.overrides),
            ]
            made = Path(folder) / "checkpoints" / "it.safetensors"
        run(command, folder)
        shutil.copy(made, file)
    return file


def run(arguments: list[Any], folder: str) -> None:
    """Run ``fast-nst`` in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "fast_nst", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"fast-nst {' '.join(map(str, arguments))}: {done.stderr}")


@torch.inference_mode()
def judge(file: Path, style: Tensor, photos: list[Tensor], encoder: Encoder) -> dict[str, float]:
    """Means over the photographs, (1, 3, H, W) each."""
    network = load_filter(file).network
    painted = [network(content) for content in photos]
    grids, shifts = [], []
    for content, stylized in zip(photos, painted, strict=True):
        flat = artefacts.flat_windows(content)
        grids.append(
            [
                artefacts.grid_excess(artefacts.windows(each)[flat], network.stride)
                for each in (stylized, content)
            ]
        )
        shifts.append(
            artefacts.border_shift(network(artefacts.crop(content)), artefacts.crop(stylized))
        )
    stylized_grid, content_grid = (
        artefacts.grid_figure(torch.stack(each)) for each in zip(*grids, strict=True)
    )
    return {
        **losses(painted, style, photos, encoder),
        "grid": stylized_grid / content_grid,
        "border": artefacts.border_figure(torch.stack(shifts)),
    }


@torch.inference_mode()
def losses(
    painted: list[Tensor], style: Tensor, photos: list[Tensor], encoder: Encoder
) -> dict[str, float]:
    """Means over the photographs, (1, 3, H, W) each."""
    loss = PerceptualLoss(encoder, style[None], content_weight=1, style_weight=1)
    found: dict[str, list[float]] = {"style": [], "content": []}
    for content, stylized in zip(photos, painted, strict=True):
        for name, value in loss(stylized, loss.content_targets(content)).items():
            found[name].append(float(value))
    return {name: statistics.mean(values) for name, values in found.items()}


def count_iterations(file: Path, style: Path, args: argparse.Namespace) -> float | None:
    """Equivalent iterations by ``fast-nst evaluate``, the paper's way; None: more than counted."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        command = [
            *("-m", "fast_nst", "evaluate", "--ckpt", file, "-o", report, "--style", style),
            *("--images", args.photos.resolve(), "--photos", args.count, "--sizes", SIZE),
            *("--iterations", args.iterations),
        ]
        subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True)
        sizes = json.loads(report.with_suffix(".json").read_text())["filters"][0]["sizes"]
    value: float | None = sizes[0]["figures"]["paper"]
    return value


def sheet(styles: list[Path], photos: list[Tensor], kind: str, args: argparse.Namespace) -> Tensor:
    """Six styles by six photographs, their own in the first row and column."""

    def cell(image: Tensor) -> Tensor:
        small = resize_short_side(image, CELL)
        top, left = ((side - CELL) // 2 for side in small.shape[-2:])
        return small[:, top : top + CELL, left : left + CELL]

    chosen = photos[:: max(1, len(photos) // SHOWN)][:SHOWN]
    rows = [torch.cat([torch.ones(3, CELL, CELL), *(cell(each[0]) for each in chosen)], dim=2)]
    for style in styles[:SHOWN]:
        network = load_filter(make(kind, style, args)).network
        with torch.inference_mode():
            painted = [cell(network(each)[0]) for each in chosen]
        rows.append(torch.cat([cell(read_style(style, SIZE)), *painted], dim=2))
    return torch.cat(rows, dim=1)


def operations(file: Path) -> float:
    """Multiplications of one pass over 3840x2160 px, in units of 10^9."""
    network = load_filter(file).network.to("meta")
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(torch.empty(1, 3, 2160, 3840, device="meta"))
    return round(float(counter.get_total_flops()) / 2e9, 1)


def table(results: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Medians over the styles, as Markdown."""
    lines = [f"| filter | {' | '.join(FIGURES)} |", "|---" * (len(FIGURES) + 1) + "|"]
    for kind in dict.fromkeys(kind for each in results.values() for kind in each):
        own = [each[kind] for each in results.values() if kind in each]
        if not own:
            continue
        cells = []
        for name in FIGURES:
            values = [each[name] for each in own if name in each]
            # None is a count beyond the last iteration: more than any number.
            ordered = [float("inf") if value is None else value for value in values]
            cells.append(f"{statistics.median_low(ordered):.4g}" if ordered else "-")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing, write after each style, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--styles", type=Path, required=True, help="folder of pictures")
    parser.add_argument("--only", help="names of styles, without endings; all by default")
    parser.add_argument("--photos", type=Path, required=True, help="folder never trained on")
    parser.add_argument("--judge", type=Path, required=True, help="weights of vgg19_distilled")
    parser.add_argument("--network", default="quarter", choices=predictor_names())
    parser.add_argument("--kinds", default=",".join(STEPS), help="which filters")
    parser.add_argument(
        "--former", nargs="+", default=["network.start=bundled"], help="overrides of `former`"
    )
    parser.add_argument(
        "--overrides",
        nargs="+",
        default=["network.start=predicted"],
        help="of the other trainings",
    )
    parser.add_argument("--iterations", type=int, default=0, help="where to stop counting")
    parser.add_argument("--count", type=int, default=3, help="photographs to count on")
    parser.add_argument("--keep", type=Path, required=True, help="folder of the filters")
    parser.add_argument("--others", nargs="*", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--sheet", type=Path, help="image to write, of `at once`")
    parser.add_argument("--out", type=Path, help="file of the results")
    args = parser.parse_args()
    if args.out is None:
        suffix = "" if args.network == "quarter" else f"_{args.network}"
        args.out = RESULTS / f"any_style{suffix}.json"
    styles = [each.resolve() for each in list_images(args.styles)]
    if args.only:
        styles = [each for name in args.only.split(",") for each in styles if each.stem == name]
    photos = [
        resize_short_side(read_image(file).rgb, SIZE)[None] for file in list_images(args.photos)
    ]
    encoder = create_encoder("vgg19_distilled", args.judge)
    names = [file.stem for file in list_images(args.photos)]
    others = dict(each.split("=", 1) for each in args.others)
    written = json.loads(args.out.read_text()) if args.out.exists() else {"styles": {}}
    results: dict[str, dict[str, dict[str, Any]]] = written["styles"]
    for style in styles:
        own = results.setdefault(style.stem, {})
        for kind in args.kinds.split(","):
            if kind not in own:
                file = make(kind, style, args)
                own[kind] = judge(file, read_style(style, SIZE), photos, encoder)
            if args.iterations and STEPS.get(kind) == 930 and "iterations" not in own[kind]:
                own[kind]["iterations"] = count_iterations(make(kind, style, args), style, args)
        for name, folder in others.items():
            painted = [
                read_image(Path(folder) / style.stem / f"{each}.png").rgb[None] for each in names
            ]
            own[name] = losses(painted, read_style(style, SIZE), photos, encoder)
        settings = {
            "photos": len(photos),
            "size_px": SIZE,
            "network": args.network,
            "former": args.former,
            "overrides": args.overrides,
            "multiplications_of_4k_1e9": operations(make(kind, style, args)),
        }
        args.out.write_text(
            json.dumps({"styles": results, "settings": settings, "machine": machine()}, indent=1)
            + "\n"
        )
        print(
            style.stem,
            {k: {n: round(v, 4) for n, v in own[k].items() if v} for k in own},
            flush=True,
        )
    print(table({style.stem: results[style.stem] for style in styles}))
    if args.sheet:
        write_image(args.sheet, sheet(styles, photos, "at once", args))


if __name__ == "__main__":
    main()
