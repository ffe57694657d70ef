"""What the page consists of: the files of its build, and the filters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from fast_nst.apps.web.filters import PageFilter, file_name, numbered, read_filter, to_webp
from fast_nst.apps.web.models import SCALES, PageModel, PageStyle, is_styled, read_model
from fast_nst.data.photos import bundled_photos
from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import STYLED_KNOBS, STYLED_LEAST_STRENGTH, STYLED_STROKE_SIZES
from fast_nst.paths import asset_path

# Relative URL -> a file, or what one would hold. Nothing else can be asked for.
Site = dict[str, Path | bytes]

SAMPLE = "filters/sample.webp"
LIST_VERSION = 2  # of filters.json; the page reads this one only
MIN_SIDE = 1  # px; the graphs pad smaller images themselves
_SAMPLE_SIDE = 640  # px


def page_files(folder: Path | None = None) -> Site:
    """The files of the built page.

    Args:
        folder: where the build is; None for the one that the package carries.

    Raises:
        ConfigError: If there is none.
    """
    folder = asset_path("web") if folder is None else folder
    if not (folder / "index.html").is_file():
        raise ConfigError(
            f"the page is not built ({folder / 'index.html'} is missing). Run `make web` in a "
            "clone, which needs Node 20 or newer; wheels carry it."
        )
    inside = folder.resolve()
    return {
        file.relative_to(folder).as_posix(): file
        for file in sorted(folder.rglob("*"))
        # A link may lead anywhere; what it leads to is served only if it lies in the folder.
        if file.is_file() and file.resolve().is_relative_to(inside)
    }


def make_site(
    filters: Sequence[Path],
    folder: Path | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Site:
    """The page with filters, in the order in which they are given.

    Args:
        filters: filter files, or ONNX models of ``fast-nst export``. A file of several styles
            keeps its knobs, and its styles can be mixed.
        folder: see :func:`page_files`.
        on_progress: called with what is being done.

    Raises:
        CheckpointError: If a filter cannot be loaded.
        ConfigError: If the page is not built, there is no filter, or ONNX Runtime is missing.
        DataError: If scikit-image's photographs are missing.
        ExportError: If a filter cannot be converted.
    """
    site = page_files(folder)
    if not filters:
        raise ConfigError("the page needs a filter. Give one: --ckpt FILE.")
    sample = Image.fromarray(bundled_photos()[0][0])
    read: list[PageFilter | PageModel] = []
    for path in filters:
        if on_progress is not None:
            on_progress(f"converting {path.name}")
        read.append(read_model(path, sample) if is_styled(path) else read_filter(path, sample))
    site |= _filter_files(read)
    site[SAMPLE] = to_webp(sample, _SAMPLE_SIDE, quality=90)
    return site


def _filter_files(read: Sequence[PageFilter | PageModel]) -> Site:
    """Graphs, thumbnails, and the list of them that the page reads."""
    files: Site = {}
    entries: list[dict[str, Any]] = []
    models: list[dict[str, Any]] = []
    names, titles = {Path(SAMPLE).stem}, set[str]()

    def listed(each: PageFilter | PageStyle) -> dict[str, Any]:
        name = file_name(each.style, names)
        title = numbered(each.title, titles, " ")
        names.add(name)
        titles.add(title)
        thumbnail = f"filters/{name}.webp"
        files[thumbnail] = each.thumbnail
        return {"name": name, "title": title, "by": each.by, "thumbnail": thumbnail}

    def graph(name: str, content: bytes) -> dict[str, Any]:
        files[name] = content
        digest = hashlib.sha256(content).hexdigest()
        return {"model": name, "bytes": len(content), "sha256": digest}

    for each in read:
        if isinstance(each, PageFilter):
            entry = listed(each)
            entry |= graph(f"filters/{entry['name']}.onnx", each.model)
            entries.append({**entry, "input": each.input, "output": each.output, "least": MIN_SIDE})
            continue
        model = f"model_{len(models) + 1}"
        paint = [
            {"scales": scales, **graph(f"filters/{model}.paint_{scales[-1]}.onnx", content)}
            for scales, content in zip(SCALES, each.paint, strict=True)
        ]
        decode = graph(f"filters/{model}.decode.onnx", each.decode)
        encode = each.encode and graph(f"filters/{model}.encode.onnx", each.encode)
        stroke_size = STYLED_KNOBS["stroke_size"]
        models.append(
            {
                "name": model,
                "code": each.styles[0].codes.shape[1],
                "code_sizes": STYLED_STROKE_SIZES,
                "stroke_sizes": [stroke_size.least, stroke_size.most],
                "least_strength": STYLED_LEAST_STRENGTH,
                "least": MIN_SIDE,
                # Names cannot meet those of filters: file_name makes no dots.
                "paint": paint,
                "decode": decode,
                "encode": encode,
            }
        )
        entries += [
            {**listed(style), "styled": model, "codes": style.codes_base64} for style in each.styles
        ]
    document = {
        "version": LIST_VERSION,
        "page": {"sample": SAMPLE},
        "models": models,
        "filters": entries,
    }
    files["filters/filters.json"] = json.dumps(document, ensure_ascii=False, indent=1).encode()
    return files
