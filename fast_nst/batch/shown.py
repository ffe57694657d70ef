"""Show what became of a photo: a sheet beside two classic methods, and a page with a divider."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from fast_nst.batch.enhance import Enhancer
from fast_nst.batch.places import PathLike
from fast_nst.image.arrays import ArrayImage, array_from_pil, array_to_pil
from fast_nst.image.formats import encode
from fast_nst.image.io import image_format, open_image, write_bytes
from fast_nst.paths import PACKAGE

Array = npt.NDArray[np.float32]

CELL = 480  # px, width of an image on the sheet
JUDGED = 800  # px, the longer side of images that figures are of
PAGE_SIDE = 2000  # px, the longer side of images on the page
_GAP, _TEXT = 12, 16  # px
_PAPER, _INK = (255, 255, 255), (40, 40, 40)


@dataclass(frozen=True, eq=False)
class Shown:
    """A photo and its result.

    Attributes:
        photo: as it was read.
        result: the same with the look.
        reference: the first one.
        title: the photo's name.
    """

    photo: ArrayImage
    result: ArrayImage
    reference: ArrayImage
    title: str


def enhance_shown(enhancer: Enhancer, photo: PathLike) -> Shown:
    """Enhance one photo, to be shown.

    Raises:
        ImageError: If it cannot be read.
        ConfigError: As ``fast_nst.photo.fit`` does.
    """
    with open_image(photo) as opened:
        image = array_from_pil(opened)
    reference = ArrayImage(enhancer.references.images[0])
    return Shown(image, enhancer.stylize_arrays(image), reference, Path(photo).name)


def write_sheet(shown: Shown, target: PathLike, quality: int | None = None) -> None:
    """Write one image: photo, reference, result, histogram matching and Reinhard, with figures.

    Figures are of copies with at most ``JUDGED`` px. Style is compared by the bundled encoder.

    Raises:
        ImageError: If it cannot be written.
    """
    from fast_nst.encoders import create_encoder
    from fast_nst.photo.classics import CLASSICS
    from fast_nst.photo.figures import StyleDistance, reversed_gradients, structure

    kind = image_format(target)
    photo, result, reference = (
        _rows(_small(each, JUDGED)) for each in (shown.photo, shown.result, shown.reference)
    )
    made = {"enhance": result}
    made |= {name: run(photo, reference) for name, run in CLASSICS.items()}
    large = min(photo.shape[:2]) >= 16 and min(reference.shape[:2]) >= 16
    style = StyleDistance(reference, create_encoder("vgg_lite")) if large else None
    before = style(photo)["gram"] if style else 0.0
    cells = [("photo", [f"style distance {before:.3f}"] if style else [], photo)]
    cells.append(("reference", [], reference))
    for name, image in made.items():
        lines = []
        if style:
            lines = [
                f"structure {structure(photo, image):.3f}",
                f"style distance {style(image)['gram']:.3f}",
                f"reversed gradients {100 * reversed_gradients(photo, image):.2f} %",
            ]
        cells.append((name, lines, image))
    sheet = _lay_out(cells)
    write_bytes(target, encode([sheet], kind, quality=quality))


def write_page(shown: Shown, target: PathLike) -> None:
    """Write a page with the photo and the result on top of each other, and a divider.

    It is one file that loads nothing from elsewhere. Images are JPEGs of at most ``PAGE_SIDE`` px,
    over white where they are transparent.

    Raises:
        ImageError: If it cannot be written.
    """
    text = (PACKAGE / "batch" / "compare.html").read_text("utf-8")
    values = {"TITLE": html.escape(shown.title)}
    values["BEFORE"], values["AFTER"] = (
        _as_uri(_small(each, PAGE_SIDE)) for each in (shown.photo, shown.result)
    )
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    write_bytes(target, text.encode())


def _small(image: ArrayImage, side: int) -> Image.Image:
    """An 8-bit copy over white, reduced to at most ``side`` px."""
    rgb = image.rgb
    if image.alpha is not None:
        rgb = rgb * image.alpha + (1 - image.alpha)
    small = array_to_pil(replace(image, rgb=rgb).rgb)
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def _rows(image: Image.Image) -> Array:
    """(H, W, 3) in [0, 1]."""
    return np.asarray(image, np.float32) / np.float32(255)


def _as_uri(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _lay_out(cells: Sequence[tuple[str, list[str], Array]]) -> Image.Image:
    """Images side by side, with names above and figures below."""
    pictures = []
    for _, _, image in cells:
        picture = Image.fromarray(np.rint(image.clip(0, 1) * 255).astype(np.uint8))
        height = max(1, round(picture.height * CELL / picture.width))
        pictures.append(picture.resize((CELL, height), Image.Resampling.LANCZOS))
    line = _TEXT + _GAP // 2
    tallest = max(picture.height for picture in pictures)
    below = max(len(lines) for _, lines, _ in cells)
    size = ((CELL + _GAP) * len(cells) + _GAP, _GAP + line + tallest + _GAP + line * below + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_TEXT)
    for number, ((name, lines, _), picture) in enumerate(zip(cells, pictures, strict=True)):
        left, top = _GAP + (CELL + _GAP) * number, _GAP
        draw.text((left, top), name, _INK, font)
        sheet.paste(picture, (left, top + line))
        for row, text in enumerate(lines):
            draw.text((left, top + line + tallest + _GAP + line * row), text, _INK, font)
    return sheet
