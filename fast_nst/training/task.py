"""What a training trains: the network, its loss, and what its filter says of itself."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fast_nst.config import TrainConfig, image_origin, style_digest, style_paths
from fast_nst.filters.checkpoint import FilterMetadata, Style
from fast_nst.image.resize import describe_resampler
from fast_nst.image.style import read_style, thumbnail
from fast_nst.losses.perceptual import create_loss
from fast_nst.startup import installed_version
from fast_nst.training.callbacks import Preview
from fast_nst.training.module import StyleTransferModule
from fast_nst.training.start import create_started_network, network_settings

LIBRARIES = ("fast-nst", "torch", "pytorch-lightning")


@dataclass(frozen=True)
class Task:
    """What is trained, ready for a module and a preview to be made of it.

    Attributes:
        metadata: of the filter.
        module: makes the module, of ``optimizer``, ``schedule`` and ``log_every_steps``.
        preview: makes the callback, of ``content``, ``shown``, ``folder`` and ``every_s``.
        notes: messages for the user, one line each.
    """

    metadata: FilterMetadata
    module: Callable[..., StyleTransferModule]
    preview: Callable[..., Preview]
    notes: list[str]


def one_style(config: TrainConfig, values: dict[str, Any]) -> Task:
    """A network of one style.

    Args:
        config: as for :func:`fast_nst.training.run.train`.
        values: the same as plain dicts.

    Raises:
        FastNSTError: For whatever the user can put right.
    """
    style_files = style_paths(config.style)
    origin, notes = image_origin(config.style)
    values = {**values, "style": values["style"] | origin}
    loss = create_loss(values, style_files)
    styles = [read_style(file, config.style.size) for file in style_files]
    name, arguments, start = network_settings(values["network"])
    bundled = None if config.style.image else config.style.texture
    network = create_started_network(name, arguments, start, styles, bundled)
    loss.check_network(network)
    metadata = FilterMetadata(
        styles=(
            Style(
                config.style.name,
                style_digest(style_files),
                thumbnail(styles[0]),
                config.style.title,
                config.style.painter,
            ),
        ),
        network=name,
        network_arguments=arguments,
        knobs=dict(network.knobs),
        config=values | {"resampler": describe_resampler()},
        license=origin["license"],
        **trained_by(),
    )
    shown = read_style(style_files[0], config.callbacks.preview_size)[None]

    def module(**others: Any) -> StyleTransferModule:
        return StyleTransferModule(network, loss, metadata=metadata, **others)

    def preview(**others: Any) -> Preview:
        return Preview(style=shown, **others)

    return Task(metadata, module, preview, notes)


def trained_by() -> dict[str, Any]:
    """Fields of a filter's metadata that say when, and by which versions, it was trained."""
    versions: Mapping[str, str] = {name: installed_version(name) for name in LIBRARIES}
    return {
        "versions": {**versions, "python": platform.python_version()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
