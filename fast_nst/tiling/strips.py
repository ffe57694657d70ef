"""Stylize images of any size in a fixed amount of memory, as if they were computed whole.

An image is computed in tiles as wide as itself (strips), one segment of the network after the
other: see :mod:`fast_nst.tiling.segments`. The statistics of each instance norm are those of
the whole image, and what lies between two segments waits on disk. A network that looks at the
image first and then treats each pixel alone (``GuidedNetwork``) needs no segments: the strips are
gone through twice.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from fast_nst.errors import ConfigError
from fast_nst.networks.guided import GuidedNetwork
from fast_nst.networks.norm import Statistics
from fast_nst.tiling.scratch import RowStore
from fast_nst.tiling.segments import Reader, Segment, SegmentedNetwork

MIN_ROWS = 32  # of a strip: networks pad images that are smaller than their layers can take
MAX_STRIP_PIXELS = 4 << 20  # px; larger strips are no faster
GUIDED_BYTES = 64  # per px of a strip: what goes in and comes out of a GuidedNetwork, with copies
GUIDED_BLOCK = 60e6  # bytes that it takes besides, for what it computes at a time
_UNITS = {"kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


CutNetwork = SegmentedNetwork | GuidedNetwork
Writer = Callable[[int, Tensor], None]


@dataclass(frozen=True)
class TileProgress:
    """Progress on an image: ``done`` of ``total`` parts of about equal work."""

    done: int
    total: int


@dataclass
class StreamedMoments:
    """Mean and variance of each channel, of a tensor that comes in parts."""

    count: int = 0
    mean: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    squares: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))

    def add(self, part: Tensor) -> None:
        """Take in another (1, C, h, w).

        References:
            Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance", (2.1).
        """
        count = part.shape[2] * part.shape[3]
        var, mean = torch.var_mean(part.float(), dim=(0, 2, 3), correction=0)
        var, mean = var.double().cpu(), mean.double().cpu()
        both = self.count + count
        shift = mean - self.mean
        self.squares = self.squares + var * count + shift.square() * (self.count * count / both)
        self.mean = self.mean + shift * (count / both)
        self.count = both

    def statistics(self) -> Statistics:
        """Statistics of all parts so far."""
        return Statistics(self.mean.float(), (self.squares / self.count).float())


def cut_network(network: nn.Module) -> CutNetwork:
    """A network in the form that can be computed in strips.

    Raises:
        ConfigError: If there is none.
    """
    return network if isinstance(network, GuidedNetwork) else SegmentedNetwork(network)


def stylize_rows(
    network: nn.Module | CutNetwork,
    size: tuple[int, int],
    read: Reader,
    write: Writer,
    *,
    memory: float,
    on_progress: Callable[[TileProgress], None] | None = None,
) -> None:
    """Stylize an image that is read and written by rows.

    Args:
        network: maps (1, 3, H, W) in [0, 1] to the same, and is local but for its instance norms,
            or is a ``GuidedNetwork``.
        size: height and width, px.
        read: gives the rows from the first number to the second, not included: (1, 3, h, W) in
            [0, 1]. It is asked for rows more than once.
        write: takes the number of a row, and finished rows from there on, likewise. Each row
            comes once, from the top down.
        memory: bytes that the computation may take, besides what the process already holds.
        on_progress: called after each strip of each segment.

    Raises:
        ConfigError: If ``memory`` is too little for an image so wide, or the network not local.
        ImageError: If there is no room for temporary files.
    """
    if not isinstance(network, SegmentedNetwork):
        network = cut_network(network)
    if isinstance(network, GuidedNetwork):
        _stylize_guided(network, size, read, write, memory, on_progress)
        return
    height, width = size
    heights = [_strip_rows(network, segment, size, memory) for segment in network.segments]
    last = network.segments[-1].end
    network.begin(size, read)
    total = sum(-(-height // rows) for rows in heights)
    done = 0
    shapes = network.shapes(height, width)
    statistics: Statistics | None = None
    with contextlib.ExitStack() as files:
        stores: dict[int, RowStore] = {}
        for position, (segment, rows) in enumerate(zip(network.segments, heights, strict=True)):
            stores |= {
                n: files.enter_context(RowStore(shapes[n])) for n in segment.makes if n != last
            }
            moments = StreamedMoments()
            for top in range(0, height, rows):
                made = _compute(network, segment, stores, read, statistics, (top, top + rows), size)
                for number, value in made.items():
                    if number == last:
                        write(top, value)
                    else:
                        stores[number].write(top // network.values[number].stride, value)
                if segment.end != last:
                    moments.add(made[segment.end])
                done += 1
                if on_progress is not None:
                    on_progress(TileProgress(done, total))
            statistics = moments.statistics() if segment.end != last else None
            needed = {n for later in network.segments[position + 1 :] for n in later.needs}
            for number in stores.keys() - needed:
                stores.pop(number).close()


@torch.inference_mode()
def _stylize_guided(
    network: GuidedNetwork,
    size: tuple[int, int],
    read: Reader,
    write: Writer,
    memory: float,
    on_progress: Callable[[TileProgress], None] | None,
) -> None:
    """Go through the image once to look at it, and once to change it."""
    height, width = size
    device = next(network.parameters()).device
    row = width * GUIDED_BYTES
    rows = int(min((memory - GUIDED_BLOCK) / row, MAX_STRIP_PIXELS / width))
    if rows < 1:
        raise _too_little(memory, width, row + GUIDED_BLOCK)
    tops = range(0, height, rows)
    seen: Tensor | None = None
    guide: Tensor | None = None
    for done in range(2 * len(tops)):
        top = tops[done % len(tops)]
        part = read(top, min(top + rows, height)).to(device)
        if guide is None:
            looked = network.look(part, top, height)
            seen = looked if seen is None else seen + looked
            if done == len(tops) - 1:
                guide = network.predict(seen)
        else:
            write(top, network.render(part, guide, top, height))
        if on_progress is not None:
            on_progress(TileProgress(done + 1, 2 * len(tops)))


def _too_little(memory: float, width: int, least: float) -> ConfigError:
    return ConfigError(
        f"{max(memory, 0) / 1e9:.2f} GB of memory are left to compute with; images {width} px wide "
        f"take at least {least / 1e9:.2f} GB. Give more memory, or use a smaller copy."
    )


def _compute(
    network: SegmentedNetwork,
    segment: Segment,
    stores: dict[int, RowStore],
    read: Reader,
    statistics: Statistics | None,
    rows: tuple[int, int],
    size: tuple[int, int],
) -> dict[int, Tensor]:
    """One segment's values in some rows of the image."""
    height, width = size
    bottom = min(height, rows[1] + segment.margin)
    least = max(MIN_ROWS, network.min_strip)
    top = max(0, min(rows[0] - segment.margin, (bottom - least) // network.unit * network.unit))
    given = {}
    for number in segment.needs:
        if number == 0:
            given[0] = read(top, bottom)
        else:
            stride = network.values[number].stride
            # At the lower border there may be more rows: the network's own padding.
            end = bottom // stride if bottom < height else 1 << 62
            given[number] = stores[number].read(top // stride, end)
        given[number] = given[number].to(network.device)
    with torch.inference_mode():
        made = network.run(segment, given, statistics, (bottom - top, width), (top, height))
    found = {}
    for number, value in made.items():
        stride = network.values[number].stride
        last = (rows[1] - top) // stride if rows[1] < height else value.shape[2]
        found[number] = value[:, :, (rows[0] - top) // stride : last]
    return found


def strip_bytes(network: SegmentedNetwork, segment: Segment) -> float:
    """Bytes of memory that a strip takes, for each of its pixels."""
    # Layers copy what goes in and out to the order in memory that suits them, and so do the files;
    # convolutions on CPUs fill few channels up to eight.
    moved = [network.values[n] for n in (*segment.needs, *segment.makes)]
    moved_bytes = sum(8 * max(8, v.channels) / v.stride**2 for v in moved)
    return segment.bytes_per_pixel + network.shares_bytes + moved_bytes


def _strip_rows(
    network: SegmentedNetwork, segment: Segment, size: tuple[int, int], memory: float
) -> int:
    """How many rows of the image to compute at a time."""
    height, width = size
    row = width * strip_bytes(network, segment)
    rows = int(min(memory / row, max(MAX_STRIP_PIXELS / width, 8 * segment.margin)))
    if rows >= height:
        return height
    inner = (rows - 2 * segment.margin) // network.unit * network.unit
    min_rows = max(MIN_ROWS, network.min_strip, 2 * segment.margin + network.unit)
    if rows < min_rows:
        raise _too_little(memory, width, row * min_rows)
    return inner


def parse_memory(text: str) -> int:
    """Bytes of ``"1.5GB"``, ``"800 MB"`` or ``"2GiB"``.

    Raises:
        ConfigError: If it is no size.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kmg]i?b)\s*", text.lower())
    if match is None or not float(match[1]):
        raise ConfigError(f"memory {text!r} is not a size. Write it as 1.5GB or 800MB.")
    return int(float(match[1]) * _UNITS[match[2]])


def resident_memory() -> int:
    """Bytes of memory that this process holds now; where the system cannot tell, at its peak."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
