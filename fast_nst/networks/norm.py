"""Instance normalisation, for every network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPSILON = 1e-5  # added to variances


class InstanceNorm(nn.Module):
    """Normalise each channel of each picture, then scale and shift (Ulyanov et al. 2016).

    The same values as ``nn.InstanceNorm2d``, but statistics in float32 for lower-precision inputs,
    no copy where channels are last, and single pixels allowed.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        if x.device.type == "cpu" and torch.is_grad_enabled():
            # A group norm's backward pass is slow there where channels are last (torch 2.15), so
            # each picture is a batch of its own.
            return torch.cat(
                [
                    torch.batch_norm(
                        picture, self.weight, self.bias, None, None, True, 0.0, EPSILON, False
                    )
                    for picture in torch.split(x, 1)
                ]
            )
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        return torch.group_norm(x, x.shape[1], weight, bias, eps=EPSILON)
