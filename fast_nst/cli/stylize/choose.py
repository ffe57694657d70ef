"""Which styles of filters are meant, and which values of their knobs; loads no torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from fast_nst.errors import CheckpointError, ConfigError
from fast_nst.filter_metadata import STYLED_KNOBS, Binding, FilterMetadata, check_knobs
from fast_nst.style_map import StyleMap

KNOBS = ("strength", "stroke_size")  # options, and the names of knobs


def choose(values: Mapping[str, Any], given: Collection[str]) -> dict[str, Any]:
    """Find what ``--style``, ``--mix``, ``--strength`` and ``--stroke-size`` mean for the filters.

    Masks of styles have been read.

    A filter with a knob for its strength is opened with that; with any other, the strength is a
    share of its result, as ``Controls`` has it.

    Args:
        values: of options, by their names in Python.
        given: the names of those that the user wrote.

    Returns:
        Values to use instead: ``styles`` (pictures only), ``bindings``, ``mix``, ``strength``.

    Raises:
        ConfigError: If a filter has no such style or knob, or a value is out of range.
    """
    files: tuple[Path, ...] = values["checkpoints"]
    metadata = [_read(file) if _matters(values, given) else None for file in files]
    inside, pictures = _choose_styles(files, metadata, values)
    turned = {name: float(values[name]) for name in KNOBS if name in given and values[name] != 1}
    if "stroke_size" in turned:
        for file, each in zip(files, metadata, strict=True):
            if each is not None and not each.paints:
                raise ConfigError(
                    f"{file} changes light and color, and paints no strokes. Leave --stroke-size "
                    "out."
                )
            if each is not None and "stroke_size" not in each.knobs:
                raise ConfigError(
                    f"{file} has no knob for the size of its strokes. Use --scale, or a filter "
                    "that has: fast-nst make --each STYLE -o FILE."
                )
    everywhere = all(each is not None and "strength" in each.knobs for each in metadata)
    knobs = {name: value for name, value in turned.items() if name != "strength" or everywhere}
    if isinstance(values["mix"], dict):
        bindings = [Binding(knobs=knobs, shares=values["mix"])]
    elif isinstance(values["mix"], tuple):
        where = (values[name] for name in ("mix_masks", "mix_gradient", "mix_feather"))
        style_map = StyleMap(values["mix"], *where)
        bindings = [Binding(knobs=knobs, style_map=style_map)]
    else:
        bindings = [Binding(style, knobs) for style in inside]
    if pictures:
        check_knobs(STYLED_KNOBS, knobs)
    of_pictures = [Binding(knobs=knobs)] * len(pictures)
    if values["grid"]:
        bindings = [each for binding in bindings for each in _spread(binding, values["grid"])]
        of_pictures = [each for binding in of_pictures for each in _spread(binding, values["grid"])]
        pictures = tuple(picture for picture in pictures for _ in of_pictures)
    for file, found in zip(files, metadata, strict=True):
        for binding in bindings:
            if found is not None:
                _check(file, found, binding)
    return {
        "styles": pictures,
        "bindings": (*bindings, *of_pictures),
        "mix": values["mix"] if isinstance(values["mix"], float) else None,
        "strength": values["strength"] if "strength" not in knobs else 1.0,
    }


def _spread(binding: Binding, axes: Sequence[tuple[str, list[Any]]]) -> list[Binding]:
    """Every combination of the values of axes; those of the first change fastest."""
    found = []
    for combined in product(*(values for _, values in reversed(axes))):
        setting = dict(zip((name for name, _ in reversed(axes)), combined, strict=True))
        style = setting.pop("style", binding.style)
        found.append(replace(binding, style=style, knobs={**binding.knobs, **setting}))
    return found


def _choose_styles(
    files: tuple[Path, ...], metadata: list[FilterMetadata | None], values: Mapping[str, Any]
) -> tuple[list[str | None], tuple[str, ...]]:
    """The styles of filters, None for the first of a file; and the pictures that remain."""
    styles: tuple[str, ...] = values["styles"]
    sheet = values["contact_sheet"] is not None and not values["grid"]
    if len(files) != 1 or isinstance(values["mix"], dict | tuple):
        return [None] * len(files), styles
    chooses = bool(styles) and not sheet and values["mix"] is None
    if metadata[0] is None:
        return ([styles[0]], ()) if chooses else ([None], styles)
    names = [style.name for style in metadata[0].styles]
    several = len(names) > 1
    if not styles:
        return (list(names) if sheet and several else [None]), ()
    if chooses:
        if not several:
            _refuse(files[0], names, styles[0])
        return [styles[0]], ()
    inside: list[str | None] = [style for style in styles if several and style in names]
    return inside or [None], tuple(style for style in styles if style not in inside)


def _refuse(file: Path, names: list[str], style: str) -> None:
    if style not in names:
        raise ConfigError(
            f"{file} has the style {names[0]!r} only. Leave --style {style} out, or give it "
            "without --ckpt."
        )


def _matters(values: Mapping[str, Any], given: Collection[str]) -> bool:
    """Whether it matters which styles and knobs the filters have."""
    chooses = {"styles", "grid", "animate", "contact_sheet", *KNOBS}
    return bool(chooses & set(given)) or isinstance(values["mix"], dict | tuple)


def _read(file: Path) -> FilterMetadata | None:
    """What a file says of itself; None where it cannot be read, which opening it reports."""
    from fast_nst.filters.metadata import read_metadata

    try:
        return read_metadata(file)
    except CheckpointError:
        return None


def _check(file: Path, metadata: FilterMetadata, binding: Binding) -> None:
    try:
        if binding.style_map is None:
            metadata.choose(binding)
        else:
            metadata.choose_map(binding)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
