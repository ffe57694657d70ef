"""Whose look ``fast-nst enhance`` takes: that of photographs or of a LUT, and the LUT it writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import click

from fast_nst.batch.enhance import Enhancer, Grader, read_references
from fast_nst.cli.options import read_chosen_lut
from fast_nst.photo.options import EnhanceOptions

_OF_REFERENCES = {
    "luma_only": "--luma-only",
    "protect": "--protect",
    "masks": "--mask",
    "local": "--local and --global",
    "sheet": "--sheet",
    "compare": "--compare",
}


def check_look(chosen: Mapping[str, Any], given: Collection[str]) -> None:
    """Refuse neither references nor a LUT, both, and options that do not go with a LUT.

    Raises:
        click.UsageError: If so.
    """
    if chosen["lut"] is None:
        if not chosen["references"]:
            raise click.UsageError("give a REFERENCE, a photograph whose look is wanted, or --lut.")
        if chosen["masks"] and chosen["lut_out"]:
            raise click.UsageError(
                "a LUT is the same all over the image, and --mask is not. Leave one out."
            )
        return
    if chosen["references"]:
        raise click.UsageError(
            f"{chosen['references'][0]} and --lut are two looks. Leave one out, or enhance twice."
        )
    for name, flag in _OF_REFERENCES.items():
        if name in given:
            raise click.UsageError(f"{flag} goes with references, not with --lut. Leave it out.")


def read_look(chosen: Mapping[str, Any], options: EnhanceOptions) -> Enhancer | Grader:
    """What gives images the look.

    Raises:
        FastNSTError: If a file cannot be read, or has no look.
    """
    lut = read_chosen_lut(chosen["lut"])
    if lut is not None:
        return Grader(lut, options.strength)
    return Enhancer(read_references(chosen["references"], chosen["masks"]), options)


def write_look(enhancer: Enhancer | Grader, photo: str, target: Path) -> None:
    """Write the look as a LUT, fitted to a photo, and say so.

    Raises:
        FastNSTError: If the photo cannot be read, or the file not be written.
    """
    from fast_nst.image.arrays import array_from_pil
    from fast_nst.image.io import open_image
    from fast_nst.lut import Lut, write_cube
    from fast_nst.lut.table import sample

    if isinstance(enhancer, Grader):
        lut = enhancer.lut
        if enhancer.strength < 1:
            points = len(lut.table) if lut.shaper is None else 65
            table = sample(lut, points)
            lut = Lut(_weakened(table, enhancer.strength), title=lut.title)
    else:
        with open_image(photo) as opened:
            image = array_from_pil(opened)
        visible = None if image.alpha is None else image.alpha[0]
        lut = Lut(enhancer.fit(image.rgb, visible).lut(), title=target.stem)
    write_cube(target, lut)
    click.echo(f"wrote {target}")


def _weakened(table: Any, strength: float) -> Any:
    from fast_nst.lut.table import grid

    own = grid(len(table))
    return own + strength * (table - own)
