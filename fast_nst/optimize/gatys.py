"""Iterative style transfer: the image itself is optimized (Gatys et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from fast_nst.encoders.base import Encoder
from fast_nst.hardware import keep_freed_memory
from fast_nst.image.resize import resize_short_side
from fast_nst.optim.pixels import LBFGS, Adam, PixelOptimizer
from fast_nst.optimize.canvas import Canvas
from fast_nst.optimize.descent import NEAR_STEP, descend
from fast_nst.optimize.inputs import min_side, prepare, style_side
from fast_nst.optimize.objective import Objective
from fast_nst.optimize.options import LEVELS, LEVELS_FROM_FILTER, TransferOptions
from fast_nst.optimize.statistics import TiledEncoder, find_precision

OPTIMIZERS: dict[str, Callable[[], PixelOptimizer]] = {"lbfgs": LBFGS, "adam": Adam}
MIN_LEVEL = 64  # px; at smaller sizes there is little to see


@dataclass(frozen=True)
class TransferProgress:
    """Progress of a style transfer.

    Attributes:
        iteration: of ``iterations``, from 1.
        fraction: of the work, in [0, 1]: iterations at larger sizes are more.
        size: height and width that it is at, px.
        losses: weighted, by name, before this iteration's step.
        best: gives the best image so far as it would be returned, (1, 3, H, W).
    """

    iteration: int
    iterations: int
    fraction: float
    size: tuple[int, int]
    losses: dict[str, float]
    best: Callable[[], Tensor] = field(repr=False, compare=False)


def stylize_iteratively(
    content: Tensor,
    styles: Sequence[Tensor],
    encoder: Encoder,
    options: TransferOptions | None = None,
    *,
    content_mask: Tensor | None = None,
    style_masks: Sequence[Tensor] = (),
    names: Sequence[str] = (),
    start: Callable[[Tensor], Tensor] | None = None,
    on_progress: Callable[[TransferProgress], None] | None = None,
) -> Tensor:
    """Repaint an image in the style of others by optimizing its pixels.

    Args:
        content: (1, 3, H, W) in [0, 1].
        styles: likewise, of any size.
        encoder: frozen, on the images' device.
        options: the defaults of :class:`TransferOptions` if None.
        content_mask: like ``content`` and of its size, one flat color per region. A region takes
            its style from the regions of the same color in ``style_masks``.
        style_masks: one for each style, of its size; none if there is no ``content_mask``.
        names: what messages call the content and the styles, in this order.
        start: a :class:`~fast_nst.Stylizer`, or another function of images: the pixels start as
            what it makes of the content at the result's size. None for what ``options.init`` says.
        on_progress: called after each iteration.

    Returns:
        (1, 3, h, w) in [0, 1], detached, with the short side ``options.size``: the image with
        the lowest loss.

    Raises:
        ConfigError, LayerError: For what :func:`fast_nst.optimize.inputs.prepare` refuses.
        TrainingError: If the loss stops being finite.
        ValueError: If an image is not (1, 3, H, W), or ``start`` changes its size.

    References:
        Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks"; coarse to
        fine, and regions, as in Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style
        Transfer". Departures: clipped pixels, scale-free losses; and from one size to the next, the
        change so far is enlarged, not the image, so that the content's detail is there at once.
    """
    options = options or TransferOptions()
    if options.levels is None:
        options = replace(options, levels=LEVELS if start is None else LEVELS_FROM_FILTER)
    keep_freed_memory()
    inputs = prepare(content, styles, content_mask, style_masks, names, encoder, options)
    tiled = TiledEncoder(encoder, find_precision(content, options.precision), options.tile)
    levels = plan_levels(options.size or min(content.shape[-2:]), encoder, options)
    canvases = [Canvas(content, side, options.preserve_color == "luminance") for side, _ in levels]
    report = _Reporter(levels, canvases[-1], on_progress)
    optimizer = OPTIMIZERS[options.optimizer]()
    if start is None:
        image = canvases[0].start(inputs.styles[0], options.init, options.seed)
    else:
        image = canvases[0].take(canvases[-1].paint(start))
        if options.optimizer == "lbfgs" and len(levels) == 1:
            optimizer = LBFGS(first_step=NEAR_STEP)
    before = canvases[0]
    for canvas, (side, steps) in zip(canvases, levels, strict=True):
        scaled = [resize_short_side(style, style_side(side, options)) for style in inputs.styles]
        objective = Objective(tiled, canvas.expand(canvas.content), scaled, inputs.regions, options)
        if canvas is not before:
            image = canvas.enlarge(image, before)
            optimizer.resize(canvas.size)
        image = _descend(image, canvas, objective, steps, optimizer, report)
        before = canvas
    return canvases[-1].show(image).clone()  # it may still be the content itself


def plan_levels(short: int, encoder: Encoder, options: TransferOptions) -> list[tuple[int, int]]:
    """Sizes to optimize at, smallest first: (short side in px, steps), of ``options.iterations``.

    Levels get equally many steps, but for a remainder, which goes to the largest ones.
    """
    sides = [short]
    least = max(MIN_LEVEL, min_side(encoder, options))
    while len(sides) < min(options.levels or LEVELS, options.iterations):
        side = round(sides[0] / 2)
        if min(side, style_side(side, options)) < least:
            break
        sides.insert(0, side)
    steps, more = divmod(options.iterations, len(sides))
    return [(side, steps + (len(sides) - n <= more)) for n, side in enumerate(sides)]


def _descend(
    image: Tensor,
    canvas: Canvas,
    objective: Objective,
    steps: int,
    optimizer: PixelOptimizer,
    report: _Reporter,
) -> Tensor:
    """Optimize at one size, and return the best image."""
    return descend(
        image,
        lambda pixels: objective(canvas.expand(pixels)),
        steps,
        optimizer,
        lambda progress, best: report(progress.losses, best, canvas),
    )


class _Reporter:
    """Counts iterations over all levels, and calls back."""

    def __init__(
        self,
        levels: Sequence[tuple[int, int]],
        result: Canvas,
        on_progress: Callable[[TransferProgress], None] | None,
    ) -> None:
        self.iterations = sum(steps for _, steps in levels)
        self.work = sum(steps * side**2 for side, steps in levels)
        self.result = result
        self.on_progress = on_progress
        self.iteration, self.work_done = 0, 0

    def __call__(self, losses: dict[str, float], best: Tensor, canvas: Canvas) -> None:
        self.iteration += 1
        self.work_done += min(canvas.size) ** 2
        if self.on_progress is not None:
            self.on_progress(
                TransferProgress(
                    self.iteration,
                    self.iterations,
                    self.work_done / self.work,
                    canvas.size,
                    losses,
                    lambda: self.result.show(self.result.enlarge(best, canvas)),
                )
            )
