"""What a filter file says of itself, in whichever format; no torch in here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from fast_nst.errors import CheckpointError, ConfigError, suggest
from fast_nst.style_map import StyleMap

FORMAT_VERSION = 2
KEY = "fast_nst"
FILTER_SUFFIXES = (".safetensors", ".ckpt", ".onnx")  # of what is a filter, and no picture
STYLED = "styled"  # name of the network that is made around another: networks/styled.py
LOOKS = ("photo",)  # networks that change light and color, and paint nothing: networks/photo.py
SHARES_ROUNDING = 1e-3  # how far from 1 shares may sum to


@dataclass(frozen=True)
class Knob:
    """A number that a network takes besides images.

    Attributes:
        least: the smallest value.
        most: the largest.
        default: what it is where nobody says anything.
        meaning: what a larger value does, in a few words, for those who turn it.
    """

    least: float
    most: float
    default: float
    meaning: str = ""


# Knobs of STYLED; here, so that values can be checked without torch.
STYLED_KNOBS = {
    "strength": Knob(0, 1, 1, "more of the style; 0 is the photo"),
    "stroke_size": Knob(0.5, 3, 1, "larger strokes"),
}
STYLED_LEAST_STRENGTH = 0.5  # that decoders are trained for; below it, the photo is blended in
STYLED_STROKE_SIZES = (0.5, 1.0)  # that styles have codes for; larger ones are a network's scale


@dataclass(frozen=True)
class Style:
    """A style that a filter paints in.

    Attributes:
        name: what it is chosen by.
        sha256: of the style image's file, hexadecimal.
        thumbnail: a WebP image, base64.
        title: of the image.
        painter: who made it.
    """

    name: str
    sha256: str = ""
    thumbnail: str = ""
    title: str = ""
    painter: str = ""


@dataclass(frozen=True)
class Binding:
    """What a filter is opened with, where it has several styles or knobs.

    Attributes:
        style: the name of one of its styles; None for the first.
        knobs: values by the knobs' names; those that are missing have their defaults.
        shares: of styles in a mixture, by name; they sum to 1. Empty for one style.
        style_map: instead of them, of styles that vary over the image.
    """

    style: str | None = None
    knobs: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    style_map: StyleMap | None = None

    @classmethod
    def of(
        cls,
        style: str | None = None,
        knobs: Mapping[str, float] | None = None,
        mix: Mapping[str, Any] | StyleMap | None = None,
    ) -> Binding:
        """What the arguments ``style``, ``knobs`` and ``mix`` of functions stand for.

        Raises:
            ConfigError: If ``mix`` holds maps that do not go together.
        """
        if mix and not isinstance(mix, StyleMap):
            if all(getattr(share, "ndim", 0) == 0 for share in mix.values()):
                return cls(style, knobs or {}, {name: float(mix[name]) for name in mix})
            return cls(style, knobs or {}, style_map=StyleMap.of_shares(mix))
        return cls(style, knobs or {}, style_map=mix if isinstance(mix, StyleMap) else None)

    @property
    def key(self) -> str:
        """Short text that tells bindings of one file apart; empty if nothing is chosen."""
        if self == DEFAULTS:
            return ""
        values = {name: float(value) for name, value in self.knobs.items()}
        shares = {name: float(share) for name, share in self.shares.items()}
        more = [shares] if shares else [self.style_map.key] if self.style_map else []
        text = json.dumps([self.style, values, *more], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


DEFAULTS = Binding()


@dataclass(frozen=True)
class FilterMetadata:
    """What a filter file says of itself.

    Attributes:
        styles: one or more, in the order in which the network numbers them.
        network: name of the network, a key of ``networks.NETWORKS``.
        network_arguments: what it is built with.
        knobs: what the network takes besides images, by name, with the ranges that it was
            trained for.
        bound: the values of knobs that can no longer be turned, as in an exported file.
        config: the resolved training configuration.
        losses: unweighted losses on the validation images at the end.
        versions: of the libraries that trained it.
        created: ISO 8601, UTC.
        license: of the weights, as an SPDX expression or free text.
        format_version: of this document.
    """

    styles: tuple[Style, ...]
    network: str
    network_arguments: dict[str, Any]
    knobs: dict[str, Knob] = field(default_factory=dict)
    bound: dict[str, float] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    created: str = ""
    license: str = ""
    format_version: int = FORMAT_VERSION

    @property
    def style(self) -> str:
        """The style's name; the names of all, if there are several."""
        return ", ".join(style.name for style in self.styles)

    @property
    def paints(self) -> bool:
        """Whether it repaints photographs, rather than changing their light and color only."""
        return self.network not in LOOKS

    def choose(self, binding: Binding) -> tuple[int | list[float], dict[str, float]]:
        """What a binding stands for, as a network's ``bind`` takes it.

        Returns:
            The style's number, or a share of each style; and a value for every knob.

        Raises:
            ConfigError: If there is no such style or knob, a value is out of range, or shares do
                not sum to 1.
        """
        if binding.style_map is not None:
            raise ConfigError("this takes one setting of styles for the whole image, and no map.")
        values = check_knobs(self.knobs, binding.knobs)
        if not binding.shares:
            return 0 if binding.style is None else self.number(binding.style), values
        if binding.style is not None:
            raise ConfigError("a style and a mixture of styles were given. Leave one out.")
        shares = [0.0] * len(self.styles)
        for name, share in binding.shares.items():
            if not share >= 0:  # true for NaN as well
                raise ConfigError(f"the share of {name} is {share:g}; expected 0 or more.")
            shares[self.number(name)] = share
        if not abs(sum(shares) - 1) <= SHARES_ROUNDING:
            raise ConfigError(f"the shares of the styles sum to {sum(shares):g}; expected 1.")
        return shares, values

    def choose_map(self, binding: Binding) -> tuple[list[int], dict[str, float]]:
        """The same for styles that vary over the image: their numbers, and the knobs' values.

        Raises:
            ConfigError: As for :meth:`choose`.
        """
        if binding.style is not None or binding.shares or binding.style_map is None:
            raise ConfigError("a style and a map of styles were given. Leave one out.")
        values = check_knobs(self.knobs, binding.knobs)
        return [self.number(name) for name in binding.style_map.styles], values

    def number(self, name: str) -> int:
        """The number of a style, from 0.

        Raises:
            ConfigError: If there is no style of this name.
        """
        names = [style.name for style in self.styles]
        if name not in names:
            raise ConfigError(
                f"no style {name!r}{suggest(name, names)}. Styles: {', '.join(names)}."
            )
        return names.index(name)

    def with_bound(
        self, chosen: int | Sequence[float] | StyleMap, values: Mapping[str, float]
    ) -> FilterMetadata:
        """The same for a network that is bound to a style and to values: it has no knobs left."""
        if isinstance(chosen, int):
            style = self.styles[chosen]
        elif isinstance(chosen, StyleMap):
            first = self.styles[self.number(chosen.styles[0])]
            style = Style(" to ".join(chosen.styles), thumbnail=first.thumbnail)
        else:
            shares = sorted(zip(chosen, self.styles, strict=True), key=lambda each: -each[0])
            said = [f"{each.name} {share:.0%}" for share, each in shares if share]
            style = Style(", ".join(said), thumbnail=shares[0][1].thumbnail)
        config, network, arguments = self.config, self.network, self.network_arguments
        if network == STYLED:  # what is left of it is its base, and of styles, one
            network, arguments = arguments["base"], dict(arguments["base_arguments"])
            if values.get("stroke_size", 1.0) > 1:
                arguments["stroke_scale"] = values["stroke_size"]
            own = config.get("styles", {}).get(style.name)
            config = {name: value for name, value in config.items() if name != "styles"}
            config |= {"style": own} if own else {}
        return replace(
            self,
            styles=(style,),
            network=network,
            network_arguments=arguments,
            config=config,
            knobs={},
            bound={**self.bound, **values},
        )


