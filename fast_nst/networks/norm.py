"""Instance norms of all networks, whose statistics can be recorded and replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-5  # added to variances
ROUNDING = 2**-20  # times a channel's mean: a smaller standard deviation is only rounding
MAX_MEAN = 8  # standard deviations; a mean beyond it is subtracted before anything is summed
STEP = 8  # px, between the rows and columns that _near_mean reads
HIDDEN = 64  # units of the layer between a norm's statistics and its scale and shift


@dataclass(frozen=True)
class Statistics:
    """What a norm subtracts and divides by.

    Attributes:
        mean: (C,) or (B, C), float32 or wider.
        var: same shape; biased (divided by the number of positions), without epsilon.
    """

    mean: Tensor
    var: Tensor


def widen(x: Tensor) -> Tensor:
    """Float32, or float64 where ``x`` is that already: a network in float64 is a reference."""
    return x if x.dtype == torch.float64 else x.float()


def measure(x: Tensor) -> Statistics:
    """Statistics of each channel of each image: (B, C, H, W) to (B, C), in float32 or wider."""
    x = widen(x)
    near = _near_mean(x)
    rest, var = _moments(x - near[..., None, None])
    return Statistics(near + rest, var)


def _near_mean(x: Tensor) -> Tensor:
    """A value near each channel's mean, (B, C), to be subtracted before anything is summed.

    In float32, the mean of a constant channel is wrong in its last digits. Subtracting it leaves
    that error in every pixel, and a norm divides the rest by as little as 0.003. Values of x - near
    are small, and so are the errors of their sums: their mean and variance are exact enough.

    The mean of every eighth row and column costs a tenth of the whole mean, and is at most 8
    standard deviations away from it, as for any 1/64 of the pixels.
    """
    x = x.detach()
    if torch.compiler.is_exporting():  # it would fix whether the slice is one pixel
        return x.mean(dim=(2, 3))
    return x[..., ::STEP, ::STEP].mean(dim=(2, 3))


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel of each image, (B, C), in float32 or wider.

    Exact if means are near zero: see _near_mean.
    """
    if x.device.type == "cpu" and not is_traced():
        # Ten times as fast as var_mean where channels are last (torch 2.14).
        found = [torch.batch_norm_update_stats(each, None, None, 0.0) for each in torch.split(x, 1)]
        return torch.stack([each[0] for each in found]), torch.stack([each[1] for each in found])
    # Only operations that every converter supports: Core ML's has no var_mean.
    mean = x.mean(dim=(2, 3))
    return mean, torch.relu(x.square().mean(dim=(2, 3)) - mean.square())


def _is_nearly_flat(mean: Tensor, var: Tensor) -> bool:
    """Whether the rounding of a channel's sums matters compared with its standard deviation."""
    return bool((mean.square() > MAX_MEAN**2 * var).any())


def inverse_std(mean: Tensor, var: Tensor) -> Tensor:
    """1 / sqrt(var + EPSILON), but 0 where the variance is no more than rounding.

    A convolution may give a constant channel pixels that differ in their last digits; each norm
    would multiply these differences by 300. Images of 8 or 16 bits have none so small.
    """
    inverse = torch.rsqrt(var + EPSILON)
    return torch.where(var > (ROUNDING * mean).square(), inverse, torch.zeros_like(inverse))


def is_traced() -> bool:
    """Whether the network is being converted or compiled, where training batch norms fail."""
    traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
    return traced or torch.compiler.is_compiling()


