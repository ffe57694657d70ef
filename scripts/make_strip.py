"""Make the image at the top of the README: photographs, and what filters make of them.

    python scripts/make_strip.py checkpoints/starry_night.safetensors MORE.safetensors ...

Each photograph (``--photo``, several times; without it, scikit-image's photographs of a cat and a
cup of coffee, both CC0) is cut to a square and followed by one cell for each filter; beside the
first, the filter's style is an inset. Photographs are stylized at twice the size of a cell and then
reduced, as a large image is on a screen. Writes docs/images/strip.webp, with the highest quality
that stays below ``--kilobytes``. Nothing is trained: README's image shows filters of the default
training,

    python -m fast_nst.train style=NAME trainer.max_steps=930 trainer.max_time_s=null
"""

from __future__ import annotations

import argparse
import base64
import io
from pathlib import Path

import skimage
from PIL import Image, ImageOps

from fast_nst import Stylizer

ROOT = Path(__file__).resolve().parents[1]
PHOTOS = [Path(skimage.__file__).parent / "data" / name for name in ("chelsea.png", "coffee.png")]
REDUCTION = 2  # from the side that is stylized to that of a cell
GAP = 6  # px between cells
RIM = 3  # px of white around an inset
QUALITIES = range(90, 30, -2)  # of WebP


def add_style(cell: Image.Image, stylizer: Stylizer) -> None:
    """Put the filter's style, which its file carries, into the lower left corner."""
    thumbnail = stylizer.metadata.styles[0].thumbnail if stylizer.metadata else ""
    if not thumbnail:
        return
    side = cell.width // 4
    style = ImageOps.fit(Image.open(io.BytesIO(base64.b64decode(thumbnail))), (side, side))
    inset = ImageOps.expand(style.convert("RGB"), RIM, "white")
    cell.paste(inset, (GAP, cell.height - inset.height - GAP))


def make_strip(
    photos: list[Image.Image], stylizers: list[Stylizer], side: int, columns: int
) -> Image.Image:
    """Lay out photographs and what the filters make of them, row by row.

    Args:
        photos: of any size and mode; of each, the middle square is taken.
        stylizers: the filters.
        side: of a cell, px.
        columns: cells in a row; a photograph begins a new row.

    Returns:
        RGB, white between the cells.
    """
    rows: list[list[Image.Image]] = []
    for number, photo in enumerate(photos):
        large = (REDUCTION * side, REDUCTION * side)
        square = ImageOps.fit(photo.convert("RGB"), large, Image.Resampling.LANCZOS)
        cells = [square.reduce(REDUCTION)]
        for stylizer in stylizers:
            cell = stylizer(square).reduce(REDUCTION)
            if number == 0:
                add_style(cell, stylizer)
            cells.append(cell)
        rows += [cells[first : first + columns] for first in range(0, len(cells), columns)]
    width = max(map(len, rows)) * (side + GAP) - GAP
    strip = Image.new("RGB", (width, len(rows) * (side + GAP) - GAP), "white")
    for top, row in enumerate(rows):
        for left, cell in enumerate(row):
            strip.paste(cell, (left * (side + GAP), top * (side + GAP)))
    return strip


def encode(strip: Image.Image, kilobytes: int) -> bytes:
    """WebP of the highest quality that fits.

    Raises:
        ValueError: If not even the lowest does.
    """
    for quality in QUALITIES:
        file = io.BytesIO()
        strip.save(file, "WEBP", quality=quality, method=6)
        if file.tell() <= 1000 * kilobytes:
            return file.getvalue()
    raise ValueError(
        f"{strip.width}x{strip.height} px take {file.tell() // 1000} kB at the lowest quality, "
        f"{kilobytes} kB are allowed. Use a smaller --side or fewer filters."
    )


def main() -> None:
    """Read the arguments, write the image."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("filters", nargs="+", type=Path, metavar="FILTER")
    parser.add_argument(
        "--photo", action="append", type=Path, help="default: a cat and a cup of coffee"
    )
    parser.add_argument("--side", type=int, default=256, help="of a cell, px")
    parser.add_argument("--columns", type=int, help="cells in a row; default: all of a photograph")
    parser.add_argument("--kilobytes", type=int, default=300, help="at most")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "strip.webp")
    arguments = parser.parse_args()
    photos = [Image.open(path) for path in arguments.photo or PHOTOS]
    stylizers = [Stylizer.load(path) for path in arguments.filters]
    columns = arguments.columns or 1 + len(stylizers)
    strip = make_strip(photos, stylizers, arguments.side, columns)
    arguments.out.write_bytes(encode(strip, arguments.kilobytes))
    size = arguments.out.stat().st_size // 1000
    print(f"{arguments.out}: {strip.width}x{strip.height} px, {size} kB")


if __name__ == "__main__":
    main()
