"""Nodes around another program's ONNX graph, so that it takes and returns images as ours do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fast_nst.image.imagenet import IMAGENET_MEAN, IMAGENET_STD
from fast_nst.onnx.convert import INPUT, OUTPUT
from fast_nst.onnx.session import OnnxSession

if TYPE_CHECKING:
    import onnx

OPSET = 18  # the lowest that has the Resize below
# The same as OnnxSession's resizing, up to 2e-5.
_RESIZE = 'Resize <mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1, antialias=1, axes=[2, 3]>'
_PREFIX = "model/"  # before the names of the other program's graph
_TYPES = {1: "float", 2: "uint8", 10: "float16", 11: "double"}  # TensorProto's numbers


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators that a model uses."""
    return int(next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx")))


def wrap(model: onnx.ModelProto, session: OnnxSession, resizes: bool) -> onnx.ModelProto:
    """Add to a graph what ``OnnxSession`` does before and after running it.

    Args:
        model: of opset 18 or higher; it is changed.
        session: the same model, whose ``value_range`` is known.
        resizes: whether the model returns images of another size than it gets, apart from a
            surplus of a few px (see ``is_surplus``).

    Returns:
        A model from ``content`` to ``stylized``, (B, 3, H, W) in [0, 1]; B is 1 if the model's
        batch is fixed.
    """
    from onnx import compose, parser

    graph = model.graph
    constants = {each.name for each in graph.initializer}
    inputs = [
        each for each in graph.input if each.name not in constants
    ]  # old models list constants among them
    del graph.input[:]
    graph.input.extend(inputs)
    del graph.value_info[:]  # its names for sizes may clash with ours
    model.ir_version = max(model.ir_version, 8)
    given, returned = (_PREFIX + each.name for each in (inputs[0], graph.output[0]))
    head = f'<ir_version: {model.ir_version}, opset_import: ["": {opset_of(model)}]>\n'
    kind = inputs[0].type.tensor_type.elem_type
    before = parser.parse_model(head + _before(session, kind))
    kind = graph.output[0].type.tensor_type.elem_type
    after = parser.parse_model(head + _after(session, kind, resizes))
    begun = compose.merge_models(
        before,
        compose.add_prefix(model, _PREFIX),
        io_map=[("given", given)],
        outputs=["sides", "inside", returned],
    )
    wrapped = compose.merge_models(
        begun, after, io_map=[(returned, "returned"), ("sides", "outer"), ("inside", "inner")]
    )
    del wrapped.metadata_props[:]
    wrapped.producer_name = "fast_nst"
    return wrapped


class _Lines:
    """The nodes of a graph, in ONNX's text form."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._lines: list[str] = []

    def add(self, expression: str, name: str | None = None) -> str:
        """Add a node, and return the name of its result."""
        name = name or f"{self._prefix}{len(self._lines)}"
        self._lines.append(f"{name} = {expression}")
        return name

    def constant(self, *values: float) -> str:
        """Add a constant: one value, or one for each channel."""
        shape = "[1, 3, 1, 1]" if len(values) > 1 else ""
        listed = ", ".join(map(str, values))
        return self.add(f"Constant <value = float{shape} {{{listed}}}> ()")

    def resize(self, x: str, sides: str) -> str:
        """Add a Resize and, as some cubic weights are negative, a Clip."""
        return self.clip(self.add(f"{_RESIZE} ({x}, , , {sides})"))

    def clip(self, x: str) -> str:
        """Add a Clip to [0, 1]."""
        return self.add(f"Clip ({x}, {self.constant(0.0)}, {self.constant(1.0)})")

    def graph(self, inputs: str, outputs: str) -> str:
        """The complete graph."""
        lines = "\n".join(self._lines)
        return f"{self._prefix} ({inputs}) => ({outputs}) {{\n{lines}\n}}"


def _image(session: OnnxSession, name: str) -> str:
    return f"float[{1 if session.batch else 'batch'}, 3, height, width] {name}"


def _before(session: OnnxSession, kind: int) -> str:
    """The graph from ``content`` to the model's input, of type ``kind``, and the sizes of both."""
    lines = _Lines("before")
    x = INPUT
    lines.add(f"Shape <start = 2> ({x})", "sides")
    if any(session.sides):
        height, width = (side or 0 for side in session.sides)
        fixed = lines.add(f"Constant <value_ints = [{height}, {width}]> ()")
        lines.add(f"Where ({lines.add(f'Cast <to = 9> ({fixed})')}, {fixed}, sides)", "inside")
        x = lines.resize(x, "inside")
    else:
        lines.add("Identity (sides)", "inside")
    if session.value_range == "0-255":
        x = lines.add(f"Mul ({x}, {lines.constant(255.0)})")
    elif session.value_range == "imagenet":
        x = lines.add(f"Sub ({x}, {lines.constant(*IMAGENET_MEAN)})")
        x = lines.add(f"Div ({x}, {lines.constant(*IMAGENET_STD)})")
    if session.channels_last:
        x = lines.add(f"Transpose <perm = [0, 2, 3, 1]> ({x})")
    if session.batch and session.batch > 1:
        copies = lines.add(f"Constant <value_ints = [{session.batch}, 1, 1, 1]> ()")
        x = lines.add(f"Expand ({x}, {copies})")
    if _TYPES[kind] == "uint8":
        x = lines.add(f"Round ({x})")
    lines.add(f"Cast <to = {kind}> ({x})", "given")
    sizes = "int64[2] sides, int64[2] inside"
    return lines.graph(_image(session, INPUT), f"{_TYPES[kind]}[a, b, c, d] given, {sizes}")


def _after(session: OnnxSession, kind: int, resizes: bool) -> str:
    """The graph from the model's output, of type ``kind``, to ``stylized``."""
    lines = _Lines("after")
    x = lines.add("Cast <to = 1> (returned)")
    if session.batch and session.batch > 1:
        first = [lines.add(f"Constant <value_ints = [{n}]> ()") for n in (0, 1)]
        x = lines.add(f"Slice ({x}, {first[0]}, {first[1]}, {first[0]})")
    if session.channels_last:
        x = lines.add(f"Transpose <perm = [0, 3, 1, 2]> ({x})")
    if session.value_range == "0-255":
        x = lines.add(f"Div ({x}, {lines.constant(255.0)})")
    elif session.value_range == "imagenet":
        x = lines.add(f"Mul ({x}, {lines.constant(*IMAGENET_STD)})")
        x = lines.add(f"Add ({x}, {lines.constant(*IMAGENET_MEAN)})")
    x = lines.clip(x)
    if not resizes:
        start, axes = (lines.add(f"Constant <value_ints = [{v}]> ()") for v in ("0, 0", "2, 3"))
        x = lines.add(f"Slice ({x}, {start}, inner, {axes})")
    if resizes or any(session.sides):
        x = lines.resize(x, "outer")
    lines.add(f"Identity ({x})", OUTPUT)
    given = f"{_TYPES.get(kind, 'float')}[a, b, c, d] returned, int64[2] outer, int64[2] inner"
    return lines.graph(given, _image(session, OUTPUT))
