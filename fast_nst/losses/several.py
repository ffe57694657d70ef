"""The perceptual losses of several styles, each at several stroke sizes, for one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from fast_nst.encoders import Encoder
from fast_nst.losses.base import Content
from fast_nst.losses.perceptual import PerceptualLoss

TURNED = ("style", "coarse", "palette")  # terms that a strength takes weight from
COARSE_SHARE = 0.5  # of the style's weight, for strokes that are larger than usual


class SeveralLosses(nn.Module):
    """A loss for each style and stroke size; all have the same terms and weights.

    For strokes larger than usual, half of the style's weight goes to the ``coarse`` term: the
    encoder does not see far enough otherwise.

    Args:
        encoder: as for :class:`PerceptualLoss`.
        styles: by name, each style's image by stroke size, (3, H, W), RGB in [0, 1].
        settings: as for :class:`PerceptualLoss`.

    Raises:
        ConfigError, LayerError: As :class:`PerceptualLoss` does.
    """

    draws_random = True  # of its users: which style each image gets

    def __init__(
        self,
        encoder: Encoder,
        styles: Mapping[str, Mapping[float, Tensor]],
        settings: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.names = tuple(styles)
        self.stroke_sizes = tuple(styles[self.names[0]])
        self.by_style = nn.ModuleList(
            nn.ModuleList(
                PerceptualLoss(encoder, image[None], **_at_size(settings, size))
                for size, image in sizes.items()
            )
            for sizes in styles.values()
        )
        self.usual = self.stroke_sizes.index(1.0)

    def of(self, style: int, size: int | None = None) -> PerceptualLoss:
        """The loss of a style, at the stroke size with this number, or the usual one."""
        sizes = cast(nn.ModuleList, self.by_style[style])
        return cast(PerceptualLoss, sizes[self.usual if size is None else size])

    @property
    def weights(self) -> dict[str, float]:
        """Of the terms, at the usual stroke size."""
        return self.of(0).weights

    def content_targets(self, images: Tensor) -> Content:
        """As :meth:`PerceptualLoss.content_targets`: it is the same for all styles."""
        return self.of(0).content_targets(images)

    def forward(
        self,
        stylized: Tensor,
        content: Content,
        networks: Sequence[nn.Module],
        aims: Sequence[tuple[int, int, float]],
    ) -> dict[str, Tensor]:
        """Means of the weighted terms over the images, each in a style of its own.

        Args:
            stylized: (B, 3, H, W) in [0, 1].
            content: of all of them.
            networks: for each image, what stylized it.
            aims: for each image, the numbers of its style and stroke size, and the weight of the
                style, in (0, 1], that goes with its strength.

        Returns:
            By name, float32 scalars.
        """
        sums: dict[str, list[Tensor]] = {name: [] for name in self.weights}
        for index, (style, size, weight) in enumerate(aims):
            one = slice(index, index + 1)
            own = Content(
                content.images[one], {name: each[one] for name, each in content.features.items()}
            )
            loss = self.of(style, size)
            # Weaker styles have smaller gradients, which those of full strength would drown.
            emphasis = weight**-0.5
            for name, value in loss(stylized[one], own, networks[index]).items():
                if name == "content":
                    factor = emphasis
                else:
                    factor = emphasis * weight if name in TURNED else 1.0
                sums.setdefault(name, []).append(value * factor)
        return {name: torch.stack(each).sum() / len(aims) for name, each in sums.items()}

    def balanced(self) -> dict[str, dict[str, list[float]]]:
        """As :meth:`PerceptualLoss.balanced` at the usual stroke size, by style."""
        found = {name: self.of(style).balanced() for style, name in enumerate(self.names)}
        return {name: terms for name, terms in found.items() if terms}


def _at_size(settings: Mapping[str, Any], size: float) -> dict[str, Any]:
    if size <= 1:
        return dict(settings)
    share = settings.get("style_weight", 0.0) * COARSE_SHARE
    return {
        **settings,
        "style_weight": settings.get("style_weight", 0.0) - share,
        "coarse_weight": settings.get("coarse_weight", 0.0) + share,
    }
