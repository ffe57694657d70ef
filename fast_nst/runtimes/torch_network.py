"""The engine ``torch``: a filter's network, not compiled."""

from __future__ import annotations

import torch
from torch import nn

from fast_nst.filter_metadata import FilterMetadata
from fast_nst.filters.checkpoint import load_filter
from fast_nst.runtimes.select import Opening, check_range


def open_network(opening: Opening) -> tuple[nn.Module, FilterMetadata, str | torch.device]:
    """Load a filter's network; see :class:`~fast_nst.runtimes.select.Engine`."""
    check_range(opening.path, opening.value_range)
    trained = load_filter(opening.path, opening.binding)
    return trained.network, trained.metadata, opening.device
