"""A styled network as graphs whose weights are an input, so that a knob needs no new session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call

from fast_nst.networks.layers import ScaleShares
from fast_nst.networks.styled import StyleDecoder
from fast_nst.onnx.convert import INPUT, OUTPUT, AnySize, quiet, to_model

if TYPE_CHECKING:
    import onnx

CODE, WEIGHTS, SHARES = "code", "weights", "shares"
# Scales of the residual blocks, for strokes of up to the largest. There is a graph for each row, so
# that usual strokes cost no more than a plain filter's.
PAINTED_SCALES = ((1,), (1, 2), (2, 4))
DECODED = (CODE, "strength", "stroke_size")  # inputs of the graph that decodes
_LARGE = 256  # values; smaller constants are not worth a node that casts them


class Decode(nn.Module):
    """From a code and the knobs to the weights that differ by style, in one vector."""

    def __init__(self, decoder: StyleDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, code: Tensor, strength: Tensor, stroke_size: Tensor) -> Tensor:
        """(code,) of statistics at this stroke size, and two scalars, to (weights,)."""
        turned = self.decoder.turned(code[None], strength[None], stroke_size[None])
        return torch.cat([each.flatten() for each in self.decoder(turned)[0].values()])


class Paint(nn.Module):
    """The network, with the weights that :class:`Decode` gives as an input.

    Args:
        decoder: of the styles.
        scales: at which the residual blocks see the image; one row of ``PAINTED_SCALES``.
    """

    def __init__(self, decoder: StyleDecoder, scales: tuple[int, ...]) -> None:
        super().__init__()
        code = torch.zeros(decoder.affine.in_features)
        self.shapes = {name: each.shape for name, each in decoder.changed(code).items()}
        self.scales = scales
        self.core = AnySize(decoder.network, by_index=False)

    @property
    def count(self) -> int:
        """Number of weights."""
        return sum(shape.numel() for shape in self.shapes.values())

    def forward(self, images: Tensor, weights: Tensor, shares: Tensor | None = None) -> Tensor:
        """Map (B, 3, H, W) in [0, 1] to the same; ``shares``: of each scale, if there are two."""
        parts = torch.split(weights, [shape.numel() for shape in self.shapes.values()])
        own = {
            f"network.{name}": part.view(shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }
        by_scale: ScaleShares = {self.scales[0]: 1.0}
        if shares is not None:
            by_scale = dict(zip(self.scales, shares.unbind(), strict=True))
        stylized: Tensor = functional_call(self.core, own, (images, by_scale))
        return stylized


def to_decode_onnx(decoder: StyleDecoder) -> onnx.ModelProto:
    """``code``, ``strength`` and ``stroke_size`` to ``weights``; large constants in 16 bits.

    Args:
        decoder: on the CPU, in evaluation mode.

    Raises:
        ExportError: If the onnx packages are not installed.
    """
    code = torch.zeros(decoder.affine.in_features)
    example = (code, torch.tensor(0.7), torch.tensor(1.3))
    return to_part(Decode(decoder), example, ({}, {}, {}), DECODED, WEIGHTS)


def to_paint_onnx(decoder: StyleDecoder, scales: tuple[int, ...]) -> onnx.ModelProto:
    """``content``, (B, 3, H, W) in [0, 1], and ``weights`` to ``stylized``.

    With two scales, a third input is ``shares``, (2,): how much of each.

    Args:
        decoder: on the CPU, in evaluation mode.
        scales: one row of ``PAINTED_SCALES``.

    Raises:
        ExportError: If the onnx packages are not installed.
    """
    paint = Paint(decoder, scales)
    example: tuple[Tensor, ...] = (torch.zeros(2, 3, 45, 63), torch.zeros(paint.count))
    inputs: tuple[str, ...] = (INPUT, WEIGHTS)
    if len(scales) > 1:
        example, inputs = (*example, torch.tensor([0.4, 0.6])), (*inputs, SHARES)
    free = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    return to_part(paint, example, (free, *[{}] * (len(inputs) - 1)), inputs, OUTPUT)


def to_part(
    module: nn.Module,
    example: tuple[Tensor, ...],
    free: tuple[object, ...],
    inputs: Sequence[str],
    output: str,
) -> onnx.ModelProto:
    """Convert any module with one output; large constants are kept in 16 bits where they fit.

    Args:
        module: on the CPU, in evaluation mode.
        example: its arguments.
        free: for each argument, its axes of any size, as ``torch.export`` takes them.
        inputs: names of the arguments.
        output: name of the result.

    Raises:
        ExportError: If the onnx packages are not installed.
    """
    with torch.no_grad(), quiet():
        program = torch.export.export(module.eval(), example, dynamic_shapes=free, strict=False)
        return _in_half(to_model(program, inputs, output=output))


def _in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large constants in 16 bits where that changes no value; a node casts each back.

    Runtimes compute such nodes once, when they open the model.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if values.size < _LARGE or not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
