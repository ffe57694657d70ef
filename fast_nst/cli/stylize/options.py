"""The options of ``fast-nst stylize``: one table, which also says what each of them goes with.

To add an option, add a row here and a field of its name to what is made of it in ``request.py``.
"""

from __future__ import annotations

from pathlib import Path

import click

from fast_nst.cli.options import DEVICE, LUT_FILES
from fast_nst.cli.stylize.kinds import (
    CLUSTERS,
    DEEP,
    FILES,
    GRIDS,
    IMAGES,
    IMAGES_HERE,
    IMAGES_OUT,
    SHEETS,
    VIDEOS,
    WRITTEN,
)
from fast_nst.cli.stylize.mix_options import MIX_OPTIONS
from fast_nst.cli.stylize.option import StylizeOption
from fast_nst.cli.stylize.values import GRID, WALK
from fast_nst.cli.stylize.video_options import VIDEO_OPTIONS
from fast_nst.runtimes.select import engine_help

_FILE = click.Path(path_type=Path)
_FORMATS = ("png", "jpg", "webp", "avif", "tif", "gif", "bmp", "exr")
_DEPTHS = ("8", "10", "16")

OPTIONS = (
    StylizeOption(
        "Files",
        "--ckpt",
        "checkpoints",
        multiple=True,
        metavar="FILE",
        type=_FILE,
        help="The filter: a .safetensors file, a .ckpt of a training, or an .onnx. Twice with "
        "--mix.",
    ),
    StylizeOption(
        "Files",
        "--style",
        "styles",
        multiple=True,
        metavar="PICTURE",
        help="Instead of --ckpt: paint in the style of this picture, or of a bundled style, with a "
        "filter that is made at once. Or one of the styles of --ckpt.",
    ),
    StylizeOption(
        "Files", "-o", "--output", metavar="OUT", help="A file, a folder, or - for a pipe."
    ),
    StylizeOption(
        "Files",
        "--contact-sheet",
        use=SHEETS,
        whole=True,
        type=_FILE,
        metavar="FILE",
        help="Instead of -o: all inputs and what each --ckpt makes of them, in one image.",
    ),
    StylizeOption(
        "Files", "--resume", use=FILES, is_flag=True, help="Pass over images that are done."
    ),
    StylizeOption(
        "Files",
        "--format",
        "suffix",
        use=IMAGES_OUT,
        type=click.Choice(_FORMATS),
        help="Of images in a folder, or in a pipe.  [default: as the input; png in a pipe]",
    ),
    StylizeOption(
        "Files",
        "--quality",
        use=WRITTEN,
        type=click.IntRange(1, 100),
        metavar="1-100",
        help="Of JPEG, WebP and AVIF.  [default: 95, 92, 85]",
    ),
    StylizeOption(
        "Files",
        "--depth",
        use=DEEP,
        type=click.Choice(_DEPTHS),
        help="Bits per channel: 16 in PNG and TIFF, 10 in AVIF.  [default: as the input, where "
        "the format holds them]",
    ),
    StylizeOption(
        "Files",
        "--metadata",
        use=IMAGES_OUT,
        type=click.Choice(["keep", "drop"]),
        default="keep",
        show_default=True,
        help="Author, copyright, dates, camera and resolution; places are never kept.",
    ),
    StylizeOption(
        "Look",
        "--strength",
        type=click.FloatRange(0, 1),
        default=1.0,
        show_default=True,
        metavar="SHARE",
        help="Share of the style; the rest is the image.",
    ),
    StylizeOption(
        "Look",
        "--stroke-size",
        type=float,
        metavar="FACTOR",
        help="Size of the strokes, of a filter that has this knob, or of --style: 0.5 to 3.",
    ),
    StylizeOption(
        "Look",
        "--preserve-color",
        whole=True,
        type=click.Choice(["none", "luminance", "match"]),
        default="none",
        show_default=True,
        help="luminance: change only the lightness; match: give the result the image's palette.",
    ),
    StylizeOption(
        "Look",
        "--scale",
        whole=True,
        type=click.FloatRange(0.25, 4),
        default=1.0,
        show_default=True,
        metavar="FACTOR",
        help="Size of the strokes, of any filter: resizes the image and the result.",
    ),
    StylizeOption(
        "Look",
        "--mask",
        whole=True,
        type=_FILE,
        metavar="FILE",
        help="Stylize where this image is white.",
    ),
    StylizeOption(
        "Look", "--mask-invert", whole=True, is_flag=True, help="Stylize where it is black."
    ),
    StylizeOption(
        "Look",
        "--mask-feather",
        whole=True,
        type=click.FloatRange(0),
        default=0.0,
        metavar="PX",
        help="Width of its soft border.",
    ),
    StylizeOption(
        "Look",
        "--lut",
        type=_FILE,
        metavar="LUT",
        help=f"Give the result the colors of a LUT, last of all: {LUT_FILES}.",
    ),
    StylizeOption(
        "Look",
        "--lut-before",
        type=_FILE,
        metavar="LUT",
        help="Give the image the colors of a LUT, before anything else.",
    ),
    *MIX_OPTIONS,
    StylizeOption(
        "Look",
        "--grid",
        use=GRIDS,
        whole=True,
        type=GRID,
        metavar="AXES",
        help="One image of one or two knobs at several values: 'strength=0,1 style=a,b'.",
    ),
    StylizeOption(
        "Look",
        "--animate",
        use=VIDEOS,
        type=WALK,
        metavar="WALKS",
        help="Turn knobs over the length of a video, or go from style to style: 'strength:0..1 "
        "style:a..b..a'.",
    ),
    StylizeOption(
        "Look",
        "--polish",
        use=IMAGES_HERE,
        whole=True,
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Then optimize the pixels in N iterations, such as 40: better, and much slower.",
    ),
    StylizeOption(
        "Look",
        "--polish-style",
        "polish_styles",
        use=IMAGES_HERE,
        whole=True,
        multiple=True,
        metavar="STYLE",
        help="With --polish, for a filter that comes without its style: an image, or the name of "
        "a bundled style. Once for each --ckpt.",
    ),
    *VIDEO_OPTIONS,
    StylizeOption("Running", "--device", **DEVICE),
    StylizeOption(
        "Running",
        "--engine",
        default="auto",
        show_default=True,
        metavar="NAME",
        help=f"{engine_help()}.",
    ),
    StylizeOption(
        "Running",
        "--cluster",
        use=CLUSTERS,
        is_flag=True,
        help="Stylize images on all machines of a Ray cluster, or in processes on this one; "
        "takes URLs, too.",
    ),
    StylizeOption(
        "Running",
        "--worker-cpus",
        use=CLUSTERS,
        type=click.IntRange(1),
        default=1,
        metavar="N",
        help="With --cluster: cores of each worker process.  [default: 1]",
    ),
    StylizeOption(
        "Running",
        "--range",
        "value_range",
        metavar="RANGE",
        help="Of an ONNX model that fast_nst did not write: 0-255, 0-1 or imagenet.",
    ),
    StylizeOption(
        "Running",
        "--memory",
        use=IMAGES,
        metavar="SIZE",
        help="Compute images in strips, so that about so much memory is used: 1.5GB, 800MB.",
    ),
)
