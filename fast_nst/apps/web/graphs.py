"""Make the graphs of a model of the page, each checked against PyTorch before it is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fast_nst.apps.web.models import Array, run_graph
from fast_nst.errors import CheckpointError, ExportError
from fast_nst.filters.checkpoint import load_unbound
from fast_nst.networks.layers import scale_shares
from fast_nst.networks.styled import StyleDecoder, StyledNetwork
from fast_nst.onnx.live import PAINTED_SCALES, Decode, to_decode_onnx, to_paint_onnx
from fast_nst.onnx.parity import SHAPES, compare
from fast_nst.prediction.encode import Encode, to_encode_onnx
from fast_nst.prediction.load import load_predictor

MAX_DIFFERENCE = 1e-3  # of codes, of weights and of values of images in [0, 1]
_SETTINGS = ((1.0, 1.0), (0.6, 0.7))  # strength and stroke size that weights are compared at
_PICTURES = ((64, 64), (90, 131))  # px, height and width


def make_decode(path: Path) -> bytes:
    """``decode`` of a filter file of several styles.

    Raises:
        CheckpointError: If the file cannot be loaded, or is another filter.
        ExportError: If the conversion fails, or gives other values than PyTorch.
    """
    decoder, code = _decoder(path)
    made = bytes(to_decode_onnx(decoder).SerializeToString())
    for strength, stroke_size in _SETTINGS:
        with torch.no_grad():
            wanted = Decode(decoder)(code, torch.tensor(strength), torch.tensor(stroke_size))
        got = run_graph(made, code=code.numpy(), strength=strength, stroke_size=stroke_size)
        _refuse("decode", float(np.abs(wanted.numpy() - got).max()))
    return made


def make_paint(path: Path, number: int) -> bytes:
    """One of the graphs ``paint``: that of a row of ``PAINTED_SCALES``.

    Raises:
        CheckpointError, ExportError: As :func:`make_decode` does.
    """
    decoder, code = _decoder(path)
    scales = PAINTED_SCALES[number]
    made = bytes(to_paint_onnx(decoder, scales).SerializeToString())
    weights = torch.cat([each.flatten() for each in decoder.changed(code).values()]).numpy()
    stroke_size = sum(scales) / len(scales)
    shares = np.array(list(scale_shares(stroke_size).values()), np.float32)
    more = {"shares": shares} if len(scales) > 1 else {}

    def run(images: Array) -> Array:
        return run_graph(made, content=images, weights=weights, **more)

    for each in compare(decoder.fold(code, stroke_size), run, SHAPES[:3]):
        _refuse("paint", each.largest)
    return made


def _decoder(path: Path) -> tuple[StyleDecoder, Tensor]:
    """The decoder of a filter file, and the code of its first style."""
    styled = load_unbound(path).network
    if not isinstance(styled, StyledNetwork):
        raise CheckpointError(f"{path} is not a filter of several styles.")
    return styled.decoder, styled.codes[0, -1].detach()


def make_encode(network: str) -> bytes:
    """``encode`` of the bundled predictor for a network.

    Raises:
        ConfigError, WeightsError: If there is no such predictor, or it is damaged.
        ExportError: As :func:`make_decode` does.
    """
    made = bytes(to_encode_onnx(network).SerializeToString())
    encode = Encode(load_predictor(network))
    rng = np.random.default_rng(0)
    for size in _PICTURES:
        picture = rng.random((1, 3, *size), np.float32)
        with torch.no_grad():
            wanted = encode(torch.from_numpy(picture))
        got = run_graph(made, picture=picture)
        _refuse("encode", float(np.abs(wanted.numpy() - got).max()))
    return made


def _refuse(kind: str, largest: float) -> None:
    if not largest <= MAX_DIFFERENCE:  # true for NaN as well
        raise ExportError(
            f"the graph {kind!r} of the page gives values that differ from PyTorch's by up to "
            f"{largest:.2g}; {MAX_DIFFERENCE:g} is allowed. Please report this."
        )
