#!/usr/bin/env bash
# Instance norm of a flat channel is not its bias.
#
# Versions: onnxruntime 1.32.0, onnx 1.20.0 (its reference), openvino 2026.4.1; Linux, x86-64.
#
# What happens: InstanceNormalization (scale 2, bias 0.25, epsilon 1e-5) of a channel of 64x64
# equal values gives something else than the bias, and the more so the larger the value is. The
# errors fit a mean that is summed in float32: its rounding is divided by sqrt(epsilon), 0.003.
# Below about 1 nothing is seen; features of a network that takes 0 to 255 reach thousands.
#
# Expected: x - mean is 0 where all x are equal, so that the result is the bias, 0.25. Whoever
# sums in float64, or takes the mean of x - x[0], gets that.
#
# Seen:
#     value   onnxruntime  onnx reference  openvino
#       0.1        0.2503          0.2500    0.2498
#     100.1        0.0078          0.2597    0.4039
#    1000.1        1.8750          0.3271    1.4722
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
from onnx.reference import ReferenceEvaluator

shape = [1, 1, 64, 64]
node = helper.make_node("InstanceNormalization", ["x", "scale", "bias"], ["y"], epsilon=1e-5)
graph = helper.make_graph(
    [node],
    "flat",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    [
        helper.make_tensor("scale", TensorProto.FLOAT, [1], [2.0]),
        helper.make_tensor("bias", TensorProto.FLOAT, [1], [0.25]),
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, "flat.onnx")

session = onnxruntime.InferenceSession("flat.onnx", providers=["CPUExecutionProvider"])
reference = ReferenceEvaluator(model)
compiled = openvino.Core().compile_model("flat.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

print("  value   onnxruntime  onnx reference  openvino")
for value in (0.1, 100.1, 1000.1):
    x = np.full(shape, value, np.float32)
    results = [session.run(None, {"x": x})[0], reference.run(None, {"x": x})[0], compiled(x)[0]]
    seen = [float(result[0, 0, 0, 0]) for result in results]
    print(f"{value:7.1f} {seen[0]:13.4f} {seen[1]:15.4f} {seen[2]:9.4f}")
# Which value comes out depends on the order of the sum, and so on the processor.
as_described = all(abs(each - 0.25) > 0.01 for each in seen)

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
