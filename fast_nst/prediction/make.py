"""Filters from pictures at once."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
from fast_nst.networks.layers import ScaledNetwork
from fast_nst.networks.styled import StyleDecoder
from fast_nst.paths import asset_path
from fast_nst.prediction.bundled import has_trained, trained_style
from fast_nst.prediction.load import load_predictor
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


def _predict(
    style: StyleStatistics, network: str, decoder: StyleDecoder | None = None
) -> ScaledNetwork:
    predictor = load_predictor(network)
    return (decoder or predictor.decoder).fold(predictor.code(style)[0])


def with_photos(style: StyleStatistics, share: float) -> StyleStatistics:
    """Mix photographs into a style, so that its filter leaves more of a photograph."""
    if not share:
        return style
    own = StyleStatistics.measure(create_encoder(ENCODER), trial_photos()).pooled()
    return style.mixed(own, torch.tensor([share]))


def predict_readable(
    style: StyleStatistics, network: str, decoder: StyleDecoder | None = None
) -> tuple[ScaledNetwork, Reach, float]:
    """A network that leaves photographs readable, if need be by mixing photographs into the style.

    Args:
        style: one.
        network: one of ``predictor_names()``.
        decoder: of a filter of several styles; the predictor's by default.

    Returns:
        The network, what it reaches on a few photographs, and their share in the mixture.
    """
    for share in PHOTO_SHARES:
        made = _predict(with_photos(style, share), network, decoder)
        reach = measure_reach(made, create_encoder(ENCODER), style, trial_photos())
        if reach.content_kept >= OVER_STYLIZED:
            break
    return made, reach, share


def trial_photos() -> Tensor:
    """Photographs that a filter is tried on, (PHOTOS, 3, H, W)."""
    return from_bytes(torch.from_numpy(np.stack(scenes(PHOTOS, STYLE_SIZE)))).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Picture:
    """A picture of a style: a file, or pixels that came from nowhere.

    Attributes:
        name: of the style.
        path: of the file; None for pixels.
        pixels: (3, H, W), RGB in [0, 1]; None for a file.
    """

    name: str
    path: Path | None = None
    pixels: Tensor | None = None

    @classmethod
    def find(cls, given: str | Path | Tensor) -> Picture:
        """What a user may give.

        Raises:
            ConfigError: If there is no such picture, or its name cannot be that of a style.
        """
        if isinstance(given, Tensor):
            return cls("picture", pixels=given)
        name, path = find_style(str(given))
        check_style_name(name)
        return cls(name, path)

    @property
    def is_bundled(self) -> bool:
        """Whether it is the image of a bundled style."""
        return self.path is not None and self.path.parent == asset_path("styles")

    def read(self, size: int) -> Tensor:
        """Its pixels, with a short side of ``size`` px.

        Raises:
            ImageError, ConfigError: As :func:`~fast_nst.image.style.read_style` does.
        """
        if self.path is None:
            assert self.pixels is not None
            return fit_style(self.pixels, size, MIN_SIDE)
        return read_style(self.path, size, MIN_SIDE)


def make_filter(
    pictures: Sequence[str | Path | Tensor],
    network: str = "quarter",
    *,
    stroke_size: float = 1.0,
    name: str | None = None,
) -> Filter:
    """Make a filter of one picture, or of several pictures of one hand, without training.

    For a bundled style, it is the bundled filter, which was trained; for others, a predictor's.

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
    size, scale = style_size(stroke_size), max(1.0, stroke_size)
    found = [Picture.find(each) for each in pictures]
    if len(found) == 1 and found[0].is_bundled and has_trained([found[0].name], network):
        made = trained_style(found[0].name, network, stroke_size)
        if name is None:
            return made
        check_style_name(name)
        own = replace(made.metadata.styles[0], name=name)
        return Filter(made.network, replace(made.metadata, styles=(own,)))
    images = [each.read(min(size, STYLE_SIZE)) for each in found]
    files = [(each.name, each.path) for each in found if each.path is not None]
    name = name or found[0].name
    check_style_name(name)
    predicted, reach, share = predict_readable(measure_style(images), network)
    predicted.set_stroke_scale(scale)
    about = load_predictor(network).about
    arguments = dict(about["network_arguments"])
    if scale > 1:
        arguments["stroke_scale"] = scale
    return Filter(
        predicted,
        FilterMetadata(
            styles=(
                Style(
                    name,
                    style_digest([path for _, path in files]) if files else "",
                    thumbnail(images[0]),
                ),
            ),
            network=about["network"],
            network_arguments=arguments,
            config={
                "style": {"name": name, **style_source(files), "size": size},
                "encoder": {"name": ENCODER, "weights": None},
                "loss": about["loss"],
                "predicted": {"stroke_size": stroke_size, "photo_share": share, **asdict(reach)},
            },
            **made_by(),
        ),
    )


def made_by() -> dict[str, Any]:
    """Fields of a filter's metadata that say when, and by which versions, it was made."""
    return {
        "versions": {each: installed_version(each) for each in ("fast-nst", "torch")}
        | {"python": platform.python_version()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def notes(found: Mapping[str, Any]) -> list[str]:
    """What the user should know of a predicted filter, a line each.

    Args:
        found: ``config["predicted"]`` of its metadata.
    """
    lines = []
    if found["style_left"] > UNDER_STYLIZED:
        lines.append(
            "the style is reached only in part. Train a filter of it: fast-nst make STYLE --refine "
            "60s -o FILTER."
        )
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
