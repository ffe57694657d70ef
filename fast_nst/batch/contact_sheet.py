"""A contact sheet: what several filters make of several images, on one page."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fast_nst.batch.paint import Saving
from fast_nst.batch.places import PathLike, open_place
from fast_nst.batch.plan import Planned, StylizedFile, find_files, refuse_overwriting
from fast_nst.batch.run import (
    StylizeFailure,
    StylizeProgress,
    StylizeReport,
    explain_failure,
)
from fast_nst.errors import ImageError
from fast_nst.image.arrays import ArrayImage, array_from_pil, array_to_pil
from fast_nst.image.formats import encode
from fast_nst.image.io import image_format, open_image, write_bytes
from fast_nst.inference.controls import Controls
from fast_nst.inference.image_filter import ArrayFilter

CELL = 320  # px, the longer side of an image on the sheet
MAX_CELLS = 1000
MAX_COLUMNS = 6  # of a sheet of one image; what is more goes on below
_GAP, _TEXT = 12, 16  # px
_PAPER, _INK = (255, 255, 255), (40, 40, 40)


def make_contact_sheet(
    stylizers: Mapping[str, ArrayFilter] | Sequence[tuple[str, Mapping[str, ArrayFilter]]],
    inputs: Sequence[PathLike],
    target: PathLike,
    *,
    controls: Controls | None = None,
    saving: Saving | None = None,
    on_progress: Callable[[StylizeProgress[Path]], None] | None = None,
) -> StylizeReport[StylizedFile, Path]:
    """Write one image with a row for each input, and a column for each filter.

    With one input and many filters, they fill as many rows as it takes. Images are stylized at
    their full size, and then reduced.

    Args:
        stylizers: filters by name; the names are the titles of the columns. For several rows for
            each input, a name of each row, and its filters; the columns are those of the first.
        inputs: files, folders and patterns, as :func:`stylize_files` takes them.
        target: the sheet; the ending of its name decides the format.
        controls: how every filter is applied.
        saving: how the sheet is written; it carries no metadata.
        on_progress: called after every input.

    Returns:
        The inputs that are on the sheet, and those that failed. If all of them failed, no sheet is
        written.

    Raises:
        ImageError: If there are no images, too many, or the sheet cannot be written.
    """
    target = Path(target)
    kind = image_format(target)
    sheet_place = open_place(target)
    skipped: list[str] = []
    places = [open_place(each) for each in inputs]
    found = find_files(places, sheet_place, on_skipped=skipped.append)
    plan = [Planned(file.place, sheet_place) for file in found]
    refuse_overwriting(plan)
    planned = [file.on_disk() for file in plan]
    bands = [("", stylizers)] if isinstance(stylizers, Mapping) else list(stylizers)
    count = sum(len(filters) for _, filters in bands)
    cells = len(planned) * (len(bands) + count)
    if cells > MAX_CELLS:
        raise ImageError(
            f"{len(planned)} images and {count} filters make a sheet of {cells} cells, "
            f"of at most {MAX_CELLS}. Choose fewer."
        )
    rows: list[tuple[str, list[Image.Image]]] = []
    written: list[StylizedFile] = []
    failures: list[StylizeFailure[Path]] = []
    for file in planned:
        try:
            with open_image(file.source) as opened:
                image = array_from_pil(opened)
            made = [
                (
                    f"{name}, {file.source.name}" if name else file.source.name,
                    [_reduce(image), *_stylize(image, filters, controls or Controls())],
                )
                for name, filters in bands
            ]
        except Exception as error:
            failures.append(StylizeFailure(file.source, explain_failure(file.source, error)))
        else:
            rows += made
            written.append(file)
        if on_progress is not None:
            done = len(written) + len(failures)
            on_progress(StylizeProgress(done, len(planned), file.source))
    if rows:
        sheet = _lay_out(["original", *bands[0][1]], rows)
        write_bytes(target, encode([sheet], kind, quality=saving.quality if saving else None))
    return StylizeReport(tuple(written), tuple(failures), notes=tuple(skipped))


def name_filters(paths: Sequence[PathLike]) -> list[str]:
    """Short names that tell filter files apart: of the file, with folders where needed."""
    parts = [Path(os.path.realpath(path)).with_suffix("").parts for path in paths]
    depth = 1
    while len({names[-depth:] for names in parts}) < len(set(parts)):
        depth += 1
    return ["/".join(names[-depth:]) for names in parts]


def _stylize(
    image: ArrayImage, filters: Mapping[str, ArrayFilter], controls: Controls
) -> list[Image.Image]:
    return [_reduce(each.stylize_arrays(image, controls)) for each in filters.values()]


def _reduce(arrays: ArrayImage) -> Image.Image:
    image = array_to_pil(arrays.rgb, arrays.alpha)
    image.thumbnail((CELL, CELL), Image.Resampling.LANCZOS, reducing_gap=None)
    if image.mode == "RGBA":
        paper = Image.new("RGBA", image.size, _PAPER)
        image = Image.alpha_composite(paper, image).convert("RGB")
    return image


def _lay_out(titles: Sequence[str], rows: Sequence[tuple[str, list[Image.Image]]]) -> Image.Image:
    """Draw the sheet: titles above the columns, names below the first image of every row."""
    if len(rows) == 1 and len(titles) > MAX_COLUMNS:
        return _lay_out_one(titles, *rows[0])
    line = _TEXT + _GAP // 2
    widths = [max(row[column].width for _, row in rows) for column in range(len(titles))]
    heights = [max(image.height for image in row) for _, row in rows]
    sheet = Image.new(
        "RGB",
        (
            sum(widths) + _GAP * (len(widths) + 1),
            _GAP + line + sum(heights) + (line + _GAP) * len(rows),
        ),
        _PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_TEXT)

    def write(text: str, left: int, top: int, width: int) -> None:
        if draw.textlength(text, font) > width:
            while text and draw.textlength(f"{text}...", font) > width:
                text = text[:-1]
            text += "..."
        draw.text((left, top), text, _INK, font)

    lefts = [_GAP + sum(widths[:column]) + _GAP * column for column in range(len(widths))]
    for title, left, width in zip(titles, lefts, widths, strict=True):
        write(title, left, _GAP // 2, width)
    top = _GAP + line
    for (name, row), height in zip(rows, heights, strict=True):
        for image, left in zip(row, lefts, strict=True):
            sheet.paste(image, (left, top))
        write(name, _GAP, top + height + 2, widths[0])
        top += height + line + _GAP
    return sheet


def _lay_out_one(titles: Sequence[str], name: str, cells: list[Image.Image]) -> Image.Image:
    """Draw a sheet of one input: parts of its row, one below the other."""
    count = math.ceil(len(cells) / math.ceil(len(cells) / MAX_COLUMNS))
    parts = [
        _lay_out(titles[first : first + count], [("" if first else name, cells[first:][:count])])
        for first in range(0, len(cells), count)
    ]
    size = max(part.width for part in parts), sum(part.height for part in parts)
    sheet = Image.new("RGB", size, _PAPER)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    return sheet
