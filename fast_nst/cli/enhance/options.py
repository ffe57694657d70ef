"""The options of ``fast-nst enhance``; those of files and videos are ``stylize``'s own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fast_nst.cli.groups import GroupedOption
from fast_nst.cli.options import LUT_FILES, check_cube
from fast_nst.cli.stylize.options import OPTIONS as STYLIZE_OPTIONS
from fast_nst.photo.options import PROTECTED

_FILE = click.Path(path_type=Path)


class Names(click.ParamType[Any]):
    """Names with commas between: ``skin,neutrals``."""

    name = "names"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Parse what the user wrote; unknown names are refused by the options themselves."""
        if not isinstance(value, str):
            return tuple(value)
        return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))


class MaskPair(click.ParamType[Any]):
    """Two files with a comma between."""

    name = "masks"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Path, Path]:
        """Parse what the user wrote."""
        if not isinstance(value, str):
            return (Path(value[0]), Path(value[1]))
        first, _, second = value.partition(",")
        if not first or not second:
            self.fail(
                f"{value!r} is no pair of files. Write PHOTO_MASK,REFERENCE_MASK.", param, ctx
            )
        return Path(first), Path(second)


def _shared(*names: str) -> dict[str, GroupedOption]:
    """Options of ``stylize``, which mean the same here, by their names in Python."""
    found = {option.name: option for option in STYLIZE_OPTIONS if option.name in names}
    return {name: found[name] for name in names}


SHARED = ("resume", "suffix", "quality", "depth", "metadata")
VIDEO = ("codec", "preset", "hdr", "deinterlace", "frames")

OPTIONS: tuple[GroupedOption, ...] = (
    GroupedOption(
        ["-o", "--output"], group="Files", metavar="OUT", help="A file, or a folder for several."
    ),
    GroupedOption(
        ["--sheet"],
        group="Files",
        type=_FILE,
        metavar="FILE",
        help="One image of photo, reference, result and two classic methods, with figures; beside "
        "-o or instead of it.",
    ),
    GroupedOption(
        ["--compare"],
        group="Files",
        type=_FILE,
        metavar="FILE.html",
        help="A page with a divider between before and after; beside -o or instead of it.",
    ),
    GroupedOption(
        ["--lut-out"],
        group="Files",
        type=_FILE,
        callback=check_cube,
        metavar="FILE.cube",
        help="The look as a LUT for editors, fitted to one photo; beside -o or instead of it. "
        "What depends on the place is not in it: see --global.",
    ),
    *_shared(*SHARED).values(),
    GroupedOption(
        ["--lut"],
        group="Look",
        type=_FILE,
        metavar="LUT",
        help=f"Instead of references, the colors of a LUT: {LUT_FILES}.",
    ),
    GroupedOption(
        ["--strength"],
        group="Look",
        type=click.FloatRange(0, 1),
        default=1.0,
        show_default=True,
        metavar="SHARE",
        help="Share of the look; 0 is the photo.",
    ),
    GroupedOption(
        ["--luma-only"],
        group="Look",
        is_flag=True,
        help="Take the light only: hue and saturation stay.",
    ),
    GroupedOption(
        ["--protect"],
        group="Look",
        type=Names(),
        default=(),
        metavar="NAMES",
        help=f"Tones that keep hue and saturation: {','.join(PROTECTED)}.",
    ),
    GroupedOption(
        ["--mask", "masks"],
        group="Look",
        type=MaskPair(),
        multiple=True,
        metavar="PHOTO_MASK,REFERENCE_MASK",
        help="Where the first image is white, the photo takes the look of where the second is. "
        "May be given several times.",
    ),
    GroupedOption(
        ["--local/--global", "local"],
        group="Look",
        default=True,
        show_default=True,
        help="Light place by place, with details kept, or the same function of color everywhere, "
        "as in a LUT. Videos are always global.",
    ),
    *_shared(*VIDEO).values(),
)
