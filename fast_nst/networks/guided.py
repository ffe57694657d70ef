"""Networks that look at the whole image once, and then change each pixel by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn

from fast_nst.networks.layers import TransformationNetwork


class GuidedNetwork(TransformationNetwork):
    """Base class of networks that look at the whole image once, and then treat each pixel alone.

    What they see of the image is a sum over its rows, so an image can be looked at, and later
    repainted, a few rows at a time, with the result of the whole.

    Attributes:
        choose: replaces what was predicted while it is set: see :func:`choose_guides`.
    """

    stride = 1
    multiple = 1
    min_side = 1
    needs_whole_image = True  # cannot be cut by what it computes: see tiling/strips.py

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__(width, blocks)
        self.choose: Callable[[Tensor], Tensor] | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Change (B, 3, H, W), RGB in [0, 1], of any size from 1x1; the same shape and range."""
        height = images.shape[-2]
        guide = self.predict(self.look(images, 0, height))
        if self.choose is not None:
            guide = self.choose(guide)
        return self.render(images, guide, 0, height)

    def look(self, rows: Tensor, top: int, height: int) -> Tensor:
        """What some rows add to what is seen of the image; of all rows, the sum is used.

        Args:
            rows: (B, 3, h, W), RGB in [0, 1].
            top: number of the first of them in the image, whose height is ``height``.
            height: of the image, px.
        """
        raise NotImplementedError

    def predict(self, seen: Tensor) -> Tensor:
        """From what is seen to what guides :meth:`render`; the batch is the first axis of both."""
        raise NotImplementedError

    def render(self, rows: Tensor, guide: Tensor, top: int, height: int) -> Tensor:
        """Change some rows; ``guide`` is of :meth:`predict`, all else as for :meth:`look`."""
        raise NotImplementedError


@contextmanager
def choose_guides(network: nn.Module, choose: Callable[[str, Tensor], Tensor]) -> Iterator[None]:
    """Inside the ``with``, let ``choose`` replace what each :class:`GuidedNetwork` predicted.

    Each forward pass calls it with the module's name (as in ``network.named_modules()``) and what
    the module predicted.
    """
    guided = {
        name: each for name, each in network.named_modules() if isinstance(each, GuidedNetwork)
    }
    before = {name: each.choose for name, each in guided.items()}
    try:
        for name, each in guided.items():
            each.choose = partial(choose, name)
        yield
    finally:
        for name, each in guided.items():
            each.choose = before[name]
