"""Looks of photographs on photographs: structure, style, gradients, banding.

    python benchmarks/photoreal.py --pairs PAIRS --judge vgg19_distilled.safetensors --keep FOLDER

``PAIRS`` holds ``NAME_content.*`` and ``NAME_style.*``. Judged are ``fast-nst enhance``, the part
of it that a LUT holds (``--global``), and two classics: histogram matching of scikit-image, and
Reinhard et al. 2001 in CIE Lab. All results are of 8 bits, as a file has them.

- ``structure``: SSIM of edge maps of photo and result; ``structure_raw``: without regard to how
  contrast changed (``fast_nst/photo/figures.py``);
- ``style``: by how much the style loss against the reference falls, 1 for all of it, by the judge:
  squared distances of Gram matrices over the reference's squared norm; ``style_norm``: the same
  without the squares; ``style_moments``: of means and standard deviations of features;
- ``reversed``: share of gradients of CIE L* that turned against the photo's;
- ``flat``: in smooth areas, the share of steps of the photo that are no step any more, and
  ``jumps``, the share of neighbors that differ by at most one level of 8 bits in the photo and by
  four or more in the result.

Ramps: a gray ramp and ramps to six colors, of 8 and of 16 bits, through the look's LUT part.
``merged``: share of neighboring input levels that give one output; ``largest``: step of the output
for one of the input, in its own levels.

Writes ``results/photoreal.json`` and prints tables; ``--keep`` writes the result images.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from measuring import machine, write

from fast_nst.encoders import create_encoder
from fast_nst.image.arrays import array_from_pil
from fast_nst.image.io import open_image, write_image
from fast_nst.photo import EnhanceOptions, Look, fit
from fast_nst.photo.classics import CLASSICS
from fast_nst.photo.figures import StyleDistance, reversed_gradients, structure
from fast_nst.photo.look import Part

Array = npt.NDArray[np.float32]

OURS, LUT = "enhance", "enhance --global"
SMOOTH, WINDOW = 6, 9  # levels of 8 bits that a window may span to be smooth; px
JUMP = 4  # levels
FIGURES = (
    *("structure", "structure_raw", "style", "style_norm", "style_moments"),
    *("reversed", "flat", "jumps"),
)
RAMPS = ("gray", "red", "green", "blue", "cyan", "magenta", "yellow")


def read(file: Path) -> Array:
    """An image, (H, W, 3) in [0, 1]."""
    with open_image(file) as opened:
        return np.ascontiguousarray(array_from_pil(opened).rgb.transpose(1, 2, 0))


def find_pairs(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Photo and reference by name."""
    found = {}
    for photo in sorted(folder.glob("*_content.*")):
        name = photo.stem.removesuffix("_content")
        found[name] = photo, next(folder.glob(f"{name}_style.*"))
    return found


def planes(image: Array) -> Array:
    """(3, H, W)."""
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def fitted(photo: Array, reference: Array, local: bool = True) -> Look:
    """The look of a reference."""
    return fit(planes(photo), [planes(reference)], EnhanceOptions(local=local))


def methods() -> dict[str, Callable[[Array, Array], Array]]:
    """All that are judged, by name."""

    def enhance(local: bool) -> Callable[[Array, Array], Array]:
        def run(photo: Array, reference: Array) -> Array:
            look = fitted(photo, reference, local)
            return look.apply(planes(photo)).transpose(1, 2, 0)

        return run

    return {OURS: enhance(True), LUT: enhance(False), **CLASSICS}


def banding(photo: Array, result: Array) -> dict[str, float]:
    """Steps that vanished and jumps that came, in areas where the photo is smooth."""
    from scipy.ndimage import maximum_filter, minimum_filter

    gray = np.rint(photo.mean(2) * 255)
    smooth = maximum_filter(gray, WINDOW) - minimum_filter(gray, WINDOW) <= SMOOTH
    before = np.abs(np.diff(np.rint(photo * 255), axis=1)).max(2)
    after = np.abs(np.diff(np.rint(result * 255), axis=1)).max(2)
    inside = smooth[:, 1:] & smooth[:, :-1]
    steps, small = inside & (before >= 1), inside & (before <= 1)
    return {
        "flat": float((steps & (after == 0)).sum() / max(1, steps.sum())),
        "jumps": float((small & (after >= JUMP)).sum() / max(1, small.sum())),
    }


