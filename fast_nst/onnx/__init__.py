"""Networks as ONNX graphs: made, run, wrapped and compared."""
