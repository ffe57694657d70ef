"""The style image that a filter was trained with, where it is at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import FilterMetadata
from fast_nst.paths import asset_path


def find_style_image(metadata: FilterMetadata) -> Path:
    """Find the style image by what a filter says of itself.

    A bundled style has the statistics of its painting in every version of the package, so its
    file need not be the very one. A file of the user's must be.

    Args:
        metadata: of a filter that is bound to one style.

    Raises:
        ConfigError: If it is not at hand; the message says why, and not what to do.
    """
    style = metadata.styles[0]
    config = metadata.config.get("style")
    values: Mapping[str, Any] = config if isinstance(config, Mapping) else {}
    if values.get("name") != style.name:  # of another program, or of another style in the file
        raise ConfigError(f"the file does not name the style image of {style.name!r}")
    image = values.get("image")
    if image is None:
        name = values.get("texture", style.name)  # older filters hold only the name
        bundled = asset_path(f"styles/{name}.webp")
        if not bundled.is_file():
            raise ConfigError(f"there is no bundled style {str(name)!r}")
        return bundled
    if isinstance(image, list):
        if len(image) != 1:
            raise ConfigError(f"{style.name!r} was made of {len(image)} images")
        image = image[0]
    file = Path(str(image)).expanduser()
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"its style image {file} cannot be read: {error.strerror}") from error
    if digest != style.sha256:
        raise ConfigError(f"its style image {file} has changed since the training")
    return file
