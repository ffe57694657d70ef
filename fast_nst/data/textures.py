"""Colors and surface patterns of the drawn images: pure functions of a numpy generator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

# Typical surface colors, sRGB in [0, 1], and how often each is met. Natural colors are mostly
# dull; the saturated ones at the end are the rare flower, fruit or painted thing.
_NATURAL = np.array(
    [
        # red, green, blue, frequency
        (0.05, 0.05, 0.05, 12),  # deep shadow
        (0.17, 0.16, 0.15, 12),  # shadow
        (0.42, 0.41, 0.39, 10),  # gray stone
        (0.66, 0.65, 0.62, 7),  # concrete
        (0.92, 0.91, 0.89, 8),  # white
        (0.53, 0.67, 0.84, 7),  # sky
        (0.30, 0.46, 0.66, 4),  # deep sky, water
        (0.75, 0.82, 0.89, 5),  # haze
        (0.31, 0.37, 0.16, 8),  # leaves
        (0.17, 0.22, 0.10, 7),  # dark foliage
        (0.54, 0.56, 0.31, 5),  # dry grass
        (0.40, 0.30, 0.20, 8),  # wood, earth
        (0.24, 0.17, 0.12, 6),  # bark
        (0.71, 0.60, 0.45, 7),  # sand
        (0.80, 0.60, 0.49, 5),  # skin
        (0.55, 0.38, 0.30, 4),  # dark skin, clay
        (0.62, 0.31, 0.22, 3),  # brick
        (0.78, 0.16, 0.13, 2),  # red
        (0.90, 0.62, 0.13, 2),  # orange, yellow
        (0.13, 0.25, 0.55, 1.5),  # blue paint
        (0.50, 0.30, 0.52, 1),  # violet
        (0.25, 0.60, 0.30, 1.5),  # fresh green
    ],
    dtype=np.float32,
)


def palette(rng: np.random.Generator, count: int) -> Field:
    """Draw ``count`` colors that may stand together in one image.

    Returns:
        (count, 3), sRGB in [0, 1].
    """
    share = _NATURAL[:, 3] / _NATURAL[:, 3].sum()
    colors = _NATURAL[rng.choice(len(_NATURAL), size=count, p=share), :3]
    # Channels vary together much more than apart, as they do in photographs.
    light = rng.normal(0.0, 0.10, (count, 1))
    chroma = rng.normal(0.0, 0.025, (count, 3))
    gray = colors.mean(axis=1, keepdims=True)
    saturation = rng.uniform(0.4, 1.35)
    mixed = gray + (colors - gray) * saturation + light + chroma
    clipped: Field = np.clip(mixed, 0.0, 1.0).astype(np.float32)
    return clipped


def noise_fields(rng: np.random.Generator, count: int, side: int = 256) -> Field:
    """Draw periodic 1/f noise, from rough to smooth.

    Returns:
        (count, side, side), zero mean, unit variance; the amplitude of the k-th falls as
        1 / frequency**e, with e rising from 0.5 to 2.
    """
    rows = np.fft.fftfreq(side)[:, None]
    columns = np.fft.rfftfreq(side)[None, :]
    frequency = np.maximum(np.hypot(rows, columns), 1.0 / side).astype(np.float32)
    fields = np.empty((count, side, side), np.float32)
    for index, exponent in enumerate(np.linspace(0.5, 2.0, count)):
        white = rng.standard_normal((2, side, side // 2 + 1), dtype=np.float32)
        spectrum = (white[0] + np.complex64(1j) * white[1]) * frequency ** np.float32(-exponent)
        spectrum[0, 0] = 0.0
        field = np.fft.irfft2(spectrum, s=(side, side))
        fields[index] = field / field.std()
    return fields


def window(rng: np.random.Generator, field: Field, height: int, width: int) -> Field:
    """Cut a (height, width) window at a random place out of a periodic field, maybe stretched."""
    side = field.shape[0]
    step = rng.choice([1, 1, 1, 2, 5], size=2)
    rows = (rng.integers(side) + np.arange(height) * step[0]) % side
    columns = (rng.integers(side) + np.arange(width) * step[1]) % side
    cut: Field = field[rows[:, None], columns[None, :]]
    return cut


def pattern(rng: np.random.Generator, fields: Field, y: Field, x: Field) -> Field:
    """Draw the surface of one shape.

    Args:
        rng: Chooses the kind of pattern and all of its measures.
        fields: What ``noise_fields`` returned.
        y: (height, 1), rows in px.
        x: (1, width), columns in px.

    Returns:
        (height, width), about [-1, 1].
    """
    height, width = y.shape[0], x.shape[1]
    made: Field
    kind = rng.choice(len(_KINDS), p=_KIND_SHARE)
    if kind == 0:  # fractal: plaster, cloud, rock
        made = window(rng, fields[rng.integers(len(fields))], height, width) * np.float32(0.5)
        return made
    if kind == 1:  # ridges: cracks, folds, water
        field = window(rng, fields[rng.integers(1, len(fields))], height, width)
        made = np.float32(1.0) - np.float32(1.4) * np.abs(field)
        return made
    angle = rng.uniform(0.0, np.pi)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along = cos * x + sin * y
    if kind == 2:  # wood, marble: bands bent by smooth noise
        bent = window(rng, fields[-1], height, width) * np.float32(rng.uniform(1.0, 6.0))
        made = np.sin(along / np.float32(_period(rng, 4.0, 40.0)) + bent)
        return made
    if kind == 3:  # grating: slats, stripes, corduroy
        wave = np.sin(along / np.float32(_period(rng, 2.5, 30.0)))
        made = np.tanh(wave * np.float32(rng.uniform(0.5, 6.0)))
        return made
    across = cos * y - sin * x
    period = _period(rng, 3.0, 24.0)
    if kind == 4:  # dots, holes, scales
        lattice = np.cos(along / np.float32(period)) + np.cos(across / np.float32(period))
        level = np.float32(rng.uniform(-0.8, 0.8))
        made = np.tanh((lattice - level) * np.float32(rng.uniform(1.0, 5.0)))
        return made
    # grid: windows, tiles, bricks
    other = period * rng.uniform(0.4, 2.5)
    bars = np.minimum(np.cos(along / np.float32(period)), np.cos(across / np.float32(other)))
    made = np.tanh((bars + np.float32(rng.uniform(0.0, 0.9))) * np.float32(6.0))
    return made


_KINDS: Sequence[str] = ("fractal", "ridges", "wood", "grating", "dots", "grid")
_KIND_SHARE: Sequence[float] = (0.60, 0.16, 0.09, 0.06, 0.03, 0.06)


def _period(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a length in px per radian, as many octaves below as above."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high)))) / (2.0 * np.pi)
