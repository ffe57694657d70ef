"""What computes a filter: PyTorch, as it is or compiled, or ONNX Runtime."""
