"""A network cut at its instance norms, so that parts of an image can be computed alone.

Between two norms, a network is local: a row of the result depends on some rows around it. So each
segment is computed strip by strip over the whole image; the statistics of the norm that ends it
are complete before the next segment begins.

Where a network can be cut is found by watching it, not written down for each: modules are asked
for one after another, and what a segment does not need is not computed but only has a shape.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from fast_nst.errors import ConfigError
from fast_nst.networks.mapped import MappedNetwork, reduce_rows
from fast_nst.networks.norm import InstanceNorm, Statistics

PROBE = 256  # px; a network whose segments see further than half of it is not local
WIDE = 32  # px

Visit = Callable[[int, Tensor], Tensor]
Reader = Callable[[int, int], Tensor]


@dataclass(frozen=True)
class Value:
    """A tensor inside the network: channels, and pixels per row of it."""

    channels: int
    stride: int


@dataclass(frozen=True)
class Segment:
    """What lies between two norms.

    Attributes:
        begin: number of the value that the last norm takes; 0, the image, for the first segment.
        end: number of the value that the next norm takes, or of the result.
        needs: values computed earlier that this segment reads.
        makes: values that it computes and later segments or the caller need, ``end`` included.
        margin: rows of the image that are read beyond those that come out right, on either side.
        bytes_per_pixel: of all tensors that are made on the way.
    """

    begin: int
    end: int
    needs: tuple[int, ...]
    makes: tuple[int, ...]
    margin: int
    bytes_per_pixel: float


class _Stop(Exception):  # noqa: N818 - nothing is wrong
    """Raised at the end of a segment."""


class SegmentedNetwork:
    """Runs the segments of a network, of which it keeps a copy.

    Values are numbered in the order in which a pass computes them: 0 is the image, then there is
    one for the input of each instance norm and one for the output of each module.

    Attributes:
        values: every value.
        segments: in order; there is one more of them than of norms.
        shares_bytes: for each pixel, of the shares of styles that vary over an image.
        min_strip: px; the network pads smaller images, so strips have at least as many rows.
        unit: px; strips begin at multiples of it, so that strides and padding fall as they do in
            the whole image.

    Raises:
        ConfigError: If the network is not local between its instance norms.
    """

    def __init__(self, network: nn.Module) -> None:
        if next(network.parameters(), None) is None:
            raise _not_local("it has no layers of PyTorch, as filter files have by engine='torch'")
        if any(getattr(module, "needs_whole_image", False) for module in network.modules()):
            raise _not_local("a part of it looks at the image as a whole")
        self.min_strip = max(int(getattr(each, "min_strip", 1)) for each in network.modules())
        self._mapped = _mapped(network)
        self.shares_bytes = sum(each.shares_bytes for each in self._mapped)
        self._real = _Watched(network)
        self._shapes_only = _Watched(network, device="meta")
        self._shapes = lru_cache(maxsize=64)(self._find_shapes)
        rows = self.shapes(PROBE, WIDE)
        self.values = [Value(shape[1], PROBE // shape[2]) for shape in rows]
        self.unit = self._find_unit()
        self.segments = self._find_segments()

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._real.device

    def shapes(self, height: int, width: int) -> list[tuple[int, ...]]:
        """The shape of each value, (1, C, h, w), for an image of that size."""
        return self._shapes(height, width)

    def begin(self, size: tuple[int, int], read: Reader) -> None:
        """Prepare for an image, where styles vary over it: they are compared on a small copy of it.

        Args:
            size: height and width of the image, px.
            read: gives the rows from the first number to the second, not included: (1, 3, h, W).
        """
        if not self._mapped:
            return
        with torch.inference_mode():
            small = reduce_rows(read, size).to(self.device)
            for network, copied in zip(self._mapped, self._real.mapped, strict=True):
                network.compare(small, size)
                copied.take_rows(0, size[0], compared=network)

    def run(
        self,
        segment: Segment,
        given: Mapping[int, Tensor],
        statistics: Statistics | None,
        size: tuple[int, int],
        place: tuple[int, int] | None = None,
    ) -> dict[int, Tensor]:
        """Compute one segment of one strip.

        Args:
            segment: one of ``segments``.
            given: the values that it needs, (1, C, h, w), for this strip.
            statistics: of ``segment.begin`` over the whole image; None for the first segment.
            size: height and width of the strip, px.
            place: the strip's first row, and the height of the whole image; a strip that is the
                whole image by default.

        Returns:
            The values that it makes. Rows within ``segment.margin`` of a border that is not the
            image's are not to be used.
        """
        shapes = self.shapes(*size)
        made: dict[int, Tensor] = {}

        def visit(number: int, value: Tensor) -> Tensor:
            if number <= segment.begin:
                return given[number] if number in given else _shape_only(shapes[number])
            if number in segment.makes:
                made[number] = value
            if number == segment.end:
                raise _Stop
            return value

        def absent(number: int) -> Tensor:
            return visit(number, _shape_only(shapes[number]))

        for network in self._real.mapped:
            network.take_rows(*(place or (0, size[0])))
        with _ShapesSpread():  # type: ignore[no-untyped-call]
            self._real.run(absent(0), visit, segment.begin, statistics)
        return made

    def _find_shapes(self, height: int, width: int) -> list[tuple[int, ...]]:
        found: list[tuple[int, ...]] = []

        def visit(_: int, value: Tensor) -> Tensor:
            found.append(tuple(value.shape))
            return value

        with torch.inference_mode():
            self._shapes_only.run(visit(0, _shape_only((1, 3, height, width))), visit)
        return found

    def _find_unit(self) -> int:
        unit = 1
        while any(
            shape[2] * value.stride != PROBE + unit
            for shape, value in zip(self.shapes(PROBE + unit, WIDE), self.values, strict=True)
        ):
            unit *= 2
            if unit > PROBE:
                raise _not_local("its layers' sizes are no fractions of the image's")
        return unit

    def _find_segments(self) -> tuple[Segment, ...]:
        parents = self._find_parents()
        last = len(parents) - 1
        cuts = [0, *self._real.norm_inputs, last]
        segments = []
        for begin, end in pairwise(cuts):
            used = {p for n in range(begin + 1, end + 1) for p in parents[n] if p <= begin}
            later = {p for n in range(end + 1, last + 1) for p in parents[n] if begin < p <= end}
            part = Segment(begin, end, tuple(sorted(used)), tuple(sorted({*later, end})), 0, 0.0)
            segments.append(self._measure_segment(part))
        return tuple(segments)

    def _find_parents(self) -> list[set[int]]:
        """For each value, those that it is computed from with no other in between."""
        leaves: list[Tensor] = []
        found: list[set[int]] = []

        def visit(_: int, value: Tensor) -> Tensor:
            parents: set[int] = set()
            if leaves:
                if not value.requires_grad:
                    raise _not_local("gradients do not pass through it")
                gradients = torch.autograd.grad(
                    value.sum(), leaves, allow_unused=True, retain_graph=True
                )
                parents = {n for n, each in enumerate(gradients) if each is not None}
            found.append(parents)
            leaves.append(value.detach().requires_grad_(True))
            return leaves[-1]

        with torch.inference_mode(False), torch.enable_grad():
            image = torch.rand(1, 3, WIDE, WIDE, device=self._real.device)
            self._real.run(visit(0, image), visit)
        return found

    def _measure_segment(self, segment: Segment) -> Segment:
        """Find the margin, by where a half of nonsense (not-a-number) spreads to, and the bytes."""
        shapes = self.shapes(PROBE, WIDE)
        margin = 0
        counted = _CountBytes()
        for lower in (False, True):
            given = {}
            for number in segment.needs:
                rows = shapes[number][2]
                value = torch.zeros(shapes[number], device=self._real.device)
                value[..., slice(rows // 2, None) if lower else slice(rows // 2), :] = torch.nan
                given[number] = value
            channels = self.values[segment.begin].channels
            plain = Statistics(torch.zeros(channels), torch.ones(channels))
            with torch.inference_mode(), counted:
                made = self.run(segment, given, plain if segment.begin else None, (PROBE, WIDE))
            for number, value in made.items():
                clean = value.isfinite().all(3).all(1)[0]
                if lower:
                    clean = clean.flip(0)
                reach = len(clean) // 2 - int(clean.sum())
                margin = max(margin, reach * self.values[number].stride)
        if margin >= PROBE // 2:
            raise _not_local("a layer other than an instance norm sees the whole image")
        margin = -(-margin // self.unit) * self.unit
        return replace(segment, margin=margin, bytes_per_pixel=counted.bytes / (2 * PROBE * WIDE))


class _Watched:
    """A copy of a network that calls ``visit`` at each value."""

    def __init__(self, network: nn.Module, device: str | None = None) -> None:
        with torch.inference_mode(False):  # or gradients could not pass through the copy
            self._network = copy.deepcopy(network).requires_grad_(False).eval()
        if device is not None:
            self._network = self._network.to(device)
        self.device = next(self._network.parameters()).device
        self.mapped = _mapped(self._network)
        for each in self.mapped:
            each.take_rows(0, 0)  # none of an image yet
        self.norm_inputs: list[int] = []
        self._ends: dict[tuple[int, int], int] = {}  # (module, number before) to that of its output
        self._next = 1
        self._visit: Visit = lambda _, value: value
        self._begin = 0
        self._statistics: Statistics | None = None
        for module in self._network.modules():
            if module is not self._network:
                module.__dict__["forward"] = self._watch(module, module.forward)

    def run(
        self,
        image: Tensor,
        visit: Visit,
        begin: int = 0,
        statistics: Statistics | None = None,
    ) -> None:
        """Pass an image through, (1, 3, H, W); ``visit`` replaces values, or stops it.

        Modules whose output is the value ``begin`` or an earlier one are not run; ``visit`` is
        asked for that output. The norm that takes ``begin`` uses ``statistics``.
        """
        self._next, self._visit, self._begin, self._statistics = 1, visit, begin, statistics
        try:
            self._value(self._network(image))
        except _Stop:
            return

    def _value(self, value: Tensor) -> Tensor:
        self._next += 1
        return self._visit(self._next - 1, value)

    def _watch(self, module: nn.Module, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def watched(*args: Any, **kwargs: Any) -> Tensor:
            call = (id(module), self._next)
            end = self._ends.get(call)
            if end is not None and end <= self._begin:
                self._next = end + 1
                return self._visit(end, args[0])
            if isinstance(module, InstanceNorm):
                output = self._normalize(module, args[0], forward)
            else:
                output = forward(*args, **kwargs)
            if not isinstance(output, Tensor) or output.ndim != 4:
                raise _not_local(f"{type(module).__name__} does not return one (B, C, H, W) tensor")
            self._ends[call] = self._next
            return self._value(output)

        return watched

    def _normalize(
        self, norm: InstanceNorm, x: Tensor, forward: Callable[[Tensor], Tensor]
    ) -> Tensor:
        number = self._next
        if number not in self.norm_inputs:
            self.norm_inputs.append(number)
        x = self._value(x)
        if number == self._begin and self._statistics is not None:
            return norm.normalize(x, self._statistics)
        return forward(x)


class _ShapesSpread(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Computes nothing but a shape from values one of which is no more than a shape.

    Where a segment needs the image for what comes later, a part that is of no concern may put it
    together with values that are not there.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = (args, kwargs or {})
        devices = {each.device.type for each in tree_leaves(given) if isinstance(each, Tensor)}
        if "meta" in devices and len(devices) > 1:
            args, kwargs = tree_map_only(Tensor, lambda each: each.to("meta"), given)
        return func(*args, **(kwargs or {}))


class _CountBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the sizes of all tensors that are made."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.device.type != "meta" and not result._is_view():
            self.bytes += result.nbytes
        return result


def _mapped(network: nn.Module) -> list[MappedNetwork]:
    return [each for each in network.modules() if isinstance(each, MappedNetwork)]


def _shape_only(shape: tuple[int, ...]) -> Tensor:
    return torch.empty(shape, device="meta")


def _not_local(why: str) -> ConfigError:
    return ConfigError(
        f"this network cannot be run on a part of an image: {why}. Run it on the whole image."
    )
