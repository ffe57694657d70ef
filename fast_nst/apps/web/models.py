"""Filters of several styles in the form that the page reads: graphs, and the codes of styles."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load_file

from fast_nst import atomic
from fast_nst.apps.web.filters import style_image, stylized_thumbnail, title_of
from fast_nst.config import list_styles
from fast_nst.errors import CheckpointError, ConfigError
from fast_nst.filter_metadata import STYLED, STYLED_STROKE_SIZES, FilterMetadata, Style
from fast_nst.filters.metadata import read_metadata
from fast_nst.onnx.session import NEEDED
from fast_nst.paths import asset_path, cache_dir

GRAPH_VERSION = 1  # of the conversion: with a new number, all graphs are made again
Array = npt.NDArray[np.float32]
SCALES = ((1,), (1, 2), (2, 4))  # PAINTED_SCALES of onnx/live.py; here without torch
CODES = "codes"  # name of the tensor that holds the codes of a file's styles


@dataclass(frozen=True)
class PageStyle:
    """A style of a model.

    Attributes:
        style: its name.
        title: of the image that it comes from.
        by: its painter; may be empty.
        thumbnail: a WebP image.
        codes: one for each of ``STYLED_STROKE_SIZES``, (sizes, code), float32.
    """

    style: str
    title: str
    by: str
    thumbnail: bytes
    codes: Array

    @property
    def codes_base64(self) -> str:
        """Its codes in the order of memory, little-endian."""
        return base64.b64encode(self.codes.astype("<f4").tobytes()).decode()


@dataclass(frozen=True)
class PageModel:
    """A network of many styles for the page, whose weights are made of codes there.

    Attributes:
        paint: for each row of ``SCALES``, an ONNX model from ``content``, ``weights`` and, for two
            scales, ``shares`` of them, to ``stylized``.
        decode: an ONNX model from ``code``, ``strength`` and ``stroke_size`` to ``weights``.
        encode: an ONNX model from ``picture`` to ``code``; None where this version's predictor
            makes other codes than the file's.
        styles: one or more.
    """

    paint: tuple[bytes, ...]
    decode: bytes
    encode: bytes | None
    styles: tuple[PageStyle, ...]


def is_styled(path: Path) -> bool:
    """Whether a file is a filter whose styles have codes; one that cannot be read is not."""
    if path.suffix.lower() == ".onnx":
        return False
    try:
        return read_metadata(path).network == STYLED
    except CheckpointError:  # opening it reports that
        return False


def read_model(path: Path, sample: Image.Image) -> PageModel:
    """Convert a filter file of several styles; graphs are kept in the user's cache.

    Args:
        path: a filter file for which :func:`is_styled` is true.
        sample: what is stylized for the thumbnails of styles without an image in the file.

    Raises:
        CheckpointError: If it cannot be loaded.
        ExportError: If it cannot be converted.
        ConfigError: If ONNX Runtime is not installed, or the cache cannot be written to.
    """
    metadata = read_metadata(path)
    codes, digest = _codes_and_digest(path, metadata)
    model = PageModel(
        paint=tuple(
            _cached(f"{digest}-paint-{number}", partial(_make_paint, path, number))
            for number in range(len(SCALES))
        ),
        decode=_cached(f"{digest}-decode", partial(_make_decode, path)),
        encode=_encode_graph(metadata),
        styles=(),
    )
    styles = tuple(
        _style(model, metadata, number, each, sample) for number, each in enumerate(codes)
    )
    return replace(model, styles=styles)


def run_graph(graph: bytes, **inputs: Array | float) -> Array:
    """Run one of a model's graphs in Python, as the page does in the browser.

    Raises:
        ConfigError: If ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(f"{NEEDED} ({error}).") from error
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    given = {name: np.asarray(value, np.float32) for name, value in inputs.items()}
    result: Array = session.run(None, given)[0]
    return result


def _style(
    model: PageModel,
    metadata: FilterMetadata,
    number: int,
    codes: Array,
    sample: Image.Image,
) -> PageStyle:
    style = _titled(metadata, number)
    title, by = title_of(style)
    usual = codes[STYLED_STROKE_SIZES.index(1.0)]
    thumbnail = style_image(style) or stylized_thumbnail(
        lambda content: run_graph(
            model.paint[0],
            content=content,
            weights=run_graph(model.decode, code=usual, strength=1, stroke_size=1),
        ),
        sample,
    )
    return PageStyle(style.name, title, by, thumbnail, codes)


def _titled(metadata: FilterMetadata, number: int) -> Style:
    """A style; a bundled one with the title and painter of its painting."""
    style = metadata.styles[number]
    source = metadata.config.get("styles", {}).get(style.name, {})
    painting = _paintings().get(source.get("texture") or "")
    if style.title or painting is None:
        return style
    return replace(style, title=painting[0], painter=painting[1])


@cache
def _paintings() -> dict[str, tuple[str, str]]:
    """Titles and painters of the bundled styles, by name."""
    return {each.name: (each.title, each.painter) for each in list_styles()}


def _codes_and_digest(path: Path, metadata: FilterMetadata) -> tuple[Array, str]:
    """The codes of a file's styles, and a hash of all else in it, which graphs depend on."""
    tensors = _read_tensors(path)
    codes = tensors.pop(CODES, np.empty(0)).astype(np.float32)
    if codes.ndim != 3 or codes.shape[:2] != (len(metadata.styles), len(STYLED_STROKE_SIZES)):
        raise CheckpointError(
            f"{path} has codes of shape {codes.shape} for {len(metadata.styles)} styles: it is "
            "damaged, or of another version. Make it again: fast-nst make --each STYLE... -o FILE."
        )
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.shape} {tensor.dtype} ".encode())
        digest.update(tensor.tobytes())
    arguments = {**metadata.network_arguments, "styles": 0}
    digest.update(json.dumps(arguments, sort_keys=True).encode())
    return codes, digest.hexdigest()[:40]


def _read_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    if path.suffix == ".ckpt":
        from fast_nst.filters.checkpoint import read_lightning  # needs torch

        return {name: each.numpy() for name, each in read_lightning(path)[1].items()}
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as a filter ({error}).") from error


def _encode_graph(metadata: FilterMetadata) -> bytes | None:
    network = str(metadata.network_arguments["base"])
    predictor = asset_path("predictors") / f"{network}.safetensors"
    if not predictor.is_file():
        return None
    known = hashlib.sha256(predictor.read_bytes()).hexdigest()
    named = metadata.config.get("predictor")
    if not named or not known.startswith(named):  # a file names the first digits only
        return None
    return _cached(f"{known[:40]}-encode", partial(_make_encode, network))


def _cached(name: str, make: Callable[[], bytes]) -> bytes:
    file = cache_dir() / "graphs" / f"{name}-{GRAPH_VERSION}.onnx"
    try:
        if file.is_file():
            return file.read_bytes()
        made = make()
        atomic.write_bytes(file, made)
    except OSError as error:
        raise ConfigError(
            f"cannot write to the cache {file.parent} ({error.strerror}). "
            "Set FAST_NST_CACHE to a folder that you may write to."
        ) from error
    return made


def _make_decode(path: Path) -> bytes:
    from fast_nst.apps.web.graphs import make_decode  # needs torch

    return make_decode(path)


def _make_paint(path: Path, number: int) -> bytes:
    from fast_nst.apps.web.graphs import make_paint

    return make_paint(path, number)


def _make_encode(network: str) -> bytes:
    from fast_nst.apps.web.graphs import make_encode

    return make_encode(network)
