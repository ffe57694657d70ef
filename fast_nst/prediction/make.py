"""Filters from pictures at once."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fast_nst.config import check_style_name, find_style, style_digest
from fast_nst.data.photos import scenes
from fast_nst.encoders import create_encoder
from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import FilterMetadata, Style
from fast_nst.filters.checkpoint import Filter
from fast_nst.image.eight_bit import from_bytes
from fast_nst.image.style import fit_style, read_style, thumbnail
from fast_nst.losses.strength import OVER_STYLIZED, UNDER_STYLIZED
from fast_nst.networks import TransformationNetwork
from fast_nst.paths import asset_path
from fast_nst.prediction.load import load_predictor
from fast_nst.prediction.predictor import filter_weights
from fast_nst.prediction.reach import Reach, measure_reach
from fast_nst.prediction.statistics import StyleStatistics
from fast_nst.startup import installed_version

ENCODER = "vgg_lite"  # the one that predictors were trained with
STYLE_SIZE = 256  # px, short side of a style image, for strokes of size 1
STROKE_SIZES = (0.5, 3.0)
PHOTOS = 3  # that a filter is tried on
PHOTO_SHARES = (0.0, 0.3, 0.6)  # of photographs in the style, until they stay readable
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
    return _predict(measure_style(styles), network)


def measure_style(images: Sequence[Tensor]) -> StyleStatistics:
    """Statistics of one style, averaged over images of (3, H, W), RGB in [0, 1]."""
    encoder = create_encoder(ENCODER)
    return StyleStatistics.concatenated(
        StyleStatistics.measure(encoder, image[None]) for image in images
    ).pooled()


def _predict(style: StyleStatistics, network: str) -> TransformationNetwork:
    predictor = load_predictor(network)
    made = deepcopy(predictor.network)
    made.load_state_dict(filter_weights(predictor, style))
    return made.eval().requires_grad_(False)


def _predict_readable(
    style: StyleStatistics, network: str
) -> tuple[TransformationNetwork, Reach, float]:
    """A network that leaves photographs readable, if need be by mixing photographs into the style.

    Returns:
        The network, what it reaches on a few photographs, and their share in the mixture.
    """
    encoder = create_encoder(ENCODER)
    photos = from_bytes(torch.from_numpy(np.stack(scenes(PHOTOS, STYLE_SIZE)))).permute(0, 3, 1, 2)
    for share in PHOTO_SHARES:
        mixed = style
        if share:
            own = StyleStatistics.measure(encoder, photos).pooled()
            mixed = style.mixed(own, torch.tensor([share]))
        made = _predict(mixed, network)
        reach = measure_reach(made, encoder, style, photos)
        if reach.content_kept >= OVER_STYLIZED:
            break
    return made, reach, share


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
    made, reach, share = _predict_readable(measure_style(images), network)
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
                "predicted": {"stroke_size": stroke_size, "photo_share": share, **asdict(reach)},
            },
            versions={each: installed_version(each) for each in ("fast-nst", "torch")}
            | {"python": platform.python_version()},
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )


def notes(metadata: FilterMetadata) -> list[str]:
    """What the user should know of a filter that :func:`make_filter` made, a line each."""
    found = metadata.config["predicted"]
    lines = []
    if found["style_left"] > UNDER_STYLIZED:
        lines.append("the style is reached only in part. Train the filter further: --refine 60s.")
    if found["content_kept"] < OVER_STYLIZED:
        lines.append("photos are hard to recognize in this style. Use stylize --strength 0.6.")
    elif found["photo_share"]:
        lines.append(
            f"the style is mixed with {found['photo_share']:.0%} of a photo's look, so that photos "
            "stay readable."
        )
    return lines


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
