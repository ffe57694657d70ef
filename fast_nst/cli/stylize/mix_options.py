"""The options of ``fast-nst stylize`` that mix styles: a part of the table in ``options.py``."""

from __future__ import annotations

from pathlib import Path

import click

from fast_nst.cli.stylize.option import StylizeOption
from fast_nst.cli.stylize.values import GRADIENT, MIX

MIX_OPTIONS = (
    StylizeOption(
        "Look",
        "--mix",
        type=MIX,
        metavar="SHARES",
        help="Mix styles of one filter: a=0.6,b=0.4; or a,b, with a mask or gradient that says "
        "where. Or blend two filters: the share of the second --ckpt.",
    ),
    StylizeOption(
        "Look",
        "--mix-mask",
        "mix_masks",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="With --mix a,b: a where this image is black, b where it is white. Of more styles, "
        "one for each after the first.",
    ),
    StylizeOption(
        "Look",
        "--mix-feather",
        type=click.FloatRange(0),
        default=0.0,
        metavar="PX",
        help="Width of the soft border between styles.",
    ),
    StylizeOption(
        "Look",
        "--mix-gradient",
        type=GRADIENT,
        metavar="WAY",
        help="With --mix a..b: from a to b; horizontal, vertical, radial, or an angle in degrees.",
    ),
)
