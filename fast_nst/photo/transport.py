"""Move the colors of a photograph to those of a reference: optimal transport, made smooth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fast_nst.photo.oklab import Floats

GAINS = (0.2, 2.2)  # least and most that a direction of color space is stretched by
ROTATIONS = 24  # of the iterative transport
NODES = 8  # of the lattice, a side
PRIOR = 0.005  # weight of the linear map in the lattice, as a share of its fullest node
_LOW, _HIGH = np.array([0.0, -0.4, -0.4]), np.array([1.0, 0.4, 0.4])
_QUANTILES = 256
_HEIGHT = 0.5  # how much the place counts beside the color
_MIN_VARIANCE = 1e-5

Map = Callable[[Floats], Floats]


def fit_linear(photo: Floats, reference: Floats) -> Map:
    """The linear map that moves colors least while it matches mean and covariance.

    Its matrix is symmetric and positive: no difference between two colors turns around.

    Args:
        photo: (N, 3) colors.
        reference: (M, 3), likewise.

    References:
        Pitié and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping for
        example-based colour transfer"; here with bounds of the stretching.
    """
    mean, wanted_mean = photo.mean(0), reference.mean(0)
    own, wanted = _covariance(photo), _covariance(reference)
    root, back = _power(own, 0.5), _power(own, -0.5)
    matrix = back @ _power(root @ wanted @ root, 0.5) @ back
    stretches, axes = np.linalg.eigh((matrix + matrix.T) / 2)
    matrix = (axes * np.clip(stretches, *GAINS)) @ axes.T

    def move(colors: Floats) -> Floats:
        moved: Floats = (colors - mean) @ matrix + wanted_mean
        return moved

    return move


def fit_smooth(photo: Floats, reference: Floats, seed: int = 0) -> Map:
    """A map that matches the whole distribution as far as a smooth one can.

    Colors are transported together with how far up they are, so that a sky rather takes the
    colors of a sky. Then the moves of single colors are averaged in the nodes of a coarse lattice,
    as what they differ from the linear map by; where the photo has no colors, that is left.

    Args:
        photo: (N, 4): lightness, a, b, and the place from the top, 0 to 1.
        reference: (M, 4), likewise.
        seed: of the rotations.

    Returns:
        A map of (..., 3) colors.

    References:
        Pitié et al. 2007, "Automated colour grading using colour distribution transfer": the
        iterative transport. Their second stage, which takes the grain away that the first makes,
        is the lattice here.
    """
    scale = np.array([1, 1, 1, _HEIGHT])
    colors = photo[:, :3]
    linear = fit_linear(colors, reference[:, :3])
    moved = transport(photo * scale, reference * scale, seed)[:, :3]
    lattice = _average(colors, moved - linear(colors))

    def move(given: Floats) -> Floats:
        result: Floats = linear(given) + _look_up(lattice, given)
        return result

    return move


def transport(photo: Floats, reference: Floats, seed: int = 0) -> Floats:
    """Where each of (N, D) points goes in the iterative transport to (M, D) points."""
    rng = np.random.default_rng(seed)
    shares = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    rising = np.arange(_QUANTILES) * 1e-9  # so that equal quantiles have an order
    moved, count = np.array(photo), photo.shape[1]
    for _ in range(ROTATIONS):
        axes = np.linalg.qr(rng.normal(size=(count, count)))[0]
        own, wanted = moved @ axes, reference @ axes
        have, want = np.quantile(own, shares, axis=0), np.quantile(wanted, shares, axis=0)
        for axis in range(count):
            own[:, axis] = np.interp(own[:, axis], have[:, axis] + rising, want[:, axis])
        moved = own @ axes.T
    return moved


def _average(colors: Floats, moves: Floats) -> Floats:
    """Moves of (N, 3) colors averaged in nodes, smoothly, (NODES, NODES, NODES, 3)."""
    weight, total = np.zeros(NODES**3), np.zeros((3, NODES**3))
    for index, share in _corners(colors):
        weight += np.bincount(index, share, NODES**3)
        for axis in range(3):
            total[axis] += np.bincount(index, share * moves[:, axis], NODES**3)
    cube = (NODES,) * 3
    smooth = _blurred(weight.reshape(cube))
    moved = np.stack([_blurred(each.reshape(cube)) for each in total], -1)
    average: Floats = moved / (smooth + PRIOR * smooth.max())[..., None]
    return average


def _look_up(lattice: Floats, colors: Floats) -> Floats:
    flat, found = lattice.reshape(-1, 3), np.zeros((colors.reshape(-1, 3)).shape)
    for index, share in _corners(colors.reshape(-1, 3)):
        found += share[:, None] * flat[index]
    return found.reshape(colors.shape)


def _corners(colors: Floats) -> list[tuple[Floats, Floats]]:
    """For each of the eight nodes around (N, 3) colors: its number, and its share."""
    at = np.clip((colors - _LOW) / (_HIGH - _LOW), 0, 1) * (NODES - 1)
    below = np.minimum(at.astype(int), NODES - 2)
    part, found = at - below, []
    for corner in np.ndindex(2, 2, 2):
        node = below + np.array(corner)
        share = np.prod(np.where(np.array(corner) == 1, part, 1 - part), 1)
        found.append(((node[:, 0] * NODES + node[:, 1]) * NODES + node[:, 2], share))
    return found


def _blurred(values: Floats) -> Floats:
    """Gaussian of one node, as a separable kernel of seven, with nothing outside."""
    kernel = np.exp(-0.5 * np.arange(-3, 4) ** 2.0)
    kernel /= kernel.sum()
    for axis in range(values.ndim):
        values = np.apply_along_axis(np.convolve, axis, values, kernel, "same")
    return values


def _covariance(colors: Floats) -> Floats:
    centered = colors - colors.mean(0)
    return np.asarray(centered.T @ centered / len(colors) + _MIN_VARIANCE * np.eye(3))


def _power(matrix: Floats, exponent: float) -> Floats:
    values, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.maximum(values, 1e-12) ** exponent) @ axes.T)
