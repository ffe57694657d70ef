"""A network compiled by PyTorch, once for each image size."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import FilterMetadata
from fast_nst.filters.checkpoint import load_filter
from fast_nst.hardware import fast_bf16, find_device
from fast_nst.networks import TransformationNetwork
from fast_nst.networks.guided import GuidedNetwork
from fast_nst.networks.norm import InstanceNorm
from fast_nst.paths import cache_dir
from fast_nst.runtimes.select import Opening, check_range

MAX_SIZES = 256  # image sizes for which one network may be compiled


def open_network(opening: Opening) -> tuple[nn.Module, FilterMetadata, torch.device]:
    """Load a filter's network to be compiled; see :class:`~fast_nst.runtimes.select.Engine`."""
    check_range(opening.path, opening.value_range)
    device = find_device(opening.device)
    trained = load_filter(opening.path, opening.binding)
    network = CompiledNetwork(trained.network.to(device), on_compile=opening.on_compile)
    return network, trained.metadata, device


class CompiledNetwork(nn.Module):
    """A network that ``torch.compile`` compiles when an input shape comes for the first time.

    Compiling takes seconds to minutes. The code is kept in the user's cache and serves all filters
    with the same network. If compiling fails, that is an error: there is no uncompiled fallback.

    Args:
        network: maps (B, 3, H, W) in [0, 1] to the same; in evaluation mode, and on its device. It
            is changed: its weights are converted to ``dtype``.
        dtype: float32, or bfloat16, where the difference is too small to see; None for bfloat16
            where the hardware is fast at it, else float32.
        on_compile: called before each compilation with the height and width, px.

    It has no parameters of its own, so that no other code tries to train it or to cut it into
    segments.
    """

    def __init__(
        self,
        network: nn.Module,
        dtype: torch.dtype | None = None,
        on_compile: Callable[[int, int], None] | None = None,
    ) -> None:
        super().__init__()
        device = next(network.parameters()).device
        if dtype is None:
            dtype = torch.bfloat16 if fast_bf16(device) else torch.float32
        self.dtype = dtype
        self.bits = 8 if dtype == torch.bfloat16 else 16  # per channel of what it paints
        self.on_compile = on_compile
        network = network.eval().requires_grad_(False)
        network = network.to(memory_format=torch.channels_last)
        _compute_in(network, dtype)

        def run(images: Tensor) -> Tensor:
            stylized: Tensor = network(images)
            return stylized

        # PyTorch reads this when the process compiles its first network.
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_dir() / "compiled"))
        self._run = torch.compile(run, fullgraph=True, dynamic=False)
        self._compiled: set[torch.Size] = set()

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) in [0, 1] to the same, float32, on the network's device.

        Raises:
            ConfigError: If it cannot be compiled, for example without a C++ compiler.
        """
        with torch.inference_mode():
            # Other layouts, and tensors made outside inference mode, would each be compiled for
            # again. So all become channels-last, as video frames are, and inference tensors.
            if images.is_inference():
                images = images.contiguous(memory_format=torch.channels_last)
            else:
                images = images.clone(memory_format=torch.channels_last)
            if images.shape in self._compiled:
                return self._run(images)
            if self.on_compile is not None:
                self.on_compile(images.shape[-2], images.shape[-1])
            with _compiling():
                result = self._run(images)
        self._compiled.add(images.shape)
        return result


def _compute_in(network: nn.Module, dtype: torch.dtype) -> None:
    """Let a network's layers compute in ``dtype``, without losing what images of low contrast show.

    In bfloat16, a number has 8 bits: what the first convolution makes of a fade varies by less than
    the last of them, and the norm behind it would multiply what rounding has left. After a norm,
    every image has contrast.
    """
    exact: set[nn.Module] = set()
    for each in network.modules():
        if not isinstance(each, TransformationNetwork):
            continue
        if isinstance(each, GuidedNetwork):  # its result has the image's own fine steps
            exact.update(each.modules())
            continue
        # Every network creates its first layers in the order in which it calls them.
        layers = [m for m in each.modules() if isinstance(m, nn.Conv2d | InstanceNorm)]
        norm = next((layer for layer in layers if isinstance(layer, InstanceNorm)), None)
        if each.ignores_mean:
            layers[0].register_forward_pre_hook(lambda _, images: _centered(*images).to(dtype))
        elif norm is not None:
            exact.update(layers[: layers.index(norm)])
            for layer in layers:  # as a network may have one first norm for each style
                if isinstance(layer, InstanceNorm):
                    layer.register_forward_hook(lambda _, __, result: result.to(dtype))
        else:
            each.register_forward_pre_hook(lambda _, images: images[0].to(dtype))
    for module in network.modules():
        if module not in exact and not isinstance(module, InstanceNorm):  # float32 anyway
            for value in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
                value.data = value.data.to(dtype)


def _centered(images: Tensor) -> Tensor:
    """Subtract each color's mean: (B, 3, H, W) to the same."""
    return images - images.mean(dim=(2, 3), keepdim=True)


@contextmanager
def _compiling() -> Iterator[None]:
    """Allow many sizes, silence the compilers' warnings, and turn a failure into one error."""
    from torch._dynamo import config
    from torch._dynamo.exc import TorchDynamoException

    logger = logging.getLogger("torch.utils.cpp_extension")  # warns that there is no CUDA
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        # By default, PyTorch stops compiling after 8 sizes.
        with config.patch(recompile_limit=MAX_SIZES):
            yield
    except TorchDynamoException as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0].rstrip(".") if lines else "it gives no reason"
        raise ConfigError(
            f"PyTorch cannot compile here ({reason}). "
            "Install a C++ compiler, such as g++, or use --engine torch."
        ) from error
    finally:
        logger.setLevel(level)
