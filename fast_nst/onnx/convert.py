"""Convert networks to graphs that other runtimes run at any size: torch.export and ONNX."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from fast_nst.errors import ExportError
from fast_nst.filter_metadata import KEY, FilterMetadata
from fast_nst.image.pad import crop, pad_by_index, padded_side
from fast_nst.networks.layers import ScaleShares, traced_scale_shares
from fast_nst.networks.styled import LEAST_STRENGTH, StyledNetwork
from fast_nst.onnx.session import SETTING

if TYPE_CHECKING:
    import onnx
    import onnx_ir

OPSETS = range(18, 24)  # torch's exporter writes 18 and converts upwards
OPSET = 18
INPUT, OUTPUT = "content", "stylized"
NEEDED = "Install ONNX support: pip install 'fast-nst[onnx]'"

_MAX_KERNEL = 2**22  # values; larger constants are left as they are
_AXES = {0: "batch", 2: "height", 3: "width"}


class AnySize(nn.Module):
    """Pads as ``network`` does, but by arithmetic, so that one graph is valid for every size.

    Args:
        network: its attributes ``multiple`` and ``min_side`` give the sizes that it pads to.
        by_index: pad and crop by selecting pixels by index, which ``torch.export`` can prove valid
            for every size; else by padding and slicing, which is faster.
    """

    def __init__(self, network: nn.Module, by_index: bool) -> None:
        super().__init__()
        self.network = network
        self.multiple = int(getattr(network, "multiple", 1))
        self.min_side = int(getattr(network, "min_side", 1))
        self.by_index = by_index

    def forward(self, images: Tensor, *more: ScaleShares) -> Tensor:
        """Map (B, 3, H, W) to the same; ``more`` is handed on to the network."""
        height, width = images.shape[-2:]
        if self.by_index:
            x = pad_by_index(images, self.multiple, self.min_side)
            return crop(self.network(x, *more), height, width)
        if self.multiple == self.min_side == 1:
            unpadded: Tensor = self.network(images, *more)
            return unpadded
        rows, columns = (
            padded_side(each, self.multiple, self.min_side) for each in (height, width)
        )
        x = F.pad(images, (0, columns - width, 0, rows - height), mode="replicate")
        stylized: Tensor = self.network(x, *more)[..., :height, :width]
        return stylized


def to_program(network: nn.Module, by_index: bool = True) -> torch.export.ExportedProgram:
    """Trace a network with ``torch.export``, for any batch, height and width.

    Args:
        network: on the CPU, in evaluation mode.
        by_index: see :class:`AnySize`; False gives a program that is only good for making ONNX.
    """
    any_size = torch.export.Dim.DYNAMIC
    # All axes differ, and none has a special size such as 1, which tracing would treat as fixed.
    example = torch.zeros(2, 3, 45, 63)
    with torch.no_grad(), quiet():
        return torch.export.export(
            AnySize(network, by_index).eval(),
            (example,),
            dynamic_shapes=(dict.fromkeys(_AXES, any_size),),
            strict=False,
        )


def to_onnx(network: nn.Module, metadata: FilterMetadata, opset: int = OPSET) -> onnx.ModelProto:
    """Convert a network to ONNX: ``content`` to ``stylized``, both (B, 3, H, W) in [0, 1].

    Args:
        network: on the CPU, in evaluation mode.
        metadata: stored in the model, as the same JSON document as in a filter file.
        opset: one of ``OPSETS``.

    Raises:
        ExportError: If ``opset`` is not one of these, or the onnx packages are not installed.
    """
    _check_opset(opset)
    with quiet():
        return _described(to_model(to_program(network, by_index=False), [INPUT], opset), metadata)


class OpenSetting(nn.Module):
    """A styled network whose setting is an input, as well as the images.

    Args:
        styled: on the CPU, in evaluation mode.
    """

    def __init__(self, styled: StyledNetwork) -> None:
        super().__init__()
        self.styled = styled
        self.core = AnySize(styled.decoder.network, by_index=False)

    def forward(
        self, images: Tensor, shares: Tensor, strength: Tensor, stroke_size: Tensor
    ) -> Tensor:
        """Map (B, 3, H, W) to the same; all images in one setting.

        Args:
            images: RGB in [0, 1].
            shares: (styles,), of each style.
            strength: a scalar, 0 to 1.
            stroke_size: a scalar.
        """
        code = self.styled.mixed(
            shares[None], strength.clamp(min=LEAST_STRENGTH)[None], stroke_size[None]
        )
        weights = self.styled.decoder(code)[0]
        own = {f"network.{name}": value for name, value in weights.items()}
        stylized = functional_call(self.core, own, (images, traced_scale_shares(stroke_size)))
        share = (strength / LEAST_STRENGTH).clamp(max=1)
        blended: Tensor = images + share * (stylized - images)
        return blended


def to_open_onnx(
    styled: StyledNetwork, metadata: FilterMetadata, opset: int = OPSET
) -> onnx.ModelProto:
    """Convert a styled network to ONNX that takes its setting with the images.

    Its inputs are ``content``, as for :func:`to_onnx`; ``shares``, (styles,), which sum to 1; and
    the scalars ``strength`` and ``stroke_size``, all float32.

    Raises:
        ExportError: As :func:`to_onnx` does.
    """
    _check_opset(opset)
    shares = torch.full((styled.styles,), 1 / styled.styles)
    example = (torch.zeros(2, 3, 45, 63), shares, torch.tensor(0.7), torch.tensor(1.3))
    free = dict.fromkeys(_AXES, torch.export.Dim.DYNAMIC)
    with torch.no_grad(), quiet():
        program = torch.export.export(
            OpenSetting(styled).eval(), example, dynamic_shapes=(free, {}, {}, {}), strict=False
        )
        return _described(to_model(program, [INPUT, *SETTING], opset), metadata)


def _check_opset(opset: int) -> None:
    if opset not in OPSETS:
        raise ExportError(
            f"opset {opset}: expected {OPSETS[0]} to {OPSETS[-1]}. Use --opset {OPSET}."
        )


def to_model(
    program: torch.export.ExportedProgram,
    inputs: Sequence[str],
    opset: int = OPSET,
    output: str = OUTPUT,
) -> onnx.ModelProto:
    """Convert a traced program to ONNX, with names for its inputs and its output.

    Raises:
        ExportError: If the onnx packages are not installed.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch needs it
    except ImportError as error:
        raise ExportError(f"{NEEDED} ({error}).") from error
    exported = torch.onnx.export(
        program,
        dynamo=True,
        input_names=inputs,
        output_names=[output],
        opset_version=opset,
        optimize=True,
        verbose=False,
    )
    assert exported is not None  # it is None for the old exporter only
    model = _merge_norms(exported.model)
    for value in (*model.graph.input, *model.graph.output):
        del value.metadata_props[:]  # the exporter's notes
        for axis, name in _AXES.items() if value.name in (INPUT, OUTPUT) else ():
            value.type.tensor_type.shape.dim[axis].dim_param = name
    del model.graph.value_info[:]  # it has the exporter's names for the sizes
    for part in (model.graph, *model.functions):
        _clear_traces(part)
    model.producer_name = "fast_nst"
    onnx.checker.check_model(model, full_check=True)
    return model


