#!/usr/bin/env bash
# ONNX's version converter changes what a linear Resize or Upsample computes.
#
# Versions: onnx 1.20.0, onnxruntime 1.32.0.
#
# What happens: version_converter.convert_version(model, 11) turns Upsample (opset 9) and Resize
# (opset 10) with mode "linear" into a Resize that names no coordinate_transformation_mode. From
# opset 11 on the default of that is "half_pixel"; before, pixels were placed "asymmetric"ally,
# and ONNX Runtime (and OpenVINO 2026.4) still compute old models so. Images move by up to half
# a pixel at each such layer, and nothing is said. "nearest" comes out the same.
#
# Expected: a converted model computes what the model did: coordinate_transformation_mode is
# "asymmetric" in it.
#
# Seen, for [1, 2] enlarged by 2:
#     opset 10                 [1.  1.5  2.   2.]
#     converted to opset 11    [1.  1.25 1.75 2.]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --disable-pip-version-check -q \
    numpy==2.4.6 onnx==1.20.0 onnxruntime==1.32.0 || exit 2
venv/bin/python - <<'PY'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, version_converter

graph = helper.make_graph(
    [helper.make_node("Resize", ["x", "scales"], ["y"], mode="linear")],
    "resize",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, 2])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 1, 4])],
    [helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, 1.0, 1.0, 2.0])],
)
old = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 10)], ir_version=8)
onnx.checker.check_model(old, full_check=True)
new = version_converter.convert_version(old, 11)
onnx.checker.check_model(new, full_check=True)

x = np.array([[[[1, 2]]]], np.float32)
rows = []
for name, model in (("opset 10", old), ("converted to opset 11", new)):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    rows.append(session.run(None, {"x": x})[0].ravel())
    print(f"{name:24} {rows[-1]}")
as_described = np.allclose(rows[0], [1, 1.5, 2, 2]) and np.allclose(rows[1], [1, 1.25, 1.75, 2])

if not as_described:
    sys.exit("changed: this is not what the head of this file describes")
PY
