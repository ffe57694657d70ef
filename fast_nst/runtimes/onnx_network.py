"""A session, which computes on arrays, as a network."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from fast_nst.filter_metadata import DEFAULTS, Binding
from fast_nst.filters.checkpoint import Filter, load_filter
from fast_nst.onnx.session import known_metadata
from fast_nst.runtimes.onnx_runtime import open_session
from fast_nst.runtimes.select import Opening, Session


class GraphNetwork(nn.Module):
    """A session used as a network; it has no parameters and no layers."""

    stride = 4  # px; a graph does not say its stride, and nearly all style networks have this one

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.bits = int(getattr(session, "bits", 16))

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) in [0, 1] to the same, on the device of ``images``."""
        array = images.detach().to("cpu", torch.float32).contiguous().numpy()
        return torch.from_numpy(self.session.run(array)).to(images.device)


def load_any(path: Path, binding: Binding = DEFAULTS) -> Filter:
    """Load a filter file, or an ONNX model from ``fast-nst export`` or ``import``, on the CPU.

    Raises:
        CheckpointError: As ``load_filter`` does, and for other programs' models.
        ConfigError: If ONNX Runtime is not installed, or there is no such style or knob.
    """
    if path.suffix.lower() != ".onnx":
        return load_filter(path, binding)
    # Any range will do: without one, the error would ask for a range, not say how to import.
    session = open_session(Opening(path, value_range="0-1"))
    metadata = known_metadata(session)
    metadata.choose(binding)
    return Filter(GraphNetwork(session), metadata)
