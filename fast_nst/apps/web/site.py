"""What the page consists of: the files of its build, and the filters."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from fast_nst.apps.web.filters import (
    PageFilter,
    bindings_of,
    file_name,
    numbered,
    read_filter,
    to_webp,
)
from fast_nst.data.photos import bundled_photos
from fast_nst.errors import ConfigError
from fast_nst.paths import asset_path

# Relative URL -> a file, or what one would hold. Nothing else can be asked for.
Site = dict[str, Path | bytes]

SAMPLE = "filters/sample.webp"
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
        filters: filter files, or ONNX models of ``fast-nst export``. Of a file of several styles,
            each is a filter of the page.
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
    read = []
    for path in filters:
        if on_progress is not None:
            on_progress(f"converting {path.name}")
        read += [read_filter(path, sample, binding) for binding in bindings_of(path)]
    site |= _filter_files(read)
    site[SAMPLE] = to_webp(sample, _SAMPLE_SIDE, quality=90)
    return site


def _filter_files(filters: Sequence[PageFilter]) -> Site:
    """Models, thumbnails, and the list of them that the page reads."""
    files: Site = {}
    entries = []
    names, titles = {Path(SAMPLE).stem}, set[str]()
    for each in filters:
        name = file_name(each.style, names)
        title = numbered(each.title, titles, " ")
        names.add(name)
        titles.add(title)
        model, thumbnail = f"filters/{name}.onnx", f"filters/{name}.webp"
        files[model], files[thumbnail] = each.model, each.thumbnail
        entries.append(
            {
                "name": name,
                "title": title,
                "by": each.by,
                "model": model,
                "bytes": len(each.model),
                "sha256": each.sha256,
                "thumbnail": thumbnail,
                "input": each.input,
                "output": each.output,
                "least": MIN_SIDE,
            }
        )
    document = {"version": 1, "page": {"sample": SAMPLE}, "filters": entries}
    files["filters/filters.json"] = json.dumps(document, ensure_ascii=False, indent=1).encode()
    return files
