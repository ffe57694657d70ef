"""Filters from pictures at once."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import Tensor

from fast_nst.config import check_style_name, find_style, style_digest
from fast_nst.encoders import create_encoder
from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import FilterMetadata, Style
from fast_nst.filters.checkpoint import Filter
from fast_nst.image.style import fit_style, read_style, thumbnail
from fast_nst.networks import TransformationNetwork
from fast_nst.paths import asset_path
from fast_nst.prediction.load import load_predictor
from fast_nst.prediction.predictor import filter_weights
from fast_nst.prediction.statistics import StyleStatistics
from fast_nst.startup import installed_version

ENCODER = "vgg_lite"  # the one that predictors were trained with
STYLE_SIZE = 256  # px, short side of a style image, for strokes of size 1
STROKE_SIZES = (0.5, 3.0)
MIN_SIDE = 32  # px; a smaller picture holds no strokes that could be measured


def predict_network(styles: Sequence[Tensor], network: str = "quarter") -> TransformationNetwork:
    """The network that paints in a style, with weights that a bundled predictor gives.

    Args:
        styles: (3, H, W) each, RGB in [0, 1]: one image, or several of one hand, whose statistics
            are averaged. The larger they are, the larger the strokes: see :func:`style_size`.
        network: one of ``predictor_names()``.

    Raises:
        ConfigError: If there is no predictor for this network.
        WeightsError: If its file is damaged.
    """
    predictor = load_predictor(network)
    encoder = create_encoder(ENCODER)
    statistics = StyleStatistics.concatenated(
        StyleStatistics.measure(encoder, image[None]) for image in styles
    ).pooled()
    made = deepcopy(predictor.network)
    made.load_state_dict(filter_weights(predictor, statistics))
    return made.eval().requires_grad_(False)


def make_filter(
    pictures: Sequence[str | Path | Tensor],
    network: str = "quarter",
    *,
    stroke_size: float = 1.0,
    name: str | None = None,
) -> Filter:
    """Make a filter of one picture, or of several pictures of one hand, without training.

    Args:
        pictures: image files, names of bundled styles, or (3, H, W) tensors, RGB in [0, 1].
        network: one of ``predictor_names()``.
        stroke_size: size of the strokes, relative to those of a default training, 0.5 to 3.
        name: of the style; that of the first picture by default.

    Returns:
        The filter; :func:`fast_nst.filters.checkpoint.save_filter` writes it.

    Raises:
        ImageError: If a picture cannot be read.
        ConfigError: If there is no such picture, it is a filter, has one color, or is tiny or a
            narrow strip; or if ``stroke_size`` is out of range or there is no predictor for this
            network.

    Example:
        >>> made = make_filter(["cat.jpg"])
        >>> save_filter("cat.safetensors", made.network, made.metadata)
    """
    if not pictures:
        raise ConfigError("no picture to make a filter of. Give one or more.")
    size = style_size(stroke_size)
    found = [each if isinstance(each, Tensor) else find_style(str(each)) for each in pictures]
    images = [
        fit_style(each, size, MIN_SIDE)
        if isinstance(each, Tensor)
        else read_style(each[1], size, MIN_SIDE)
        for each in found
    ]
    files = [each for each in found if not isinstance(each, Tensor)]
    name = name or (files[0][0] if files else "picture")
    check_style_name(name)
    made = predict_network(images, network)
    about = load_predictor(network).about
    return Filter(
        made,
        FilterMetadata(
            styles=(
                Style(
                    name,
                    style_digest([path for _, path in files]) if files else "",
                    thumbnail(images[0]),
                ),
            ),
            network=about["network"],
            network_arguments=about["network_arguments"],
            config={
                "style": {"name": name, **style_source(files), "size": size},
                "encoder": {"name": ENCODER, "weights": None},
                "loss": about["loss"],
                "predicted": {"stroke_size": stroke_size},
            },
            versions={each: installed_version(each) for each in ("fast-nst", "torch")}
            | {"python": platform.python_version()},
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )


def style_source(files: Sequence[tuple[str, Path]]) -> dict[str, Any]:
    """What a configuration says of style images: ``texture`` and ``image``.

    Args:
        files: what :func:`find_style` returned.
    """
    if len(files) == 1 and files[0][1].parent == asset_path("styles"):
        return {"texture": files[0][0], "image": None}
    return {"texture": None, "image": [str(path.absolute()) for _, path in files] or None}


def style_size(stroke_size: float) -> int:
    """Short side of a style image, px, for strokes of a relative size.

    Raises:
        ConfigError: If it is out of range.
    """
    least, most = STROKE_SIZES
    if not least <= stroke_size <= most:  # true for NaN as well
        raise ConfigError(f"stroke_size is {stroke_size:g}; expected {least:g} to {most:g}.")
    return round(STYLE_SIZE * stroke_size)