class InstanceNorm(nn.Module):
    """Normalize each channel of each image, then scale and shift.

    Gives the values of ``nn.InstanceNorm2d``, with these differences: statistics are in float32
    for inputs of lower precision; channels-last inputs are not copied; and inputs of a single pixel
    are allowed.

    References:
        Ulyanov et al. 2016, "Instance Normalization: The Missing Ingredient for Fast Stylization".
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        # Replaces the input's own statistics while it is set: see choose_statistics.
        self.choose: Callable[[Tensor], Statistics] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        if self.choose is not None:
            return self.normalize(x, self.choose(x))
        if x.device.type == "cpu" and torch.is_grad_enabled() and not is_traced():
            return self._train(x)
        return self._infer(x)

    def _train(self, x: Tensor) -> Tensor:
        # A group norm's backward pass is slow on CPUs where channels are last (torch 2.15), so
        # each image goes through a batch norm of its own. ``near`` needs no gradient: a norm's
        # result does not depend on it. In 16 bits it is not subtracted, as the difference would be
        # rounded, and sums of equal 16-bit values are nearly exact.
        near = _near_mean(widen(x))
        affine = self._affine_each(x, near)
        if x is widen(x):
            x = x - near[..., None, None]
        each = [
            torch.batch_norm(image, *pair, None, None, True, 0.0, EPSILON, False)
            for image, pair in zip(torch.split(x, 1), affine, strict=True)
        ]
        return each[0] if len(each) == 1 else torch.cat(each)

    def _affine_each(self, x: Tensor, near: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Scale and shift of each image, (C,) each; ``near`` is ``_near_mean(x)``."""
        return [(self.weight, self.bias)] * len(x)

    def _infer(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" and not is_traced():
            if x.is_contiguous() and x is widen(x):
                # Three times as fast where channels are first (torch 2.14).
                batch, channels, height, width = x.shape
                result, mean, inverse = torch.native_group_norm(
                    x, self.weight, self.bias, batch, channels, height * width, channels, EPSILON
                )
                if not _is_nearly_flat(mean, inverse.pow(-2) - EPSILON):
                    return result
            return self._infer_on_cpu(x)
        if x.device.type == "cuda" and not is_traced():
            # The CUDA kernel is exact by itself (Welford's algorithm).
            weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
            return torch.group_norm(x, x.shape[1], weight, bias, eps=EPSILON)
        if torch.compiler.is_exporting():  # to ONNX, as one node: see onnx/convert.py
            y = widen(x) - _near_mean(widen(x))[..., None, None]
            y = torch.group_norm(y, x.shape[1], self.weight, self.bias, eps=EPSILON)
            return y.to(x.dtype)
        return self._infer_in_steps(x)

    def _infer_in_steps(self, x: Tensor) -> Tensor:
        """Measure and normalize, by operations that every converter and compiler supports."""
        near = _near_mean(widen(x))
        y = widen(x) - near[..., None, None]
        rest, var = _moments(y)
        weight, bias = self.affine(Statistics(near + rest, var))
        scale = weight * inverse_std(near + rest, var)
        shift = bias - rest * scale
        return (y * scale[..., None, None] + shift[..., None, None]).to(x.dtype)

    def _infer_on_cpu(self, x: Tensor) -> Tensor:
        """Without gradients, on a CPU: allocates no memory except for the result."""
        y = widen(x)
        near: Tensor | float = 0.0
        rest, var = _moments(y)
        if _is_nearly_flat(rest, var):
            # Only here, as most images have no such channel and need no copy.
            near = _near_mean(y)
            y = y - near[..., None, None]
            rest, var = _moments(y)
        weight, bias = self.affine(Statistics(near + rest, var))
        scale = weight * inverse_std(near + rest, var)
        shift = bias - rest * scale
        result = None if y is x else y  # never write into the caller's tensor
        return torch.addcmul(shift[..., None, None], y, scale[..., None, None], out=result).to(
            x.dtype
        )

    def affine(self, statistics: Statistics) -> tuple[Tensor, Tensor]:
        """Scale and shift for an image with these statistics: (C,), or (B, C) as these are."""
        return self.weight, self.bias

    def normalize(self, x: Tensor, statistics: Statistics) -> Tensor:
        """Normalize with given statistics: (B, C, H, W) to the same shape."""
        statistics = Statistics(statistics.mean.to(x.device), statistics.var.to(x.device))
        weight, bias = self.affine(statistics)
        scale = weight * inverse_std(statistics.mean, statistics.var)
        # Not x * scale + shift: for a constant channel, both are large and lose digits.
        y = widen(x) - statistics.mean[..., None, None]
        return torch.addcmul(bias[..., None, None], y, scale[..., None, None]).to(x.dtype)


class AdaptiveInstanceNorm(InstanceNorm):
    """An instance norm whose scale and shift depend on the input's statistics.

    A network with fixed scales reaches a style's statistics on average over photographs; single
    photographs miss them, each in another way. Here the means and variances of the channels, which
    describe the whole image, go through two small layers and change scale and shift. At first,
    they change nothing. No gradient flows through the statistics.

    References:
        Jia et al. 2019, "Instance-level meta normalization", which takes statistics of groups of
        channels instead of single channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        # Not nn.Linear: tiling/segments.py expects modules to return images or feature maps.
        self.observe_weight = nn.Parameter(torch.empty(HIDDEN, 2 * channels))
        self.observe_bias = nn.Parameter(torch.zeros(HIDDEN))
        self.change = nn.Parameter(torch.zeros(2 * channels, HIDDEN))
        nn.init.kaiming_uniform_(self.observe_weight, a=5**0.5)

    def _affine_each(self, x: Tensor, near: Tensor) -> list[tuple[Tensor, Tensor]]:
        with torch.no_grad():
            rest, var = _moments(widen(x) - near[..., None, None])
        return list(zip(*self.affine(Statistics(near + rest, var)), strict=True))

    def _infer(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" and not is_traced():
            return self._infer_on_cpu(x)
        return self._infer_in_steps(x)

    def affine(self, statistics: Statistics) -> tuple[Tensor, Tensor]:
        """Scale and shift for an image with these statistics: (C,), or (B, C) as these are."""
        mean, var = statistics.mean.detach(), statistics.var.detach()
        # The mean relative to the channel's root mean square, in [-1, 1]; the variance's logarithm.
        place = mean * torch.rsqrt(mean.square() + var + EPSILON)
        observed = torch.cat([place, 0.25 * torch.log(var + EPSILON)], dim=-1)
        hidden = torch.relu(F.linear(observed, self.observe_weight, self.observe_bias))
        scale, shift = widen(F.linear(hidden, self.change)).chunk(2, dim=-1)
        return self.weight * (1 + scale), self.bias + shift

    @torch.no_grad()
    def grow_from(self, small: AdaptiveInstanceNorm) -> None:
        """Copy a narrower norm's layers for the first channels; the others have no effect yet."""
        channels, old = len(self.weight), len(small.weight)
        self.observe_bias.copy_(small.observe_bias)
        self.observe_weight.zero_()
        self.change.zero_()
        for half in range(2):  # means and variances; scales and shifts
            mine = slice(half * channels, half * channels + old)
            theirs = slice(half * old, (half + 1) * old)
            self.observe_weight[:, mine] = small.observe_weight[:, theirs]
            self.change[mine] = small.change[theirs]


@contextmanager
def choose_statistics(
    network: nn.Module, choose: Callable[[str, Tensor], Statistics]
) -> Iterator[None]:
    """Inside the ``with``, let ``choose`` give the statistics that each instance norm uses.

    Each forward pass calls it with the norm's name (as in ``network.named_modules()``) and input,
    (B, C, H, W). Outside the ``with``, and in saved files, the network does not change.
    """
    norms = {name: each for name, each in network.named_modules() if isinstance(each, InstanceNorm)}
    before = {name: norm.choose for name, norm in norms.items()}
    try:
        for name, norm in norms.items():
            norm.choose = lambda x, name=name: choose(name, x)
        yield
    finally:
        for name, norm in norms.items():
            norm.choose = before[name]


@contextmanager
def record_statistics(network: nn.Module) -> Iterator[dict[str, Statistics]]:
    """Record the statistics of each instance norm; the network's results do not change.

    Yields:
        Statistics of shape (B, C) by the norm's name, replaced by each forward pass.
    """
    found: dict[str, Statistics] = {}

    def record(name: str, x: Tensor) -> Statistics:
        found[name] = measure(x)
        return found[name]

    with choose_statistics(network, record):
        yield found


@contextmanager
def use_statistics(network: nn.Module, statistics: Mapping[str, Statistics]) -> Iterator[None]:
    """Normalize with given statistics, by the norm's name, instead of the input's own.

    Then a pixel of the result depends only on its surroundings: tiles of an image can be computed
    separately, and frames of a video keep their colors.

    Example:
        >>> with record_statistics(network) as statistics:
        ...     network(small)
        >>> with use_statistics(network, statistics):
        ...     tiles = [network(tile) for tile in large_tiles]
    """
    with choose_statistics(network, lambda name, _: statistics[name]):
        yield
