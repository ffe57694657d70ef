"""The images of a style transfer, checked and prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from fast_nst.encoders.base import Encoder
from fast_nst.errors import ConfigError, LayerError
from fast_nst.image.color import is_flat, luminance, match_colors, match_luminance
from fast_nst.optimize.options import TransferOptions
from fast_nst.optimize.regions import Mask, match_regions

MAX_PIXELS = 1 << 25


@dataclass(frozen=True)
class Inputs:
    """Content, styles and regions, prepared for the losses.

    Attributes:
        content: (1, 3, H, W) in [0, 1], at its own size.
        styles: likewise, their colors already changed where the content's are to be kept.
        regions: of the content, then of each style, (R, h, w) at the size of its image; empty
            without masks.
    """

    content: Tensor
    styles: list[Tensor]
    regions: list[Tensor]


def prepare(
    content: Tensor,
    styles: Sequence[Tensor],
    content_mask: Tensor | None,
    style_masks: Sequence[Tensor],
    names: Sequence[str],
    encoder: Encoder,
    options: TransferOptions,
) -> Inputs:
    """Check the images, find the regions and settle the colors.

    Args:
        content: (1, 3, H, W) in [0, 1].
        styles: likewise.
        content_mask: as large as the content, or None.
        style_masks: as large as their styles, or none.
        names: what messages call the content and the styles; empty for "the content" and so on.
        encoder: decides which sizes can work.
        options: size, blend and colors.

    Raises:
        ConfigError: If the numbers of styles, masks and shares do not fit, a mask has another size
            than its image or other regions than the content's, a style is one flat color, or an
            image would be too large.
        LayerError: If an image would be too small for a layer, or the encoder lacks one.
        ValueError: If an image is not (1, 3, H, W).
    """
    for image in (
        content,
        *styles,
        *([] if content_mask is None else [content_mask]),
        *style_masks,
    ):
        if image.ndim != 4 or image.shape[:2] != (1, 3) or 0 in image.shape:
            raise ValueError(f"an image is {tuple(image.shape)}; expected (1, 3, H, W).")
    named = list(names) or ["the content", *(f"style {n}" for n in range(1, len(styles) + 1))]
    _check_counts(len(styles), content_mask is not None, len(style_masks), options.blend)
    encoder.check_layers([*options.content_layers, *options.style_layers])
    short = options.size or min(content.shape[-2:])
    sides = [short, *(style_side(short, options) for _ in styles)]
    for name, image, side in zip(named, [content, *styles], sides, strict=True):
        _check_size(name, image, side, encoder, options)
    regions = _find_regions([content, *styles], content_mask, style_masks, named)
    colored = _settle_colors(content, styles, named, options.preserve_color)
    return Inputs(content, colored, regions)


def style_side(short: int, options: TransferOptions) -> int:
    """The short side of a style for content with this one, px."""
    return max(1, round(short * options.style_scale))


def min_side(encoder: Encoder, options: TransferOptions) -> int:
    """The short side, px, below which a layer that is used has no features."""
    return encoder.minimum_size([*options.content_layers, *options.style_layers])


def _check_counts(
    styles: int, content_mask: bool, style_masks: int, blend: Sequence[float]
) -> None:
    if styles == 0:
        raise ConfigError("there is no style. Give at least one.")
    if blend and len(blend) != styles:
        raise ConfigError(f"blend has {len(blend)} shares for {styles} styles. Give one for each.")
    if style_masks != (styles if content_mask else 0):
        raise ConfigError(
            f"there are {int(content_mask)} content masks and {style_masks} style masks for "
            f"{styles} styles. Give the content one and each style one, or none at all."
        )


def _check_size(
    name: str, image: Tensor, side: int, encoder: Encoder, options: TransferOptions
) -> None:
    height, width = image.shape[-2:]
    scale = side / min(height, width)
    height, width = round(height * scale), round(width * scale)
    if side < (least := min_side(encoder, options)):
        layers = [*options.content_layers, *options.style_layers]
        deepest = max(layers, key=encoder.layers.index)
        raise LayerError(
            f"{name} is too small at {width}x{height} px; {deepest} needs at least "
            f"{least}x{least}. Choose a larger size."
        )
    if height * width > MAX_PIXELS:
        raise ConfigError(
            f"{name} would be {width}x{height} px, and more than {MAX_PIXELS // 10**6} megapixels "
            "are too many. Choose a smaller size, or cut the image."
        )


def _find_regions(
    images: Sequence[Tensor],
    content_mask: Tensor | None,
    style_masks: Sequence[Tensor],
    names: Sequence[str],
) -> list[Tensor]:
    if content_mask is None:
        return []
    masks = [
        Mask(mask, f"the mask of {name}")
        for mask, name in zip([content_mask, *style_masks], names, strict=True)
    ]
    for mask, image, name in zip(masks, images, names, strict=True):
        if mask.rgb.shape[-2:] != image.shape[-2:]:
            got, expected = ("x".join(map(str, each.shape[:-3:-1])) for each in (mask.rgb, image))
            raise ConfigError(
                f"{mask.name} is {got} px, and {name} is {expected} px. Make them the same size."
            )
    return match_regions(masks[0], masks[1:])


def _settle_colors(
    content: Tensor, styles: Sequence[Tensor], names: Sequence[str], how: str
) -> list[Tensor]:
    settled = []
    for style, name in zip(styles, names[1:], strict=True):
        if is_flat(style):
            raise ConfigError(f"{name} is one flat color: it has no style. Use another image.")
        if how == "luminance":
            colored = match_luminance(luminance(style), luminance(content)).expand(-1, 3, -1, -1)
        else:
            colored = match_colors(style, content) if how == "match" else style
        if is_flat(colored):
            raise ConfigError(
                f"{name} becomes flat when it takes on the colors of {names[0]}. "
                "Set preserve_color to none."
            )
        settled.append(colored)
    return settled
