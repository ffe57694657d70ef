"""``fast-nst stylize``: apply a filter to images, videos or a camera."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click
from click.core import ParameterSource

from fast_nst.cli.groups import GroupedCommand
from fast_nst.cli.stylize.camera import run_camera
from fast_nst.cli.stylize.cluster import run_cluster
from fast_nst.cli.stylize.images import run_images, run_pipe, run_sheet
from fast_nst.cli.stylize.options import OPTIONS
from fast_nst.cli.stylize.request import (
    Camera,
    Cluster,
    Images,
    Pipe,
    Sheet,
    Video,
    make_requests,
)
from fast_nst.cli.stylize.video import run_video

# What runs each kind of request; it returns whether everything that was asked for is there.
RUN: Mapping[type, Callable[[Any], bool]] = {
    Images: run_images,
    Pipe: run_pipe,
    Sheet: run_sheet,
    Video: run_video,
    Camera: run_camera,
    Cluster: run_cluster,
}


@click.command(cls=GroupedCommand, params=list(OPTIONS))
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.pass_context
def stylize(ctx: click.Context, /, inputs: tuple[str, ...], **chosen: Any) -> None:
    """Repaint images, videos or a camera with a trained filter.

    INPUT is an image, a video, a folder of them, a pattern in quotes such as 'holiday/**/*.jpg',
    camera:0, or - for a pipe; with --cluster also a URL such as s3://bucket/holiday. OUT is a
    file for one input; for several, a folder, where they keep their names. Animated images stay
    animated.

    What fails is reported, the others go on, and the exit code is 1.

    \b
    Examples:
      fast-nst stylize --ckpt starry_night.safetensors cat.jpg -o cat_starry.jpg
      fast-nst stylize --ckpt starry_night.safetensors holiday/ -o holiday_starry/ --resume
      fast-nst stylize --ckpt starry_night.safetensors walk.mp4 -o walk_starry.mp4
      fast-nst stylize --ckpt starry_night.safetensors camera:0
      fast-nst stylize --ckpt starry_night.safetensors - -o - --format jpg < cat.jpg > starry.jpg
    """  # noqa: D301 - click looks for the character, not for the two
    requests = make_requests(inputs, chosen, written(ctx))
    complete = [RUN[type(request)](request) for request in requests]
    ctx.exit(0 if all(complete) else 1)


def written(ctx: click.Context) -> frozenset[str]:
    """The names in Python of all that the user wrote, rather than left at its default."""
    default = ParameterSource.DEFAULT
    return frozenset(name for name in ctx.params if ctx.get_parameter_source(name) is not default)