def _described(model: onnx.ModelProto, metadata: FilterMetadata) -> onnx.ModelProto:
    import onnx

    onnx.helper.set_model_props(model, {KEY: json.dumps(asdict(metadata))})
    return model


def _clear_traces(part: onnx.GraphProto | onnx.FunctionProto) -> None:
    """Remove the exporter's notes on each node: its stack traces name folders of this machine."""
    for node in part.node:
        del node.metadata_props[:]
        for attribute in node.attribute:
            for subgraph in (attribute.g, *attribute.graphs):
                _clear_traces(subgraph)


def _merge_norms(model: Any) -> onnx.ModelProto:
    """Merge the five nodes of each group norm with one channel per group into one instance norm.

    Saves reading and writing the features twice: a tenth of the network's time.
    """
    from onnx_ir import to_proto
    from onnxscript.rewriter import pattern, rewrite

    def group_norm(
        op: Any, x: Any, flat: Any, one: Any, zero: Any, epsilon: Any, scale: Any, bias: Any
    ) -> Any:
        normal = op.InstanceNormalization(op.Reshape(x, flat), one, zero, epsilon=epsilon)
        return op.Add(op.Mul(op.Reshape(normal, op.Shape(x, start=0)), scale), bias)

    def has_one_channel_per_group(
        context: Any, flat: Any, one: Any, zero: Any, scale: Any, bias: Any, **_: Any
    ) -> bool:
        constants = [_values(each) for each in (flat, one, zero)]
        if any(each is None for each in constants):
            return False
        shape, ones, zeros = constants
        channels = ones.size
        # Scale and bias may be inputs of the graph, or computed from some.
        affine = [None if each.shape is None else list(each.shape) for each in (scale, bias)]
        return bool(
            list(shape) == [0, channels, -1]
            and (ones == 1).all()
            and (zeros == 0).all()
            and affine == [[channels, 1, 1]] * 2
        )

    def instance_norm(op: Any, x: Any, epsilon: Any, scale: Any, bias: Any, **_: Any) -> Any:
        flat_scale = op.Reshape(scale, op.Constant(value_ints=[-1]))
        flat_bias = op.Reshape(bias, op.Constant(value_ints=[-1]))
        return op.InstanceNormalization(x, flat_scale, flat_bias, epsilon=epsilon)

    rule = pattern.RewriteRule(group_norm, instance_norm, has_one_channel_per_group)
    rewritten: onnx_ir.Model = rewrite(model, pattern_rewrite_rules=[rule])
    from onnxscript import optimizer

    # Folds constants: the reshaped scales and shifts, and kernels computed from others.
    optimizer.optimize(rewritten, input_size_limit=_MAX_KERNEL)
    proto: onnx.ModelProto = to_proto(rewritten)
    return proto


def _values(value: Any) -> Any:
    from onnx_ir.convenience import get_const_tensor

    tensor = get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporters' messages about their own deprecations and progress."""
    loggers = [logging.getLogger(name) for name in ("torch", "torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
