"""The engines that run a filter: PyTorch, compiled PyTorch, and ONNX Runtime."""
