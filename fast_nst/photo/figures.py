"""How well a photograph took on a look, and what became of its structure: four figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fast_nst.encoders.base import Encoder
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.functional import gram_matrix

Array = npt.NDArray[np.float32]

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
STYLE_SIZE = 384  # px, the short side that style is compared at
NEGLIGIBLE = 1.0  # of CIE L*, 0 to 100: smaller differences of neighbors are no gradient
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_STRONG = 99  # percentile of edges that counts as a full edge


def structure(photo: Array, result: Array, *, relative: bool = True) -> float:
    """Structural similarity of edge maps, -1 to 1 (the same edges).

    Args:
        photo: (H, W, 3) in [0, 1], sRGB; 7 px a side or more.
        result: likewise.
        relative: measure each image's edges by its own strong ones, the 99th percentile, as edge
            detectors do, whose answer does not depend on contrast; else both by the photo's.

    References:
        Yoo et al. 2019, "Photorealistic Style Transfer via Wavelet Transforms", sec. 4.3: SSIM of
        edge responses. There the edges are those of a trained detector, here Sobel's of luma.
        Wang et al. 2004 for SSIM, with its Gaussian window.
    """
    from skimage.filters import sobel
    from skimage.metrics import structural_similarity

    edges = [sobel(image @ _LUMA) for image in (photo, result)]  # type: ignore[no-untyped-call]
    strong = [max(float(np.percentile(each, _STRONG)), 1e-6) for each in edges]
    strong = strong if relative else [strong[0]] * 2
    maps = [np.minimum(each / full, 1) for each, full in zip(edges, strong, strict=True)]
    return float(
        structural_similarity(  # type: ignore[no-untyped-call]
            *maps, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )


def reversed_gradients(photo: Array, result: Array) -> float:
    """Share of the photo's gradients that turned against their direction, 0 to 1.

    Gradients are differences of CIE L* to the pixels at the right and below. Those that are
    negligible in the photo or in the result are not counted.

    Args:
        photo: (H, W, 3) in [0, 1], sRGB.
        result: likewise.
    """
    from skimage.color import rgb2lab

    gradients = []
    for image in (photo, result):
        lightness = rgb2lab(image)[..., 0]
        across = np.diff(lightness, axis=1)[:-1]
        down = np.diff(lightness, axis=0)[:, :-1]
        gradients.append((across, down))
    (x, y), (x_now, y_now) = gradients
    counted = np.hypot(x, y) > NEGLIGIBLE
    turned = counted & (np.hypot(x_now, y_now) > NEGLIGIBLE) & (x * x_now + y * y_now < 0)
    return float(turned.sum() / max(1, counted.sum()))


class StyleDistance:
    """How far images are from a reference, by an encoder's statistics.

    Args:
        reference: (H, W, 3) in [0, 1], sRGB.
        encoder: compares.
        layers: of the encoder.
    """

    def __init__(
        self, reference: Array, encoder: Encoder, layers: Sequence[str] = STYLE_LAYERS
    ) -> None:
        self._encoder, self._layers = encoder, tuple(layers)
        self._target = self._statistics(reference)

    def __call__(self, image: Array) -> dict[str, float]:
        """Measure (H, W, 3) in [0, 1].

        Returns:
            ``gram``: the style loss, squared distances of Gram matrices over the squared norm of
            the reference's, as in this package's trainings; ``gram_norm``: the same without the
            squares; ``moments``: distances of means and standard deviations over the norm of the
            reference's. Means over the layers.
        """
        own = self._statistics(image)
        found: dict[str, list[float]] = {"gram": [], "gram_norm": [], "moments": []}
        for layer in self._layers:
            (gram, moments), (wanted_gram, wanted_moments) = own[layer], self._target[layer]
            ratio = float((gram - wanted_gram).norm() / wanted_gram.norm())
            found["gram"].append(ratio**2)
            found["gram_norm"].append(ratio)
            found["moments"].append(
                float((moments - wanted_moments).norm() / wanted_moments.norm())
            )
        return {name: sum(values) / len(values) for name, values in found.items()}

    @torch.inference_mode()
    def _statistics(self, image: Array) -> dict[str, tuple[Tensor, Tensor]]:
        rgb = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        features = self._encoder(resize_short_side(rgb, STYLE_SIZE)[None], self._layers)
        found = {}
        for layer, values in features.items():
            flat = values.flatten(2)[0]
            moments = torch.stack([flat.mean(1), flat.std(1)])
            found[layer] = (gram_matrix(values)[0], moments)
        return found
