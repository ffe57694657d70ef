"""What computes on arrays, such as an ONNX graph, where a network is expected."""

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
    """A session that stands where a network would; it holds no parameters and no layers."""

    stride = 4  # px; nothing says it, and nearly all networks that stylize have this one

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to the same, on the device of ``images``."""
        array = images.detach().to("cpu", torch.float32).contiguous().numpy()
        return torch.from_numpy(self.session.run(array)).to(images.device)


def load_any(path: Path, binding: Binding = DEFAULTS) -> Filter:
    """Load a filter file, or an ONNX model of ``fast-nst export`` or ``import``, on the CPU.

    Raises:
        CheckpointError: As ``load_filter`` does, and for other programs' models.
        ConfigError: If ONNX Runtime is not installed, or there is no such style or knob.
    """
    if path.suffix.lower() != ".onnx":
        return load_filter(path, binding)
    # Without a range, this would be refused before it could be said how to import the model.
    session = open_session(Opening(path, value_range="0-1"))
    metadata = known_metadata(session)
    metadata.choose(binding)
    return Filter(GraphNetwork(session), metadata)
