"""Instance normalisation, for every network, with its statistics within reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-5  # added to variances
ROUNDING = 2**-20  # of a channel's mean: deviations that are not its own
MAX_MEAN = (
    4  # standard deviations, that a mean may be from zero where sums are of the channel itself
)
STEP = 8  # px, between the pixels of which _near_mean is the mean
HIDDEN = 64  # units between a norm's statistics and what they change


@dataclass(frozen=True)
class Statistics:
    """What a norm subtracts and divides by.

    Attributes:
        mean: (C,) or (B, C), float32.
        var: likewise, biased (divided by the number of positions), without epsilon.
    """

    mean: Tensor
    var: Tensor


def measure(x: Tensor) -> Statistics:
    """The statistics of each channel of each picture: (B, C, H, W) to (B, C), in float32."""
    x = x.float()
    near = _near_mean(x)
    rest, var = _moments(x - near[..., None, None])
    return Statistics(near + rest, var)


def _near_mean(x: Tensor) -> Tensor:
    """Something near each channel's mean, (B, C), to be subtracted before anything is summed.

    Of a channel that is the same everywhere, sums in float32 give a mean that is wrong by some of
    its last digits, and a norm divides what that leaves of the channel by as little as 0.003. Of
    what is small, the last digits are too: x - near has an exact mean, and variance.

    A mean of every eighth row and column is never further from the mean of all than 8 standard
    deviations, as no 1/64 of the pixels can be, and costs a tenth of it.
    """
    x = x.detach()
    if torch.compiler.is_exporting():  # of a slice, it insists on knowing whether it is one pixel
        return x.mean(dim=(2, 3))
    return x[..., ::STEP, ::STEP].mean(dim=(2, 3))


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel of each picture, (B, C), of float32.

    Exact as far as means are near zero: see _near_mean.
    """
    if x.device.type == "cpu" and not _is_traced():
        # Both are ten times as fast as var_mean (torch 2.14), each with its own layout only.
        if x.is_contiguous():
            _, mean, inverse = _group_norm(x, None, None)
            return mean, torch.relu(inverse.pow(-2) - EPSILON)
        found = [torch.batch_norm_update_stats(each, None, None, 0.0) for each in torch.split(x, 1)]
        return torch.stack([each[0] for each in found]), torch.stack([each[1] for each in found])
    # In steps that every converter knows: Core ML's has no var_mean.
    mean = x.mean(dim=(2, 3))
    return mean, torch.relu(x.square().mean(dim=(2, 3)) - mean.square())


def _group_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """PyTorch's norm of each channel: the result, and what it found, (B, C) each.

    That is the mean, and what it multiplied by: 1 / sqrt(var + EPSILON).
    """
    batch, channels, height, width = x.shape
    found: tuple[Tensor, Tensor, Tensor] = torch.native_group_norm(
        x, weight, bias, batch, channels, height * width, channels, EPSILON
    )
    return found


def _is_nearly_flat(mean: Tensor, var: Tensor) -> bool:
    """Whether what a channel's sums were rounded by counts beside its deviation."""
    return bool((mean.square() > MAX_MEAN**2 * var).any())


def _inverse_std(mean: Tensor, var: Tensor) -> Tensor:
    """What centered values are multiplied by; 0 where rounding explains all that they are.

    Pixels of what should be the same everywhere may come out of a convolution with other last
    digits, which each norm of a network would make 300 times as much of. Nothing that 8 or 16 bits
    can hold is so faint.
    """
    apparent = torch.rsqrt(var + EPSILON)
    return torch.where(var > (ROUNDING * mean).square(), apparent, torch.zeros_like(apparent))


def _is_traced() -> bool:
    """Whether a network is converted or compiled, for what does not know batch norms that train."""
    traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
    return traced or torch.compiler.is_compiling()


