"""What recipes give: train each of them on each style, and let the quality report judge.

    python benchmarks/recipes.py --photos HELDOUT --judge vgg19_distilled.safetensors \
        --styles starry_night,the_scream \
        "experiment=quick" "experiment=quick loss.style_weight=100"

Each recipe is what follows ``python -m fast_nst.train``. Writes ``results/recipes.json``, one entry
per recipe and style, and prints a table with medians over the styles. What the file has already is
not measured again, unless with ``--again``; what ``--keep`` has is not trained again.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from fast_nst.filters.checkpoint import read_metadata

COLUMNS = (
    *("paper", "strict", "strict_judge", "content", "style", "grid", "hatching", "border"),
    *("stroke_size", "face_edges"),
)


def train(recipe: str, style: str, keep: Path) -> Path:
    """Run the training command, unless its filter is in ``keep`` already."""
    stem = "_".join([style, *recipe.replace("=", "-").replace("/", "-").split()])
    file = keep / f"{stem}.safetensors"
    if not file.exists():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "fast_nst.train", f"style={style}"]
            subprocess.run([*command, *shlex.split(recipe)], cwd=folder, check=True)
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(folder) / "checkpoints" / f"{style}.safetensors", file)
    return file


def measure(recipe: str, style: str, args: argparse.Namespace) -> dict[str, Any]:
    """Train and judge; return the report's figures of the filter."""
    with tempfile.TemporaryDirectory() as folder:
        trained = train(recipe, style, args.keep or Path(folder))
        report = trained.with_suffix(".html")
        evaluate = [
            *(sys.executable, "-m", "fast_nst", "evaluate", "--ckpt", trained, "-o", report),
            *("--images", args.photos.resolve(), "--photos", args.count),
            *("--sizes", args.sizes, "--iterations", args.iterations),
            *(("--judge", args.judge.resolve()) if args.judge else ()),
        ]
        subprocess.run([str(part) for part in evaluate], check=True)
        found = json.loads(report.with_suffix(".json").read_text())
        trainer = read_metadata(trained).config["trainer"]
    return {
        "recipe": recipe,
        "style": style,
        "trainer": {key: trainer[key] for key in ("max_steps", "max_time_s")},
        "sizes": {str(each["size"]): each["figures"] for each in found["filters"][0]["sizes"]},
        # Names suffice: where the folders lie is of no interest to others.
        "settings": found["settings"]
        | {"images": args.photos.name, "judge": args.judge and args.judge.name},
        "machine": found["machine"],
        "created": found["created"],
    }


def table(entries: list[dict[str, Any]]) -> str:
    """Medians over the styles, as Markdown; ``-`` where most did not get there."""
    lines = [f"| recipe | styles | px | {' | '.join(COLUMNS)} |"]
    lines.append("|" + "---|" * (len(COLUMNS) + 3))
    for recipe in dict.fromkeys(entry["recipe"] for entry in entries):
        own = [entry for entry in entries if entry["recipe"] == recipe]
        for size in own[0]["sizes"]:
            cells = [_median([entry["sizes"][size].get(name) for entry in own]) for name in COLUMNS]
            lines.append(f"| `{recipe}` | {len(own)} | {size} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _median(values: list[float | None]) -> str:
    # None is a count beyond the last iteration: more than any number.
    value = statistics.median_low([float("inf") if each is None else each for each in values])
    return "-" if value == float("inf") else f"{value:.3g}" if value < 10 else f"{value:.0f}"


def main() -> None:
    """Measure what is missing, write after each, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="+", help="Hydra overrides, one recipe per argument")
    parser.add_argument("--photos", type=Path, required=True, help="folder never trained on")
    parser.add_argument("--judge", type=Path, help="an encoder that no filter is trained with")
    parser.add_argument("--styles", default="starry_night")
    parser.add_argument("--sizes", default="256", help="px, as in fast-nst evaluate")
    parser.add_argument("--count", type=int, default=8, help="photos to count iterations on")
    parser.add_argument("--iterations", type=int, default=300, help="where to stop counting")
    parser.add_argument("--keep", type=Path, help="folder for the filters and their reports")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results/recipes.json")
    args = parser.parse_args()
    entries = json.loads(args.out.read_text()) if args.out.exists() else []
    for recipe in args.recipes:
        for style in args.styles.split(","):
            same = [e for e in entries if (e["recipe"], e["style"]) == (recipe, style)]
            if same and not args.again:
                continue
            entries = [entry for entry in entries if entry not in same]
            entries.append(measure(recipe, style, args))
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(json.dumps(entries, indent=1) + "\n")
    print(table([entry for entry in entries if entry["recipe"] in args.recipes]))


if __name__ == "__main__":
    main()
