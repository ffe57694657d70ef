"""Make the graphs of a model of the page, each checked against PyTorch before it is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fast_nst.apps.web.models import Array, run_graph
from fast_nst.errors import CheckpointError, ExportError
from fast_nst.filters.checkpoint import load_unbound
from fast_nst.networks.styled import StyledNetwork
from fast_nst.onnx.live import Decode, to_decode_onnx, to_paint_onnx
from fast_nst.onnx.parity import SHAPES, compare
from fast_nst.prediction.encode import Encode, to_encode_onnx
from fast_nst.prediction.load import load_predictor

MAX_DIFFERENCE = 1e-3  # of codes, of weights and of values of images in [0, 1]
_SETTINGS = ((1.0, 1.0), (0.6, 2.5))  # strength and stroke size that graphs are compared at
_PICTURES = ((64, 64), (90, 131))  # px, height and width


def make_part(path: Path, kind: str) -> bytes:
    """``paint`` or ``decode`` of a filter file of several styles.

    Raises:
        CheckpointError: If the file cannot be loaded, or is another filter.
        ExportError: If the conversion fails, or gives other values than PyTorch.
    """
    styled = load_unbound(path).network
    if not isinstance(styled, StyledNetwork):
        raise CheckpointError(f"{path} is not a filter of several styles.")
    decoder, codes = styled.decoder, styled.codes[0].detach()
    if kind == "decode":
        made = bytes(to_decode_onnx(decoder).SerializeToString())
        for strength, stroke_size in _SETTINGS:
            knobs = (torch.tensor(strength), torch.tensor(stroke_size))
            with torch.no_grad():
                wanted = Decode(decoder)(codes[1], *knobs)
            got = run_graph(made, code=codes[1].numpy(), strength=strength, stroke_size=stroke_size)
            _check(kind, wanted, got)
        return made
    made = bytes(to_paint_onnx(decoder).SerializeToString())
    weights = torch.cat([each.flatten() for each in decoder.changed(codes[1]).values()]).numpy()

    def run(images: Array) -> Array:
        return run_graph(made, content=images, weights=weights)

    for each in compare(decoder.fold(codes[1]), run, SHAPES[:3]):
        _refuse(kind, each.largest)
    return made


def make_encode(network: str) -> bytes:
    """``encode`` of the bundled predictor for a network.

    Raises:
        ConfigError, WeightsError: If there is no such predictor, or it is damaged.
        ExportError: As :func:`make_part` does.
    """
    made = bytes(to_encode_onnx(network).SerializeToString())
    encode = Encode(load_predictor(network))
    rng = np.random.default_rng(0)
    for size in _PICTURES:
        picture = rng.random((1, 3, *size), np.float32)
        with torch.no_grad():
            wanted = encode(torch.from_numpy(picture))
        _check("encode", wanted, run_graph(made, picture=picture))
    return made


def _check(kind: str, wanted: Tensor, got: Array) -> None:
    _refuse(kind, float(np.abs(wanted.numpy() - got).max()))


def _refuse(kind: str, largest: float) -> None:
    if not largest <= MAX_DIFFERENCE:  # true for NaN as well
        raise ExportError(
            f"the graph {kind!r} of the page gives values that differ from PyTorch's by up to "
            f"{largest:.2g}; {MAX_DIFFERENCE:g} is allowed. Please report this."
        )