class InstanceNorm(nn.Module):
    """Normalise each channel of each picture, then scale and shift (Ulyanov et al. 2016).

    The same values as ``nn.InstanceNorm2d``, but statistics in float32 for lower-precision inputs,
    no copy where channels are last, and single pixels allowed.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        # Where statistics come from if not from the input alone: see choose_statistics.
        self.choose: Callable[[Tensor], Statistics] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        if self.choose is not None:
            return self.normalize(x, self.choose(x))
        if x.device.type == "cpu" and torch.is_grad_enabled() and not _is_traced():
            return self._train(x)
        return self._infer(x)

    def _train(self, x: Tensor) -> Tensor:
        # A group norm's backward pass is slow on CPUs where channels are last (torch 2.15), so
        # each picture is a batch of its own. What is subtracted takes no part in the gradient:
        # a norm's result does not depend on it. In 16 bits, the difference would be rounded, and
        # a sum of equal numbers has no rounding to speak of.
        near = _near_mean(x.float())
        affine = self._affine_each(x, near)
        if x.dtype == torch.float32:
            x = x - near[..., None, None]
        each = [
            torch.batch_norm(picture, *pair, None, None, True, 0.0, EPSILON, False)
            for picture, pair in zip(torch.split(x, 1), affine, strict=True)
        ]
        return each[0] if len(each) == 1 else torch.cat(each)

    def _affine_each(self, x: Tensor, near: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Scale and shift of each picture, (C,); ``near`` is ``_near_mean(x)``."""
        return [(self.weight, self.bias)] * len(x)

    def _infer(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" and not _is_traced():
            if x.is_contiguous() and x.dtype == torch.float32:
                result, mean, inverse = _group_norm(x, self.weight, self.bias)
                if not _is_nearly_flat(mean, inverse.pow(-2) - EPSILON):
                    return result
            return self._infer_on_cpu(x)
        if x.device.type == "cuda" and not _is_traced():
            # There, the kernel itself is exact (Welford's algorithm).
            weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
            return torch.group_norm(x, x.shape[1], weight, bias, eps=EPSILON)
        if torch.compiler.is_exporting():  # to ONNX, as one node: see onnx/convert.py
            y = x.float() - _near_mean(x.float())[..., None, None]
            y = torch.group_norm(y, x.shape[1], self.weight, self.bias, eps=EPSILON)
            return y.to(x.dtype)
        return self._infer_in_steps(x)

    def _infer_in_steps(self, x: Tensor) -> Tensor:
        """As measure and normalize, in steps that every converter and compiler knows."""
        near = _near_mean(x.float())
        y = x.float() - near[..., None, None]
        rest, var = _moments(y)
        weight, bias = self.affine(Statistics(near + rest, var))
        scale = weight * _inverse_std(near + rest, var)
        shift = bias - rest * scale
        return (y * scale[..., None, None] + shift[..., None, None]).to(x.dtype)

    def _infer_on_cpu(self, x: Tensor) -> Tensor:
        """Without gradients, on a CPU: no memory is taken but for the result."""
        y = x.float()
        near: Tensor | float = 0.0
        rest, var = _moments(y)
        if _is_nearly_flat(rest, var):
            # Most pictures have no such channel, and are spared this copy.
            near = _near_mean(y)
            y = y - near[..., None, None]
            rest, var = _moments(y)
        weight, bias = self.affine(Statistics(near + rest, var))
        scale = weight * _inverse_std(near + rest, var)
        shift = bias - rest * scale
        result = None if y is x else y  # the caller's features stay as they are
        return torch.addcmul(shift[..., None, None], y, scale[..., None, None], out=result).to(
            x.dtype
        )

    def affine(self, statistics: Statistics) -> tuple[Tensor, Tensor]:
        """Scale and shift for a picture with these statistics: (C,), or (B, C) as these are."""
        return self.weight, self.bias

    def normalize(self, x: Tensor, statistics: Statistics) -> Tensor:
        """Normalise with given statistics: (B, C, H, W) to the same."""
        statistics = Statistics(statistics.mean.to(x.device), statistics.var.to(x.device))
        weight, bias = self.affine(statistics)
        scale = weight * _inverse_std(statistics.mean, statistics.var)
        # Not one product and one sum: of a channel that is the same everywhere, both are large.
        y = x.float() - statistics.mean[..., None, None]
        return torch.addcmul(bias[..., None, None], y, scale[..., None, None]).to(x.dtype)


class AdaptiveInstanceNorm(InstanceNorm):
    """An instance norm whose scale and shift follow the statistics that it takes away.

    A network with fixed scales meets a style's statistics on average over photographs; each
    photograph departs from that in its own way. Here what a norm knows of the whole picture, its
    channels' means and variances, goes through two small layers and changes scale and shift. At
    first, it changes nothing.

    Source: Jia et al. 2019, "Instance-level meta normalization", with the statistics themselves
    where they take those of groups of channels. No gradient flows through what is observed.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        # No modules: their results would be no pictures (see tiling/segments.py).
        self.observe_weight = nn.Parameter(torch.empty(HIDDEN, 2 * channels))
        self.observe_bias = nn.Parameter(torch.zeros(HIDDEN))
        self.change = nn.Parameter(torch.zeros(2 * channels, HIDDEN))
        nn.init.kaiming_uniform_(self.observe_weight, a=5**0.5)

    def _affine_each(self, x: Tensor, near: Tensor) -> list[tuple[Tensor, Tensor]]:
        with torch.no_grad():
            rest, var = _moments(x.float() - near[..., None, None])
        return list(zip(*self.affine(Statistics(near + rest, var)), strict=True))

    def _infer(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" and not _is_traced():
            return self._infer_on_cpu(x)
        return self._infer_in_steps(x)

    def affine(self, statistics: Statistics) -> tuple[Tensor, Tensor]:
        """Scale and shift for a picture with these statistics: (C,), or (B, C) as these are."""
        mean, var = statistics.mean.detach(), statistics.var.detach()
        # The mean in units of the channel's own size, in [-1, 1]; the variance by its logarithm.
        place = mean * torch.rsqrt(mean.square() + var + EPSILON)
        observed = torch.cat([place, 0.25 * torch.log(var + EPSILON)], dim=-1)
        hidden = torch.relu(F.linear(observed, self.observe_weight, self.observe_bias))
        scale, shift = F.linear(hidden, self.change).float().chunk(2, dim=-1)
        return self.weight * (1 + scale), self.bias + shift

    @torch.no_grad()
    def grow_from(self, small: AdaptiveInstanceNorm) -> None:
        """Change what ``small`` changes of the first channels, whatever those after them are."""
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
    """Let ``choose`` decide, inside the ``with``, what every instance norm of a network uses.

    It is called in each forward pass with the norm's name (as in ``network.named_modules()``) and
    input, (B, C, H, W). What the network does outside, and what is saved of it, does not change.
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
    """Record what the instance norms see; what comes out of the network stays the same.

    Yields:
        By the norms' names, filled by each forward pass: statistics of shape (B, C).
    """
    found: dict[str, Statistics] = {}

    def record(name: str, x: Tensor) -> Statistics:
        found[name] = measure(x)
        return found[name]

    with choose_statistics(network, record):
        yield found


@contextmanager
def use_statistics(network: nn.Module, statistics: Mapping[str, Statistics]) -> Iterator[None]:
    """Normalise with given statistics, whatever the input; by name, as they were recorded.

    With these fixed, a pixel of the result depends on its surroundings only: parts of a picture
    can be computed alone, and frames of a video keep their colors.
    """
    with choose_statistics(network, lambda name, _: statistics[name]):
        yield
