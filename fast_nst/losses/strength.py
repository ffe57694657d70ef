"""How far an image is on its way from the photo to the style, in figures that styles share."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

# Both were chosen by looking at results, with vgg_lite as the encoder; docs/evaluate.md says how.
UNDER_STYLIZED = 0.015  # normalized style error above which one sees a toned photo, no painting
OVER_STYLIZED = 0.45  # content agreement below which one no longer sees what the photo showed
AGREEMENT_LAYER = "relu3_1"


def normalized_style_error(gram: Tensor, target: Tensor) -> Tensor:
    """Squared distance of Gram matrices, divided by the largest that it could be.

    Gram matrices are positive semidefinite, so the inner product of two is never negative, and the
    squared distance at most the sum of their squared norms. The quotient says the same for styles
    with strong and with weak features, whereas the plain distance differs between styles by orders
    of magnitude.

    Args:
        gram: (B, C, C), of :func:`fast_nst.losses.functional.gram_matrix`.
        target: (B, C, C) or (1, C, C).

    Returns:
        (B,), float32 or wider, in [0, 1]: 0 if equal, 1 if they have no feature in common.
        Symmetric in its arguments, and unchanged when both are multiplied by a number. 0 for two
        matrices of zeros.

    References:
        Cheng et al. 2021, "Style-Aware Normalized Loss for Improving Arbitrary Style Transfer",
        where each layer's loss is divided by its supremum. The paper was not at hand; this follows
        descriptions of it by others.
    """
    wide = torch.promote_types(gram.dtype, torch.float32)
    gram, target = gram.to(wide), target.to(wide)
    bound = gram.square().sum((-2, -1)) + target.square().sum((-2, -1))
    return (gram - target).square().sum((-2, -1)) / bound.clamp_min(torch.finfo(wide).tiny)


def style_left(grams: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
    """How much of the way to the style is left: mean :func:`normalized_style_error` over layers.

    Args:
        grams: by layer, (B, C, C).
        targets: of the style, the same layers; (B, C, C) or (1, C, C).

    Returns:
        (B,), in [0, 1]. With ``vgg_lite``, photographs have 0.1 to 0.5, photographs in the style's
        colors 0.03 to 0.3, trained filters 0.0004 to 0.01; the style itself has 0. Above
        ``UNDER_STYLIZED``, a photo counts as under-stylized.

    Raises:
        ValueError: If there are no layers, or they differ.
    """
    if not targets or grams.keys() != targets.keys():
        raise ValueError(
            f"layers must be the same and at least one, got {list(grams)} and {list(targets)}"
        )
    errors = [normalized_style_error(grams[layer], target) for layer, target in targets.items()]
    return torch.stack(errors).mean(0)


def content_agreement(features: Tensor, content: Tensor) -> Tensor:
    """Correlate where features are strong, in an image and in the photo that it was made of.

    Each channel's mean is taken off first: what it says is in which places there is more of a
    feature than elsewhere. So a change of all colors costs little, whereas the distance of the
    features (the content loss) grows with every change that the style asks for, and cannot tell a
    strong style from a lost photo.

    Args:
        features: (B, C, H, W), of the stylized images at ``AGREEMENT_LAYER``.
        content: of the photos, the same shape.

    Returns:
        (B,), float32 or wider, in [-1, 1]: 1 if equal, 0 for a texture that knows nothing of the
        photo, and where one of the two is flat. Below ``OVER_STYLIZED``, the photo is hardly
        recognized, if both images had a short side of 256 px; in larger ones, strokes count more
        than they do for someone who looks at the whole image.

    The measure is this project's own.
    """
    wide = torch.promote_types(features.dtype, torch.float32)
    one, other = (
        each.to(wide) - each.to(wide).mean((2, 3), keepdim=True) for each in (features, content)
    )
    sums = (1, 2, 3)
    norms = (one.square().sum(sums) * other.square().sum(sums)).sqrt()
    return (one * other).sum(sums) / norms.clamp_min(1e-12)