def ramp(name: str, bits: int) -> Array:
    """(3, 1, 2^bits): from black to a color."""
    color = {
        "gray": (1, 1, 1), "red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1),
        "cyan": (0, 1, 1), "magenta": (1, 0, 1), "yellow": (1, 1, 0),
    }[name]  # fmt: skip
    values = np.arange(2**bits, dtype=np.float32) / (2**bits - 1)
    # Half as saturated: of pure colors, photographs have few.
    mixed = [values * (0.5 + 0.5 * share) for share in color]
    return np.stack(mixed)[:, None]


def ramps(look: Look) -> dict[str, dict[str, float]]:
    """Banding of ramps, by depth; means over the ramps, and the largest step of all."""
    part = look.parts[-1]
    alone = Look((Part(part.hues, part.curve, part.curve),))
    found = {}
    for bits in (8, 16):
        merged, largest = [], []
        for name in RAMPS:
            levels = np.rint(alone.apply(ramp(name, bits)) * (2**bits - 1))
            steps = np.abs(np.diff(levels[:, 0], axis=1)).max(0)
            merged.append(float((steps == 0).mean()))
            largest.append(float(steps.max()))
        found[str(bits)] = {"merged": sum(merged) / len(merged), "largest": max(largest)}
    return found


def judge(
    photo: Array, result: Array, style: StyleDistance, before: dict[str, float]
) -> dict[str, float]:
    """All figures of one result."""
    seen = np.rint(result.clip(0, 1) * 255).astype(np.float32) / np.float32(255)
    after = style(seen)
    return {
        "structure": structure(photo, seen),
        "structure_raw": structure(photo, seen, relative=False),
        "style": 1 - after["gram"] / before["gram"],
        "style_norm": 1 - after["gram_norm"] / before["gram_norm"],
        "style_moments": 1 - after["moments"] / before["moments"],
        "reversed": reversed_gradients(photo, seen),
        **banding(photo, seen),
    }


def means(results: dict[str, dict[str, dict[str, float]]], method: str) -> dict[str, float]:
    """Means over the pairs, and the least structure."""
    rows = [each[method] for each in results.values()]
    found = {name: sum(row[name] for row in rows) / len(rows) for name in FIGURES}
    return {**found, "least_structure": min(row["structure"] for row in rows)}


def table(rows: dict[str, dict[str, float]], columns: tuple[str, ...]) -> str:
    """As Markdown."""
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(f'{row[each]:.3f}' for each in columns)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=Path, required=True, help="folder of the pairs")
    parser.add_argument("--judge", type=Path, required=True, help="weights of vgg19_distilled")
    parser.add_argument("--keep", type=Path, help="folder for the result images")
    args = parser.parse_args()
    torch.set_num_threads(1)
    encoder = create_encoder("vgg19_distilled", args.judge)
    results: dict[str, dict[str, dict[str, float]]] = {}
    on_ramps: dict[str, Any] = {}
    for name, files in find_pairs(args.pairs).items():
        photo, reference = map(read, files)
        style = StyleDistance(reference, encoder)
        before = style(photo)
        results[name] = {}
        for method, run in methods().items():
            result = run(photo, reference)
            results[name][method] = judge(photo, result, style, before)
            if args.keep:
                file = args.keep / f"{name}-{method.replace(' ', '_')}.png"
                write_image(file, torch.from_numpy(planes(result)))
        on_ramps[name] = ramps(fitted(photo, reference))
        print(name, {key: round(value, 3) for key, value in results[name][OURS].items()})
    summary = {method: means(results, method) for method in methods()}
    print(table(summary, ("structure", "least_structure", *FIGURES[1:])))
    print(table({name: each[OURS] for name, each in results.items()}, FIGURES))
    write(
        "photoreal",
        {"machine": machine(), "means": summary, "pairs": results, "ramps": on_ramps},
    )


if __name__ == "__main__":
    main()
