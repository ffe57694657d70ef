"""A network whose results are optimized: slower, and with a lower loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from fast_nst.config import StyleConfig
from fast_nst.encoders.base import Encoder
from fast_nst.errors import ConfigError, LayerError
from fast_nst.filter_metadata import FilterMetadata
from fast_nst.hardware import keep_freed_memory
from fast_nst.image.style import read_style
from fast_nst.optim.pixels import LBFGS, Progress
from fast_nst.optimize.descent import NEAR_STEP, descend
from fast_nst.optimize.inputs import MAX_PIXELS, min_side
from fast_nst.optimize.objective import Objective
from fast_nst.optimize.options import TransferOptions
from fast_nst.optimize.statistics import TiledEncoder, find_precision


@dataclass(frozen=True)
class PolishStyle:
    """What an image is to look like, as the filter that painted it was trained.

    Attributes:
        image: (1, 3, H, W) in [0, 1], the style at the size that it was trained with, so that
            strokes keep theirs, whatever the size of the content.
        content_weight, style_weight: of the training, where its losses were scale-free like those
            here; else the defaults of ``fast-nst optimize``.
    """

    image: Tensor = field(repr=False, compare=False)
    content_weight: float = TransferOptions.content_weight
    style_weight: float = TransferOptions.style_weight


def read_polish_style(file: Path, metadata: FilterMetadata | None) -> PolishStyle:
    """Read a style image for what a filter paints.

    Args:
        file: the image.
        metadata: of the filter, which say how it was trained; None if nobody knows.

    Raises:
        ConfigError: If the image is one flat color, or a narrow strip.
        ImageError: If it cannot be read.
    """
    config = metadata.config if metadata else {}
    style, loss = (_mapping(config.get(group)) for group in ("style", "loss"))
    side = style.get("size")
    if not isinstance(side, int) or side < 1:
        side = StyleConfig.size
    sized = read_style(file, side)[None]
    weights = [loss.get(f"{term}_weight") for term in ("content", "style")]
    if loss.get("scale") == "relative" and all(map(_is_weight, weights)):
        return PolishStyle(sized, *map(float, weights))  # type: ignore[arg-type]
    return PolishStyle(sized)


class PolishedNetwork(nn.Module):
    """A network from images to images, whose results are then optimized.

    The content loss is that to the network's input, the style loss that to the styles, both as
    ``fast-nst optimize`` has them; L-BFGS starts from the network's result. It is a network like
    any other, so that what surrounds one, such as a strength or a mask, comes after.

    Args:
        network: maps (B, 3, H, W) in [0, 1] to the same.
        encoder: frozen; compares.
        styles: one, or those of the filters that the network blends.
        iterations: for each image, 1 or more.
        shares: of the styles; empty for equal ones.
        on_progress: called after each iteration.

    Raises:
        ConfigError: If a number cannot work.
    """

    needs_whole_image = True  # it cannot be computed in strips

    def __init__(
        self,
        network: nn.Module,
        encoder: Encoder,
        styles: Sequence[PolishStyle],
        iterations: int,
        *,
        shares: Sequence[float] = (),
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        super().__init__()
        if iterations < 1:
            raise ConfigError(f"polish is {iterations} iterations; expected 1 or more.")
        parts = list(shares) or [1.0] * len(styles)
        whole = sum(parts)
        self.network, self.encoder, self.iterations = network, encoder, iterations
        self.options = TransferOptions(
            content_weight=_mean(parts, [each.content_weight for each in styles]) / whole,
            style_weight=_mean(parts, [each.style_weight for each in styles]) / whole,
            blend=parts,
        )
        self._styles = len(styles)
        for number, style in enumerate(styles):
            self.register_buffer(f"style_{number}", style.image, persistent=False)
        self._on_progress = on_progress
        keep_freed_memory()

    def forward(self, images: Tensor) -> Tensor:
        """Repaint (B, 3, H, W) in [0, 1], one image after the other.

        Raises:
            LayerError: If the images are too small for the encoder.
            ConfigError: If they are too large.
            TrainingError: If a loss stops being finite.
        """
        self._check_size(*images.shape[-2:])
        with torch.no_grad():
            painted = self.network(images)
        # Tensors of the inference mode have no gradients; what is made outside of it has.
        with torch.inference_mode(False), torch.enable_grad():
            polished = [
                self._polish(content[None].clone(), start[None].clone())
                for content, start in zip(images, painted, strict=True)
            ]
            return torch.cat(polished)

    def _polish(self, content: Tensor, start: Tensor) -> Tensor:
        """One image, (1, 3, H, W)."""
        tiled = TiledEncoder(
            self.encoder, find_precision(content, self.options.precision), self.options.tile
        )
        styles = [self.get_buffer(f"style_{number}") for number in range(self._styles)]
        objective = Objective(tiled, content, styles, (), self.options)

        def report(progress: Progress, _: Tensor) -> None:
            if self._on_progress is not None:
                self._on_progress(progress)

        optimizer = LBFGS(first_step=NEAR_STEP)
        return descend(start, objective, self.iterations, optimizer, report)

    def _check_size(self, height: int, width: int) -> None:
        least = min_side(self.encoder, self.options)
        if min(height, width) < least:
            raise LayerError(
                f"the image is {width}x{height} px, and to polish it needs {least}x{least} px or "
                "more. Use a larger one, or leave polish out."
            )
        if height * width > MAX_PIXELS:
            raise ConfigError(
                f"the image is {width}x{height} px, and only up to {MAX_PIXELS // 10**6} "
                "megapixels can be polished. Use a smaller copy, or leave polish out."
            )


def _mean(parts: Sequence[float], values: Sequence[float]) -> float:
    return sum(part * value for part, value in zip(parts, values, strict=True))


def _mapping(values: object) -> Mapping[str, object]:
    return values if isinstance(values, Mapping) else {}


def _is_weight(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < math.inf
