#!/usr/bin/env bash
# OpenVINO leaves out the antialiasing of ONNX's Resize.
#
# Versions: openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.20.0.
#
# What happens: Resize (opset 18) with antialias=1, linear or cubic, is computed on the CPU as if
# the attribute were 0. Images made smaller alias. The model loads without an error or a
# warning.
#
# Expected: the antialiased result, as of ONNX Runtime and of ONNX's reference; or an error that
# says that the attribute is not supported.
#
# Seen, 9x7 random values in [0, 1] made 4x3, largest differences:
#             openvino with - without   openvino - onnxruntime, without   with
#     linear                   0.0000                            0.0000   0.2035
#     cubic                    0.0000                            0.0000   0.3143
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q \
    numpy==2.4.6 onnx==1.20.0 onnxruntime==1.32.0 openvino==2026.4.1 || exit 2
venv/bin/python - <<'PY'
import sys

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper

x = np.random.default_rng(0).random((1, 1, 9, 7), dtype=np.float32)
small = [1, 1, 4, 3]


def resized(mode: str, antialias: int) -> list[np.ndarray]:
    """What OpenVINO and ONNX Runtime make of it."""
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode=mode, antialias=antialias)
    graph = helper.make_graph(
        [node],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, small)],
        [helper.make_tensor("sizes", TensorProto.INT64, [4], small)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "resize.onnx")
    options = {"INFERENCE_PRECISION_HINT": "f32"}  # else bfloat16, where the processor has it
    compiled = openvino.Core().compile_model("resize.onnx", "CPU", options)
    session = onnxruntime.InferenceSession("resize.onnx", providers=["CPUExecutionProvider"])
    return [compiled(x)[0], session.run(None, {"x": x})[0]]


as_described = True
print("        openvino with - without   openvino - onnxruntime, without   with")
for mode in ("linear", "cubic"):
    plain, antialiased = resized(mode, 0), resized(mode, 1)
    ignored = np.abs(antialiased[0] - plain[0]).max()
    without = np.abs(plain[0] - plain[1]).max()
    with_it = np.abs(antialiased[0] - antialiased[1]).max()
    print(f"{mode:7} {ignored:23.4f} {without:33.4f} {with_it:8.4f}")
    as_described &= ignored == 0 and without < 1e-4 and with_it > 0.1

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
