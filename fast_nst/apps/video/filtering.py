"""What videos and cameras need of a filter, and how one frame goes through it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from fast_nst.apps.video.color import DEEP_WHITE, RGB
from fast_nst.errors import VideoError, is_out_of_memory
from fast_nst.image.eight_bit import from_bytes, to_bytes


class FrameFilter(Protocol):
    """Repaints the frames of one clip, one call after the other, in their order.

    A :class:`~fast_nst.Stylizer` is one. Another may keep what it needs of earlier frames, as
    :class:`~fast_nst.apps.video.steady.Steady` does, which is created again for each clip.
    """

    @property
    def device(self) -> torch.device:
        """The device that frames must be on."""
        ...

    def __call__(self, frame: Tensor, /) -> Tensor:
        """Repaint (3, H, W), float32 in [0, 1], on ``device``; the result is the same kind."""
        ...


class Controlled:
    """A stylizer with controls such as ``strength``, as a filter of frames.

    Args:
        stylizer: called as ``stylizer(frame, **controls)``.
        controls: what :class:`~fast_nst.Stylizer` takes besides an image.
    """

    def __init__(self, stylizer: Any, controls: Mapping[str, Any]) -> None:
        self._stylizer = stylizer
        self._controls = dict(controls)

    @property
    def device(self) -> torch.device:
        """The device that frames must be on."""
        device: torch.device = self._stylizer.device
        return device

    @property
    def network(self) -> nn.Module | None:
        """The network, whose statistics may be carried from frame to frame."""
        return getattr(self._stylizer, "network", None)

    def __call__(self, frame: Tensor, /) -> Tensor:
        """Repaint (3, H, W)."""
        result: Tensor = self._stylizer(frame, **self._controls)
        return result


def filter_frame(filter_: FrameFilter, rgb: RGB, *, deep: bool = False) -> RGB:
    """Send one frame through a filter.

    Args:
        filter_: the filter.
        rgb: (H, W, 3), of 8 or 16 bits; it is not changed.
        deep: whether the result is of 16 bits, rounded once, from what the filter computed.

    Returns:
        The same shape, of 8 bits without ``deep``.

    Raises:
        ValueError: If the filter returns another shape.
        VideoError: If the frame is too large for the memory.
    """
    try:
        pixels = torch.from_numpy(rgb.transpose(2, 0, 1)).to(filter_.device)
        if rgb.dtype == np.uint8:
            frame = from_bytes(pixels)
        else:
            frame = pixels.float().mul_(1 / DEEP_WHITE).clamp_(max=1)
        result = filter_(frame)
        if result.shape != frame.shape:
            raise ValueError(
                f"the filter returned {tuple(result.shape)}; expected {tuple(frame.shape)}."
            )
        result = result.detach()
        if deep:
            scaled = (result * DEEP_WHITE).round_().clamp_(0, DEEP_WHITE).to(torch.uint16)
        else:
            scaled = to_bytes(result)
        planes: RGB = scaled.contiguous().cpu().numpy()
        return planes.transpose(1, 2, 0)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        height, width = rgb.shape[:2]
        raise VideoError(
            f"a frame of {width}x{height} px does not fit in memory. "
            "Use a smaller copy, or another device."
        ) from error
