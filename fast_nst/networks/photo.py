"""A network for the light and color of a photograph: it changes tones, and paints nothing."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.networks.guided import GuidedNetwork
from fast_nst.networks.norm import is_traced, widen

SEEN = 64  # px, side of the small copy that the layers look at
CELLS = 8  # a side of the grid
BINS = 8  # of lightness, from black to white
MAPS = 7  # numbers in each bin of each cell: lightness; two of a tint; four of a 2x2 matrix
RAW = BINS * (MAPS - 1) + BINS + 1  # what the layers give for each cell; see _curves

STEEPEST = 1.0  # logarithm of the steepest part of a tone curve, before it is scaled to its ends
LIFT, CRUSH = 0.25, 0.05  # how far black can rise and white fall, and how far beyond [0, 1] both go
TINT = 0.25  # largest shift of a color difference, of a range of about [-0.8, 0.8]
LEAST_COLOR, MOST_COLOR = 0.05, 2.0  # factors of a color difference; 0 would be gray
TURN = 0.9  # largest share of one color difference that is added to the other; less than 1
SMALLEST = 1e-6  # differences of color that are no more than rounding

_LUMA = (0.299, 0.587, 0.114)
_BLOCK = 1 << 16  # px that are computed at a time: what lies between then stays in a CPU's cache


class PhotoNetwork(GuidedNetwork):
    """Bends the tone curve and the colors of an image, in another way in each part of it.

    Small layers look at the image at 64x64 px, and predict a bilateral grid: for each of 8x8
    places and 8 levels of lightness, how light a pixel becomes, which tint it gets, and how its
    color changes. Between places, levels and pixels the grid is interpolated, so that a pixel's
    result depends on its own color, on its place, and on what the whole image looks like, and
    not on its neighbors: edges stay where they are, as sharp as they are.

    Lightness goes through a curve that never falls: of two pixels at one place, the lighter one
    stays the lighter one. Colors beyond what RGB can show are desaturated, not clipped.

    A new network is the identity.

    Args:
        width: channels of the layers that look.
        blocks: number of 3x3 convolutions between the first one and the grid.

    References:
        Gharbi et al. 2017, "Deep Bilateral Learning for Real-Time Image Enhancement", for the grid
        that is predicted at low resolution; here its input is a histogram of each place, and what
        it holds is a tone curve and two color differences instead of an affine transform of RGB.
        Xia et al. 2020, "Joint Bilateral Learning for Real-time Universal Photorealistic Style
        Transfer", for such grids learned from losses of features.
    """

    def __init__(self, width: int = 32, blocks: int = 2) -> None:
        super().__init__(width, blocks)
        self.first = nn.Conv2d(3 * BINS, width, kernel_size=3, padding=1, padding_mode="replicate")
        self.whole = nn.Linear(3 * BINS, 2 * width)
        self.shared = nn.Linear(2 * width, width)
        self.blocks = nn.ModuleList(
            nn.Conv2d(width, width, kernel_size=3, padding=1, padding_mode="replicate")
            for _ in range(blocks)
        )
        self.change = nn.Parameter(torch.zeros(RAW, width))  # at first, nothing changes
        self.constant_change = nn.Parameter(torch.zeros(RAW))

    def look(self, rows: Tensor, top: int, height: int) -> Tensor:
        """See the base class: the image at 64x64 px, (B, 3, 64, 64)."""
        rows = widen(rows)
        down = _area_weights(rows, rows.shape[-2], top, height)
        across = _area_weights(rows, rows.shape[-1], 0, rows.shape[-1])
        with torch.autocast(rows.device.type, enabled=False):
            return down @ (rows @ across.transpose(0, 1))

    def predict(self, seen: Tensor) -> Tensor:
        """See the base class: the grid, (B, 8, 7, 8, 8)."""
        with torch.autocast(seen.device.type, enabled=False):
            lightness, colors = _split(seen)
            bins = _bins(lightness)
            parts = torch.cat([bins, *(4 * each * bins for each in torch.split(colors, 1, 1))], 1)
            places = F.avg_pool2d(parts, SEEN // CELLS)
            whole = torch.relu(self.whole(places.mean((2, 3))))
            x = torch.relu(self.first(places) + self.shared(whole)[..., None, None])
            for layer in self.blocks:
                x = torch.relu(layer(x))
            raw = F.conv2d(x, self.change[..., None, None], self.constant_change)
            return _curves(raw)

    def render(self, rows: Tensor, grid: Tensor, top: int, height: int) -> Tensor:
        """See the base class."""
        rows = widen(rows)
        count, width = rows.shape[-2:]
        with torch.autocast(rows.device.type, enabled=False):
            down = _spline_weights(rows, count, top, height)
            across = _spline_weights(rows, width, 0, width).transpose(0, 1)
            if is_traced() or torch.is_grad_enabled():
                return _render(rows, grid, down, across)
            step = max(1, _BLOCK // (width * len(rows)))
            if count <= step:
                return _render(rows, grid, down, across)
            parts = zip(torch.split(rows, step, 2), torch.split(down, step), strict=True)
            return torch.cat([_render(part, grid, each, across) for part, each in parts], 2)

    def roughness(self, images: Tensor) -> Tensor:
        """How unevenly places and tones of (B, 3, H, W), in [0, 1], are treated; a scalar.

        The mean square of what a cell and its neighbors differ by, four times, plus that of the
        second differences from bin to bin: nearly 0 if all places get one curve without a bend.
        """
        grid = self.predict(self.look(images, 0, images.shape[-2]))
        places = grid.diff(dim=3).square().mean() + grid.diff(dim=4).square().mean()
        return 4 * places + grid.diff(n=2, dim=1).square().mean()


def _render(rows: Tensor, grid: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Slice the grid by place and lightness, and apply what comes out to each pixel."""
    lightness, colors = _split(rows)
    places = down @ grid  # (B, 8, 7, h, 8)
    maps: Tensor | None = None
    for number, share in enumerate(torch.split(_bins(lightness), 1, 1)):
        one = share * (places[:, number] @ across)
        maps = one if maps is None else maps + one
    assert maps is not None
    light, tint, first, second = torch.split(maps, [1, 2, 2, 2], 1)
    one, other = torch.split(colors, 1, 1)
    red, blue = torch.split(tint + first * one + second * other, 1, 1)
    green = (_LUMA[0] * red + _LUMA[2] * blue) * (-1 / _LUMA[1])
    return _within(light.clamp(0, 1), torch.cat([red, green, blue], 1))


