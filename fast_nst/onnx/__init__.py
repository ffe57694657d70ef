"""Networks as ONNX graphs: convert, run, wrap and compare them."""
