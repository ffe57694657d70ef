"""The options of ``fast-nst stylize`` under "Video": a part of the table in ``options.py``."""

from __future__ import annotations

import click

from fast_nst.apps.video.formats import CODECS, DEINTERLACE, HDR, PRESETS, is_image_codec
from fast_nst.cli.stylize.kinds import CAMERAS, FRAMES, VIDEO_FILES, VIDEOS
from fast_nst.cli.stylize.option import StylizeOption

_CODECS = [name for name in CODECS if not is_image_codec(name)]

VIDEO_OPTIONS = (
    StylizeOption(
        "Video",
        "--codec",
        use=VIDEO_FILES,
        type=click.Choice(_CODECS),
        help="Of videos.  [default: h264; vp9 in .webm, prores in .mov; for more than 8 bits "
        "hevc, av1 in .webm]",
    ),
    StylizeOption(
        "Video",
        "--preset",
        use=VIDEO_FILES,
        type=click.Choice(PRESETS),
        help="Of videos in H.264 and HEVC: the faster, the larger the file.  "
        "[default: faster; fast for HEVC]",
    ),
    StylizeOption(
        "Video",
        "--hdr",
        use=VIDEOS,
        type=click.Choice(HDR),
        default="sdr",
        show_default=True,
        help="Of videos in PQ or HLG: write them as BT.709, or keep their luminance.",
    ),
    StylizeOption(
        "Video",
        "--deinterlace",
        use=VIDEOS,
        type=click.Choice(DEINTERLACE),
        default="auto",
        show_default=True,
        help="Of interlaced videos; off paints their combs.",
    ),
    StylizeOption(
        "Video",
        "--frames",
        use=VIDEOS,
        type=click.IntRange(1),
        metavar="N",
        help="Of videos, only the first N frames.",
    ),
    StylizeOption(
        "Video",
        "--steady",
        use=FRAMES,
        type=click.FloatRange(0, 1),
        default=0.0,
        show_default=True,
        metavar="SHARE",
        help="Against flicker, also of cameras: share of the last frames in what stays in "
        "sight, such as 0.9; takes about as much time again.",
    ),
    StylizeOption(
        "Video",
        "--camera-size",
        use=CAMERAS,
        type=click.IntRange(1),
        metavar="PX",
        help="Short side of the camera's frames.  [default: the camera's own]",
    ),
)