def check_knobs(knobs: Mapping[str, Knob], values: Mapping[str, float]) -> dict[str, float]:
    """A value for every knob: the given one, or the default.

    Raises:
        ConfigError: If there is no knob of a name, or a value is out of its range.
    """
    for name, value in values.items():
        if name not in knobs:
            known = [f"{each} ({knob.least:g} to {knob.most:g})" for each, knob in knobs.items()]
            raise ConfigError(
                f"no knob {name!r}{suggest(name, knobs)}. "
                + (f"Knobs: {', '.join(known)}." if known else "There are none: leave it out.")
            )
        knob = knobs[name]
        if not knob.least <= value <= knob.most:  # true for NaN as well
            raise ConfigError(f"{name} is {value:g}; expected {knob.least:g} to {knob.most:g}.")
    return {name: float(values.get(name, knob.default)) for name, knob in knobs.items()}


def parse_metadata(document: Any, path: Path) -> FilterMetadata:
    """Check a metadata document, of this format or an older one.

    Raises:
        CheckpointError: If it is of a newer format, or lacks something.
    """
    if not isinstance(document, dict):
        raise CheckpointError(f"{path}: its {KEY!r} metadata is not a JSON object.")
    version = document.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise CheckpointError(f"{path}: its format version is {version!r}, not a number from 1 on.")
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format version {version}; this fast_nst reads up to {FORMAT_VERSION}. "
            "Upgrade: pip install -U fast-nst."
        )
    needed = ("style" if version == 1 else "styles", "network", "network_arguments")
    if missing := [name for name in needed if name not in document]:
        raise CheckpointError(f"{path}: its metadata lacks {', '.join(missing)}.")
    if version == 1:
        document = _from_format_1(document)
    try:
        styles = tuple(_build(Style, each) for each in document["styles"])
        knobs = {name: _build(Knob, each) for name, each in document.get("knobs", {}).items()}
    except (TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: the styles or knobs in its metadata are damaged ({error})."
        ) from error
    if not styles:
        raise CheckpointError(f"{path}: its metadata names no style.")
    metadata: FilterMetadata = _build(
        FilterMetadata, {**document, "styles": styles, "knobs": knobs}
    )
    return metadata


def _build(kind: Any, document: dict[str, Any]) -> Any:
    """An object of a dataclass; names that it does not know are left out."""
    known = {each.name for each in fields(kind)}
    return kind(**{name: value for name, value in document.items() if name in known})


def _from_format_1(document: dict[str, Any]) -> dict[str, Any]:
    """Format 1 had one style, spread over three names, and its title in the configuration."""
    config = document.get("config")
    said = config.get("style") if isinstance(config, dict) else None
    said = said if isinstance(said, dict) else {}
    style = {
        "name": document["style"],
        "sha256": document.get("style_sha256", ""),
        "thumbnail": document.get("style_thumbnail", ""),
        "title": said.get("title") or "",
        "painter": said.get("painter") or "",
    }
    return {**document, "styles": [style], "format_version": 2}
