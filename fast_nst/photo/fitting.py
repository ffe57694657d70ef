"""Fit a look in closed form, from small copies of a photograph and its references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from fast_nst.errors import ConfigError
from fast_nst.photo.balance import weigh
from fast_nst.photo.edges import edge_similarity
from fast_nst.photo.grid import Base, RowReader, make_flat, make_grid, measure_base
from fast_nst.photo.look import SIZE, Look, Part
from fast_nst.photo.oklab import Floats, gray_of, to_colors, unit_light
from fast_nst.photo.options import EnhanceOptions
from fast_nst.photo.protect import protected
from fast_nst.photo.tone import fit_curve
from fast_nst.photo.transport import fit_smooth

Array = npt.NDArray[np.float32]

SHORT_SIDE = 320  # px, of the copies that are measured
LONG_SIDES = 4  # times as long a copy's long side may be
MASK_SIDE = 1024  # px, the most that masks are kept with
SAMPLES = 6000  # colors of each that transport is fitted with
GAINS = (0.5, 2.5)  # of details
BENDS = (1.6, 1.25, 1.1)  # of curves, the first that keeps edges as similar as this:
SIMILAR = 0.935


@dataclass(frozen=True, eq=False)
class Measured:
    """What is known of an image, or of the part of it that a mask chooses.

    Attributes:
        colors: (N, 4): lightness, a and b of its pixels, and their place from the top, 0 to 1.
        smooth: (N,): their grays without details.
        base: of the whole image.
        spread: standard deviation of its details, grays.
        lightness: of the whole image, (h, w).
    """

    colors: Floats
    smooth: Floats
    base: Base
    spread: float
    lightness: Array


def measure(rgb: Array, chosen: Array | None = None, name: str = "the image") -> Measured:
    """Measure an image, small.

    Args:
        rgb: (3, H, W) in [0, 1].
        chosen: (H', W') in [0, 1], of any size: only pixels where it is 0.5 or more count.
        name: for messages.

    Raises:
        ConfigError: If no pixel is chosen.
    """
    small = shrink(rgb)
    colors = to_colors(small.transpose(1, 2, 0))
    base = measure_base(colors[..., 0])
    inside = np.ones(colors.shape[:2], bool)
    if chosen is not None:
        share = _resized(chosen, colors.shape[:2])
        inside = share >= min(0.5, float(share.max()))  # less where only fine lines are chosen
        if not (chosen >= 0.5).any():
            raise ConfigError(f"the mask of {name} chooses no pixels. Paint a region white.")
    details = (gray_of(colors[..., 0]) - base.smooth)[inside]
    height = len(colors)
    places = np.broadcast_to(
        ((np.arange(height) + 0.5) / height)[:, None, None], (*inside.shape, 1)
    )
    placed = np.concatenate([colors, places], -1)
    lightness = np.ascontiguousarray(colors[..., 0], np.float32)
    return Measured(placed[inside], base.smooth[inside], base, float(details.std()), lightness)


def pool(measured: Sequence[Measured]) -> Measured:
    """Several references as one, each with the same weight."""
    if len(measured) == 1:
        return measured[0]
    most = min(max(len(each.colors) for each in measured), 8 * SAMPLES)
    rng = np.random.default_rng(0)
    places = [rng.integers(0, len(each.colors), most) for each in measured]
    pairs = list(zip(measured, places, strict=True))
    return Measured(
        np.concatenate([each.colors[at] for each, at in pairs]),
        np.concatenate([each.smooth[at] for each, at in pairs]),
        measured[0].base,
        float(np.sqrt(np.mean([each.spread**2 for each in measured]))),
        measured[0].lightness,
    )


def fit_part(photo: Measured, reference: Measured, options: EnhanceOptions) -> Part:
    """Fit the look of a reference to a photograph, or of a region of both."""
    own = _sample(photo.colors)
    chosen = _chosen(own, reference.colors)
    flat, grid = _fit_light(photo, reference, chosen, local=options.local)
    levels = np.linspace(0, 1, SIZE)
    nodes = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    colors = to_colors(nodes)
    lightness = np.interp(colors[:, 0], np.linspace(0, 1, flat.shape[-1]), flat[0, 0])
    if options.luma_only:
        moved = np.column_stack([lightness, colors[:, 1:] * _ratio(lightness, colors[:, 0])])
    else:
        moved = fit_smooth(own, reference.colors[chosen])(colors)
        moved[:, 0] = lightness
        moved = protected(colors, moved, options.protect)
    hues = unit_light(moved)[:, (0, 2)].T.reshape(2, SIZE, SIZE, SIZE)
    return Part(np.ascontiguousarray(hues, np.float32), flat, grid)


def _fit_light(
    photo: Measured, reference: Measured, chosen: npt.NDArray[np.int64], *, local: bool
) -> tuple[Array, Array]:
    """The curve and the grid: the most bent ones that keep enough of the edges."""
    gain = float(np.clip(reference.spread / max(photo.spread, 1e-6), *GAINS))
    lightness = photo.lightness
    own = gray_of(lightness)
    for bend in BENDS:
        curve = fit_curve(photo.smooth, reference.smooth[chosen], bend)
        flat = make_flat(curve)
        grid = make_grid(photo.base, curve, gain) if local else flat
        if bend > BENDS[-1]:
            now = gray_of(RowReader(grid, lightness.shape).read(lightness, 0))
            if edge_similarity(own, now) < SIMILAR:
                continue
        break
    return flat, grid


def fit(
    photo: Array,
    references: Sequence[Array],
    options: EnhanceOptions | None = None,
    *,
    visible: Array | None = None,
    masks: Sequence[tuple[Array, Array]] = (),
) -> Look:
    """Fit the look of references to a photograph; nothing is trained.

    Args:
        photo: (3, H, W) in [0, 1], sRGB.
        references: one or several, likewise, of any size; pooled with equal weight.
        options: what is transferred.
        visible: (H, W), the photo's opacity: hidden pixels do not count.
        masks: pairs of a region of the photo and one of the reference, (H, W) in [0, 1] each, 1
            inside: the first takes its look from the second. What lies in no region takes that of
            the rest of the reference. Only for a single reference.

    Raises:
        ConfigError: If there is no reference, one is a single color, or a mask chooses no pixels.
    """
    options = options or EnhanceOptions()
    check_references(references)
    if not masks:
        if visible is not None and not (visible >= 0.5).any():
            visible = None
        own = measure(photo, visible)
        wanted = pool([measure(each) for each in references])
        return Look((fit_part(own, wanted, options),), None, options.strength)
    if len(references) > 1:
        raise ConfigError(
            f"there are {len(references)} references; a mask goes with a single one. Leave the "
            "masks out, or all references but one."
        )
    parts = [
        fit_part(
            measure(photo, own, "the photo"),
            measure(references[0], wanted, "the reference"),
            options,
        )
        for own, wanted in masks
    ]
    rests = [shares([pair[side] for pair in masks])[-1] for side in (0, 1)]
    measured = [
        measure(image, rest if (rest >= 0.5).any() else None)
        for image, rest in zip((photo, references[0]), rests, strict=True)
    ]
    parts.append(fit_part(measured[0], measured[1], options))
    return Look(tuple(parts), shares([own for own, _ in masks]), options.strength)


def check_references(references: Sequence[Array], names: Sequence[str] = ()) -> None:
    """Refuse references that have no look.

    Raises:
        ConfigError: If there is none, or one has a single color.
    """
    if not references:
        raise ConfigError("there is no reference. Give a photograph whose look is wanted.")
    for number, each in enumerate(references):
        flat = each.reshape(3, -1)
        if float((flat.max(1) - flat.min(1)).max()) < 2 / 255:
            name = names[number] if names else "the reference"
            raise ConfigError(f"{name} is one flat color: it has no look. Use another photograph.")


def shrink(rgb: Array, short_side: int = SHORT_SIDE) -> Array:
    """A small copy, each pixel the average of those that it stands for; (3, h, w).

    Args:
        rgb: (3, H, W).
        short_side: px, of the copy, if ``rgb`` is larger; the long side has at most four times as
            many.
    """
    planes = reduce(rgb, reduction(*rgb.shape[-2:]))
    height, width = planes.shape[-2:]
    scale = min(short_side / min(height, width), LONG_SIDES * short_side / max(height, width), 1)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return np.stack([_resized(plane, size) for plane in planes])


def reduction(height: int, width: int) -> int:
    """The whole number that an image is reduced by at first; rows may be so in strips."""
    return max(1, min(height, width) // (2 * SHORT_SIDE))


def reduce(planes: Array, factor: int) -> Array:
    """Average (C, H, W) over squares of ``factor`` px, at the borders over the part inside."""
    if factor == 1:
        return planes
    images = [Image.fromarray(np.ascontiguousarray(plane)).reduce(factor) for plane in planes]
    return np.stack([np.asarray(image) for image in images])


def shares(regions: Sequence[Array]) -> Array:
    """The share of each region and of the rest, (R + 1, h, w), of sum 1, with soft borders."""
    height, width = np.max([each.shape for each in regions], axis=0)
    scale = min(1, MASK_SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    stack = np.stack([_soft(_resized(each, size)) for each in regions])
    stack /= np.maximum(stack.sum(0), 1)
    weights: Array = np.concatenate([stack, 1 - stack.sum(0, keepdims=True)]).clip(0, 1)
    return weights


def _ratio(lightness: Floats, own: Floats) -> Floats:
    return (lightness / np.maximum(own, 1e-6))[:, None]


def _soft(mask: Array) -> Array:
    """A mask with a border as wide as a hundredth of its shorter side."""
    std = min(mask.shape) / 400
    for axis in (0, 1):
        places = np.arange(mask.shape[axis])
        kernel = np.exp(-0.5 * ((places[:, None] - places) / max(std, 1e-3)) ** 2)
        kernel /= kernel.sum(1, keepdims=True)
        mask = np.moveaxis(np.tensordot(kernel, mask, (1, axis)), 0, axis)
    return mask.astype(np.float32)


def _resized(plane: Array, size: tuple[int, int]) -> Array:
    if plane.shape == size:
        return plane
    image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    way = Image.Resampling.BOX if size[0] <= plane.shape[0] else Image.Resampling.BILINEAR
    return np.asarray(image.resize(size[::-1], way))


def _chosen(photo: Floats, reference: Floats) -> npt.NDArray[np.int64]:
    """Numbers of ``SAMPLES`` points of a reference, drawn by their weights; always the same."""
    rng = np.random.default_rng(1)
    some = rng.integers(0, len(reference), 2 * SAMPLES)
    weights = weigh(photo, reference[some])
    chosen: npt.NDArray[np.int64] = rng.choice(some, SAMPLES, p=weights / weights.sum())
    return chosen


def _sample(colors: Floats) -> Floats:
    """At most ``SAMPLES`` colors, from all over; the same every time."""
    if len(colors) <= SAMPLES:
        return colors
    return colors[np.random.default_rng(0).integers(0, len(colors), SAMPLES)]