def _split(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Lightness, (B, 1, H, W), and how far red and blue differ from it, (B, 2, H, W)."""
    red, green, blue = torch.split(rgb, 1, 1)
    lightness = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    return lightness, torch.cat([red - lightness, blue - lightness], 1)


def _bins(lightness: Tensor) -> Tensor:
    """The share of each level of lightness, (B, 8, H, W): quadratic splines, which sum to 1.

    Black lies between the first two levels, and white between the last two, so that curves bend as
    softly there as elsewhere.
    """
    levels = torch.arange(BINS, device=lightness.device, dtype=lightness.dtype).view(1, -1, 1, 1)
    return _spline(lightness * (BINS - 2) + 0.5 - levels)


def _spline(distance: Tensor) -> Tensor:
    """The quadratic spline with knots at -1.5, -0.5, 0.5 and 1.5, whose integral is 1."""
    distance = distance.abs()
    near = torch.relu(0.5 - distance)
    return 0.5 * torch.relu(1.5 - distance).square() - 1.5 * near.square()


def _within(lightness: Tensor, color: Tensor) -> Tensor:
    """Add lightness and color, with less color where RGB would leave [0, 1]."""
    room = torch.where(color > 0, 1 - lightness, lightness)
    share = room / torch.maximum(color.abs(), room).clamp_min(SMALLEST)
    return (lightness + share.amin(1, keepdim=True) * color).clamp(0, 1)


def _curves(raw: Tensor) -> Tensor:
    """What the layers give, (B, RAW, 8, 8), within bounds: the grid, (B, 8, 7, 8, 8)."""
    rise, ends, tints, gains, turns = torch.split(
        raw, [BINS - 1, 2, 2 * BINS, 2 * BINS, 2 * BINS], 1
    )
    ends = torch.tanh(ends)
    low, high = torch.split(CRUSH * ends + (LIFT - CRUSH) * torch.relu(ends), 1, 1)
    high = 1 - high
    steps = torch.exp(STEEPEST * torch.tanh(rise))
    # Black and white lie halfway between levels: half of the outermost steps is beyond them.
    half = (steps[:, :1] + steps[:, -1:]) / 2
    steps = steps / (steps.sum(1, keepdim=True) - half) * (high - low)
    first = low - steps[:, :1] / 2
    light = torch.cat([first, first + steps.cumsum(1)], 1).unsqueeze(2)
    # Black stays black and white stays white: a tint of clouds looks like dirt.
    levels = (torch.arange(BINS, device=raw.device, dtype=raw.dtype) - 0.5) / (BINS - 2)
    fade = torch.relu((math.pi * levels).sin()).view(-1, 1, 1, 1)
    tint = TINT * fade * torch.unflatten(torch.tanh(tints), 1, (BINS, 2))
    # Never 0, where the square root below would have no gradient; 1 at first.
    shift = math.log((1 - LEAST_COLOR) / (MOST_COLOR - 1))
    gain = LEAST_COLOR + (MOST_COLOR - LEAST_COLOR) * torch.sigmoid(gains + shift)
    own, turn = (torch.unflatten(each, 1, (BINS, 2)) for each in (gain, torch.tanh(turns)))
    # Less than the geometric mean of the gains, so that the determinant stays positive: hues may
    # turn and come closer, but the circle of hues is never mirrored.
    into = TURN * (own[:, :, :1] * own[:, :, 1:]).sqrt() * turn
    # Columns of the matrix: what red's difference gives to red and blue, then what blue's does.
    return torch.cat([light, tint, own[:, :, :1], into[:, :, :1], into[:, :, 1:], own[:, :, 1:]], 2)


def _area_weights(like: Tensor, count: int, top: int, total: int) -> Tensor:
    """Which share of each of 64 equal parts of a side each of ``count`` pixels covers: (64, count).

    Written as sums and products of positions, so that a graph is valid for every size and no
    runtime needs to know an antialiased resize.
    """
    pixels = torch.arange(count, device=like.device).to(like.dtype) + top
    parts = torch.arange(SEEN, device=like.device).to(like.dtype)[:, None]
    begin = torch.maximum(parts * total / SEEN, pixels)
    end = torch.minimum((parts + 1) * total / SEEN, pixels + 1)
    return torch.relu(end - begin) * SEEN / total


def _spline_weights(like: Tensor, count: int, top: int, total: int) -> Tensor:
    """The share of each of 8 cells of a side in each of ``count`` pixels: (count, 8).

    Quadratic splines: what is interpolated has no kinks, which one would see in a clear sky.
    """
    pixels = torch.arange(count, device=like.device).to(like.dtype)[:, None] + (top + 0.5)
    cells = torch.arange(CELLS, device=like.device).to(like.dtype)
    weights = _spline(pixels * CELLS / total - 0.5 - cells)
    return weights / weights.sum(1, keepdim=True)
