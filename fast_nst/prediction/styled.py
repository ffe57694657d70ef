"""Filters of several styles, with knobs, from pictures at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fast_nst.config import style_digest
from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import STYLED, FilterMetadata, Style
from fast_nst.filters.checkpoint import UnboundFilter, save_filter
from fast_nst.image.style import thumbnail
from fast_nst.networks import create_network
from fast_nst.networks.styled import STROKE_SIZES, StyleDecoder, StyledNetwork
from fast_nst.prediction.bundled import has_trained, trained_styles
from fast_nst.prediction.load import load_predictor, predictor_digest
from fast_nst.prediction.make import (
    ENCODER,
    STYLE_SIZE,
    Picture,
    made_by,
    measure_style,
    predict_readable,
    style_size,
    style_source,
    with_photos,
)

THUMBNAIL = 64  # px; a file may hold many


def make_styles(
    pictures: Sequence[str | Path | Tensor], network: str = "quarter", *, trained: bool = True
) -> UnboundFilter:
    """Make one filter with each picture as a style of its own, without training.

    Its knobs are strength and stroke size, and its styles can be mixed. If all pictures are bundled
    styles, it is a part of the bundled filter, which was trained; else, all styles are a
    predictor's.

    Args:
        pictures: as :func:`~fast_nst.prediction.make.make_filter` takes them; one or more.
        network: one of ``predictor_names()``.
        trained: whether bundled styles may be taken from the bundled filter.

    Returns:
        The filter; ``save_styles`` writes it.

    Raises:
        ImageError, ConfigError: As ``make_filter`` does; ConfigError also if two pictures have the
            same name.
    """
    if not pictures:
        raise ConfigError("no picture to make a filter of. Give one or more.")
    predictor = load_predictor(network)
    found = [Picture.find(each) for each in pictures]
    names = [picture.name for picture in found]
    if trained and all(each.is_bundled for each in found) and has_trained(names, network):
        _check_distinct(names)
        return trained_styles(names, network)
    about = predictor.about
    arguments = {
        "base": about["network"],
        "base_arguments": about["network_arguments"],
        "code": about["predictor_arguments"]["code"],
        "rank": about["predictor_arguments"]["rank"],
        "styles": len(pictures),
    }
    made = create_network(STYLED, **arguments)
    assert isinstance(made, StyledNetwork)
    made.decoder.load_state_dict(predictor.decoder.state_dict())
    empty = FilterMetadata(
        styles=(),
        network=STYLED,
        network_arguments={**arguments, "styles": 0},
        knobs=dict(made.knobs),
        config={
            "encoder": {"name": ENCODER, "weights": None},
            "loss": about["loss"],
            "predictor": predictor_digest(network),
            "styles": {},
        },
    )
    metadata, codes = _add(empty, pictures)
    with torch.no_grad():
        made.codes.copy_(codes)
    return UnboundFilter(made.eval().requires_grad_(False), metadata)


def add_styles(file: UnboundFilter, pictures: Sequence[str | Path | Tensor]) -> UnboundFilter:
    """Add each picture as a style; the styles that are there stay as they are.

    Args:
        file: what ``load_unbound`` returned; it is not changed.
        pictures: as for :func:`make_styles`.

    Raises:
        ImageError, ConfigError: As :func:`make_styles` does; ConfigError also if the filter takes
            no further styles, or has one of this name.
    """
    before, metadata = file.network, file.metadata
    if not isinstance(before, StyledNetwork):
        raise ConfigError(
            f"its network {metadata.network} takes no further styles. Make a file that does: "
            "fast-nst make --each STYLE... -o FILE."
        )
    network = metadata.network_arguments["base"]
    if metadata.config.get("predictor") != predictor_digest(network):
        raise ConfigError(
            "it was made by another version of fast_nst, whose styles have other codes. Make it "
            "again: fast-nst make --each STYLE... -o FILE."
        )
    metadata, codes = _add(metadata, pictures, before.decoder)
    made = create_network(STYLED, **metadata.network_arguments)
    state = {**before.state_dict(), "codes": torch.cat([before.codes, codes])}
    made.load_state_dict(state)
    return UnboundFilter(made.eval().requires_grad_(False), metadata)


def save_styles(path: str | Path, made: UnboundFilter) -> Path:
    """Write a filter of several styles; in half precision, unless it was trained in more.

    Raises:
        CheckpointError: If the folder cannot be written.
    """
    weights = [value for name, value in made.network.state_dict().items() if name != "codes"]
    is_half = all(torch.equal(value, value.half().float()) for value in weights)
    return save_filter(
        path, made.network, made.metadata, torch.float16 if is_half else torch.float32
    )


def _check_distinct(names: Sequence[str]) -> None:
    """Raise ``ConfigError`` if two styles have the same name."""
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ConfigError(f"there are two styles named {name!r}. Rename the picture of one.")


def _add(
    metadata: FilterMetadata,
    pictures: Sequence[str | Path | Tensor],
    decoder: StyleDecoder | None = None,
) -> tuple[FilterMetadata, Tensor]:
    """The metadata with further styles, and those styles' codes for the file's decoder."""
    network = metadata.network_arguments["base"]
    found = [Picture.find(each) for each in pictures]
    names = [style.name for style in metadata.styles] + [picture.name for picture in found]
    _check_distinct(names)
    styles, codes, sources = [], [], {}
    for picture in found:
        code, predicted = _codes(picture, network, decoder)
        codes.append(code)
        files = [] if picture.path is None else [(picture.name, picture.path)]
        styles.append(
            Style(
                picture.name,
                style_digest([path for _, path in files]) if files else "",
                thumbnail(picture.read(STYLE_SIZE), THUMBNAIL),
            )
        )
        sources[picture.name] = {
            "name": picture.name,
            **style_source(files),
            "size": STYLE_SIZE,
            "predicted": predicted,
        }
    added = replace(
        metadata,
        styles=(*metadata.styles, *styles),
        network_arguments={**metadata.network_arguments, "styles": len(names)},
        config={**metadata.config, "styles": {**metadata.config["styles"], **sources}},
        **made_by(),
    )
    return added, torch.stack(codes)


def _codes(
    picture: Picture, network: str, decoder: StyleDecoder | None
) -> tuple[Tensor, dict[str, Any]]:
    """A style's codes for all stroke sizes, (sizes, code), and what it reaches at size 1."""
    predictor = load_predictor(network)
    measured = {size: measure_style([picture.read(style_size(size))]) for size in STROKE_SIZES}
    _, reach, share = predict_readable(measured[1.0], network, decoder)
    codes = [predictor.code(with_photos(measured[size], share))[0] for size in STROKE_SIZES]
    return torch.stack(codes), {"stroke_size": 1.0, "photo_share": share, **asdict(reach)}
