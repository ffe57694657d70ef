"""The part of ``fast-nst stylize`` that is about clusters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import click
from click.core import ParameterSource

from fast_nst.apps.video.formats import is_video_target
from fast_nst.cli.stylize.video import is_camera_run
from fast_nst.errors import ConfigError, suggest
from fast_nst.runtimes.select import engine_names

RAY = "ray"
# What has no meaning where pictures go to many processes.
_ALONE = ("contact_sheet", "memory", "codec", "preset", "frames", "camera_size", "steady")


def is_cluster_run(ctx: click.Context, engine: str, places: Sequence[str]) -> bool:
    """Whether ``--engine`` names a cluster, and nothing is asked for that it cannot do.

    Args:
        ctx: of the command.
        engine: as the user wrote it.
        places: inputs and output.

    Raises:
        click.UsageError: If options do not fit together.
        ConfigError: If there is no such engine.
    """
    known = (*engine_names(), RAY)
    if engine not in known:
        raise ConfigError(
            f"no engine {engine!r}{suggest(engine, known)}. Engines: {', '.join(known)}."
        )
    if engine != RAY:
        urls = [place for place in places if "://" in place]
        if urls:
            raise click.UsageError(f"{urls[0]} is a URL, which needs --engine ray.")
        if ctx.get_parameter_source("worker_cpus") is not ParameterSource.DEFAULT:
            raise click.UsageError("--worker-cpus is for --engine ray.")
        return False
    from fast_nst.apps.video.plan import is_video

    given = [
        f"--{name.replace('_', '-')}"
        for name in _ALONE
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]
    if given:
        raise click.UsageError(f"--engine ray takes no {given[0]}. Leave one out.")
    if "-" in places or is_camera_run([place for place in places if place.startswith("camera:")]):
        raise click.UsageError("--engine ray takes pictures in files, no pipe and no camera.")
    videos = [place for place in places if is_video(PurePath(place).name) or is_video_target(place)]
    if videos:
        raise click.UsageError(
            f"{videos[0]} is a video, and --engine ray takes pictures. Leave --engine out."
        )
    return True
