"""What kind of request a command line is, and whether its options fit together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from fast_nst.apps.video.formats import is_video_target
from fast_nst.cli.stylize.kinds import Kind
from fast_nst.cli.stylize.options import OPTIONS
from fast_nst.errors import ConfigError, suggest
from fast_nst.runtimes.select import engine_names

PIPE = "-"


def find_kind(inputs: Sequence[str], chosen: Mapping[str, Any], given: Collection[str]) -> Kind:
    """Find the kind of request by the names of inputs and output.

    Args:
        inputs: as the user wrote them.
        chosen: the value of every option, by its name in Python.
        given: the options that the user wrote.

    Returns:
        One kind; for files, ``IMAGES | VIDEO``, as only a look into folders tells those apart.

    Raises:
        click.UsageError: If options do not fit together, or with that kind.
        ConfigError: If there is no such engine.
    """
    output = chosen["output"]
    kind = _kind_of(inputs, output, chosen)
    _check_places(inputs, output, chosen, kind)
    _check_filters(chosen)
    _check_polish(chosen, given)
    _check_grid(chosen)
    _check_map(chosen)
    refuse_others(given, kind)
    if chosen["memory"] is not None:
        _check_memory(chosen, given)
    return kind


def refuse_others(given: Collection[str], kinds: Kind) -> None:
    """Refuse options that would do nothing.

    Args:
        given: the options that the user wrote.
        kinds: those of the requests.

    Raises:
        click.UsageError: If there is one.
    """
    for option in OPTIONS:
        if option.name not in given or option.use.kinds & kinds:
            continue
        if kinds == Kind.CLUSTER:
            raise click.UsageError(f"--cluster takes no {option.flag}. Leave one out.")
        raise click.UsageError(
            f"{option.flag} is for {option.use.whose}, and there is none here. Leave it out."
        )


def _kind_of(inputs: Sequence[str], output: str | None, chosen: Mapping[str, Any]) -> Kind:
    if chosen["cluster"]:
        return Kind.CLUSTER
    if any(_is_camera(each) for each in inputs):
        recorded = output is not None and not output.startswith("virtual:")
        return Kind.RECORDING if recorded else Kind.CAMERA
    if chosen["contact_sheet"] is not None or chosen["grid"]:
        return Kind.SHEET
    if PIPE in (*inputs, output):
        return Kind.PIPE
    return Kind.IMAGES | Kind.VIDEO


def _check_places(
    inputs: Sequence[str], output: str | None, chosen: Mapping[str, Any], kind: Kind
) -> None:
    """Refuse inputs and outputs that do not go together."""
    sheet = chosen["contact_sheet"]
    cameras = [each for each in inputs if _is_camera(each)]
    if cameras and len(inputs) > 1:
        raise click.UsageError(f"{cameras[0]} is one camera; give it alone.")
    if (output is None) == (sheet is None) and not kind & (Kind.CAMERA | Kind.RECORDING):
        raise click.UsageError("give either -o OUT or --contact-sheet FILE.")
    if PIPE in inputs and (len(inputs) > 1 or sheet is not None):
        raise click.UsageError("- is one image from a pipe; it goes with -o, and alone.")
    if output == PIPE and len(inputs) > 1:
        raise click.UsageError("-o - writes one image; give one INPUT.")
    places = [*inputs, *([output] if output else [])]
    if kind == Kind.CLUSTER:
        _check_cluster(places)
        return
    from fast_nst.batch.places import is_url  # loads Pillow

    urls = [place for place in places if is_url(place)]
    if urls:
        raise click.UsageError(f"{urls[0]} is a URL, which needs --cluster.")


def _check_cluster(places: Sequence[str]) -> None:
    from fast_nst.apps.video.plan import is_video

    if PIPE in places or any(_is_camera(place) for place in places):
        raise click.UsageError("--cluster takes images in files, no pipe and no camera.")
    videos = [place for place in places if is_video(place) or is_video_target(place)]
    if videos:
        raise click.UsageError(
            f"{videos[0]} is a video, and --cluster takes images. Leave --cluster out."
        )


def _check_filters(chosen: Mapping[str, Any]) -> None:
    """Refuse filters that do not go together, and what is no engine."""
    count = len(chosen["checkpoints"]) + len(chosen["styles"])
    if count == 0:
        raise click.UsageError("give a filter, --ckpt FILE, or a picture, --style PICTURE.")
    mix = chosen["mix"]
    if isinstance(mix, float) and count != 2:
        raise click.UsageError(
            f"--mix SHARE blends two filters; --ckpt and --style name {count}. For styles of one "
            "filter, write --mix a=0.6,b=0.4."
        )
    if isinstance(mix, dict | tuple) and (count != 1 or chosen["styles"]):
        raise click.UsageError("--mix a=0.6,b=0.4 mixes styles of one --ckpt. Give that alone.")
    chooses = len(chosen["checkpoints"]) == len(chosen["styles"]) == 1  # a style of the filter
    if mix is None and count > 1 and not chooses and chosen["contact_sheet"] is None:
        raise click.UsageError(
            "several --ckpt or --style go together with --mix or --contact-sheet only."
        )
    engine = chosen["engine"]
    if engine == "ray":
        raise click.UsageError(
            "ray is no engine: give --cluster for a Ray cluster, and --engine for what its "
            "workers compute with."
        )
    if engine not in engine_names():
        raise ConfigError(
            f"no engine {engine!r}{suggest(engine, engine_names())}. "
            f"Engines: {', '.join(engine_names())}."
        )


def _check_grid(chosen: Mapping[str, Any]) -> None:
    axes = chosen["grid"]
    if not axes:
        return
    if len(axes) > 2 or len({name for name, _ in axes}) < len(axes):
        raise click.UsageError("--grid takes one or two different knobs. Leave one out.")
    counts = len(chosen["checkpoints"]), len(chosen["styles"])
    if counts not in ((1, 0), (0, 1), (1, 1)) or isinstance(chosen["mix"], float):
        raise click.UsageError("--grid is of one filter; give one --ckpt, or one --style.")


def _check_map(chosen: Mapping[str, Any]) -> None:
    """Refuse masks and gradients of styles that say nothing, or go with nothing."""
    masks, gradient, mix = chosen["mix_masks"], chosen["mix_gradient"], chosen["mix"]
    flag = "--mix-mask" if masks else "--mix-gradient"
    if chosen["mix_feather"] and not masks:
        raise click.UsageError("--mix-feather goes with --mix-mask. Give both, or leave it out.")
    if not isinstance(mix, tuple):
        if masks or gradient is not None:
            raise click.UsageError(f"{flag} goes with the names of styles: --mix a,b.")
        return
    if not masks and gradient is None:
        raise click.UsageError(
            "--mix names styles and no shares. Write a=0.6,b=0.4, or say where each is: --mix-mask "
            "FILE, or --mix-gradient horizontal."
        )
    if masks and gradient is not None:
        raise click.UsageError("--mix-mask and --mix-gradient exclude each other. Leave one out.")
    if masks and len(masks) != len(mix) - 1:
        raise click.UsageError(
            f"--mix names {len(mix)} styles, and there are {len(masks)} --mix-mask. Give one for "
            "each style after the first, white where that style is."
        )
    for name in ("animate", "polish"):
        if chosen[name]:
            raise click.UsageError(
                f"--{name} takes one setting of styles for the whole image, which {flag} is not. "
                "Leave one out."
            )


def _check_polish(chosen: Mapping[str, Any], given: Collection[str]) -> None:
    """Refuse style images that nothing is done with, or that are not one for each filter."""
    styles = len(chosen["polish_styles"])
    filters = len(chosen["checkpoints"]) + len(chosen["styles"])
    if styles and "polish" not in given:
        raise click.UsageError("--polish-style goes with --polish N. Give both, or leave it out.")
    if styles not in (0, filters):
        raise click.UsageError(
            f"--polish-style was given {styles}x, and --ckpt or --style {filters}x. Give one for "
            "each, in the same order, or leave it out."
        )


def _check_memory(chosen: Mapping[str, Any], given: Collection[str]) -> None:
    """Refuse what cannot be computed in strips."""
    for option in OPTIONS:
        if option.whole and option.name in given:
            raise click.UsageError(
                f"--memory computes in strips, which {option.flag} cannot. Leave one out."
            )
    files: tuple[Path, ...] = chosen["checkpoints"]
    if chosen["engine"] not in ("auto", "torch") or any(f.suffix.lower() == ".onnx" for f in files):
        raise click.UsageError(
            "--memory needs --engine torch and a filter that is no .onnx. Leave one out."
        )


def _is_camera(name: str) -> bool:
    return name.startswith("camera:")
