"""ONNX graphs where networks are wanted."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from fast_nst.filters.checkpoint import Filter, load_filter
from fast_nst.onnx.session import OnnxSession, known_metadata


class GraphNetwork(nn.Module):
    """An ONNX graph that stands where a network would; it holds no parameters and no layers."""

    stride = 4  # px; nothing says it, and nearly all networks that stylize have this one

    def __init__(self, session: OnnxSession) -> None:
        super().__init__()
        self.session = session

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to the same, on the device of ``images``."""
        array = images.detach().to("cpu", torch.float32).contiguous().numpy()
        return torch.from_numpy(self.session.run(array)).to(images.device)


def load_any(path: Path) -> Filter:
    """Load a filter file, or an ONNX model of ``fast-nst export`` or ``import``, on the CPU.

    Raises:
        CheckpointError: As ``load_filter`` does, and for other programs' models.
        ConfigError: If ONNX Runtime is not installed.
    """
    if path.suffix.lower() != ".onnx":
        return load_filter(path)
    session = OnnxSession(path, values="0-1")
    return Filter(GraphNetwork(session), known_metadata(session))
