"""Filters in the form that the page reads: an ONNX graph, a title, a thumbnail."""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fast_nst.errors import CheckpointError
from fast_nst.filter_metadata import Style
from fast_nst.onnx.session import Array, OnnxSession, known_metadata
from fast_nst.runtimes.graph_cache import cached_graph

THUMBNAIL = 192  # px; shown at half of that, for screens with two pixels per px


@dataclass(frozen=True)
class PageFilter:
    """A filter for the page.

    Attributes:
        style: the style's name.
        title: of the image that the style comes from.
        by: its painter; may be empty.
        model: an ONNX file that takes float32 (1, 3, H, W) in [0, 1] of any height and width.
        input: the name of the model's input.
        output: the name of its output.
        thumbnail: a WebP image.
    """

    style: str
    title: str
    by: str
    model: bytes
    input: str
    output: str
    thumbnail: bytes


def read_filter(path: Path, sample: Image.Image) -> PageFilter:
    """Convert a filter file, or take an ONNX model that ``fast-nst`` exported or imported.

    Args:
        path: a filter file, Lightning's ``.ckpt``, or an ONNX model.
        sample: what is stylized for the thumbnail, if the file has no image of the style.

    Raises:
        CheckpointError: If it cannot be loaded, or is an ONNX model that the page cannot run.
        ExportError: If the filter cannot be converted.
        ConfigError: If ONNX Runtime is not installed, or the cache cannot be written to.
    """
    graph = path if path.suffix.lower() == ".onnx" else cached_graph(path)
    # The range is a guess that is not used: other programs' models are refused below.
    session = OnnxSession(graph, value_range="0-1")
    metadata = known_metadata(session)
    if session.open:
        raise CheckpointError(
            f"{path} takes its style and knobs as inputs, which the page cannot give it. Give the "
            "filter file that it was exported from."
        )
    if not session.takes_any_image:
        raise CheckpointError(
            f"{path} takes {session.signature}; the page needs float32 images of any height and "
            "width, (1, 3, H, W). Export it again: fast-nst export."
        )
    style = metadata.styles[0]  # the one that the file is opened in
    title, by = title_of(style)
    return PageFilter(
        style=style.name,
        title=title,
        by=by,
        model=graph.read_bytes(),
        input=session.input_name,
        output=session.output_name,
        thumbnail=style_image(style) or stylized_thumbnail(session.run, sample),
    )


def file_name(style: str, taken: Container[str]) -> str:
    """A name that is safe in a URL and on any disk, and is not in ``taken``.

    >>> file_name("Nuit étoilée / 2", {"nuit_etoilee_2"})
    'nuit_etoilee_2_2'
    """
    plain = unicodedata.normalize("NFKD", style).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "_", plain)[:60].strip("_") or "filter"
    return numbered(stem, taken, "_")


def numbered(text: str, taken: Container[str], between: str) -> str:
    """``text``, or with the least number from 2 on that makes it one that is not in ``taken``."""
    candidate, number = text, 1
    while candidate in taken:
        number += 1
        candidate = f"{text}{between}{number}"
    return candidate


def to_webp(image: Image.Image, side: int, quality: int) -> bytes:
    """Encode an image, made no longer than ``side`` px."""
    image = image.convert("RGB")
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=6)
    return buffer.getvalue()


def title_of(style: Style) -> tuple[str, str]:
    """Title and painter, as the training knew them; else a title made of the style's name."""
    title, by = (
        value.strip() if isinstance(value, str) else "" for value in (style.title, style.painter)
    )
    spoken = re.sub(r"[\s_]+", " ", style.name).strip()
    return title or spoken[:1].upper() + spoken[1:] or "Filter", by


def style_image(style: Style) -> bytes | None:
    """The file's own thumbnail; encoded again, as the file may hold anything under that name."""
    try:
        content = base64.b64decode(style.thumbnail, validate=True)
        with Image.open(io.BytesIO(content), formats=("WEBP", "PNG", "JPEG")) as image:
            return to_webp(image, THUMBNAIL, quality=90)
    except (OSError, ValueError, TypeError, SyntaxError, Image.DecompressionBombError):
        return None


def stylized_thumbnail(run: Callable[[Array], Array], sample: Image.Image) -> bytes:
    """What a filter makes of a sample; ``run`` maps (1, 3, H, W) in [0, 1] to the same."""
    small = sample.convert("RGB")
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    content = np.asarray(small, np.float32).transpose(2, 0, 1)[None] / np.float32(255)
    stylized = run(np.ascontiguousarray(content))[0].transpose(1, 2, 0)
    pixels = (stylized.clip(0, 1) * 255).round().astype(np.uint8)
    return to_webp(Image.fromarray(pixels), THUMBNAIL, quality=85)
