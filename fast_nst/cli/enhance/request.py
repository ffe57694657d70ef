"""What ``fast-nst enhance`` is to do, made once of the command line, and how it runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fast_nst.batch.enhance import Enhancer, Grader, enhance_planned
from fast_nst.batch.paint import Saving
from fast_nst.batch.plan import IMAGES, Planned, plan
from fast_nst.cli.enhance.look import read_look, write_look
from fast_nst.cli.enhance.options import VIDEO
from fast_nst.cli.kept import refuse_to_overwrite, refuse_to_overwrite_another
from fast_nst.cli.options import make
from fast_nst.cli.stylize.report import run_files
from fast_nst.cli.stylize.request import Encoding
from fast_nst.errors import ConfigError
from fast_nst.photo.options import EnhanceOptions

if TYPE_CHECKING:
    from fast_nst.cli.enhance.video import EnhanceVideos


@dataclass(frozen=True)
class Request:
    """One command line.

    Attributes:
        enhancer: references and look, or a LUT.
        images: image files, and where their results go.
        videos: the same of videos, and how they are written.
        output: as the user wrote it; None for none.
        saving: how images are written.
        resume: pass over what is done.
        references: files, for the sheet.
        photo: the input, for sheet and page.
        sheet: a file, or None.
        compare: likewise.
        lut_out: likewise.
    """

    enhancer: Enhancer | Grader
    images: tuple[Planned, ...]
    videos: EnhanceVideos
    output: str | None
    saving: Saving
    resume: bool
    references: tuple[str, ...]
    photo: str
    sheet: Path | None
    compare: Path | None
    lut_out: Path | None

    def run(self) -> bool:
        """Write everything; return whether all is there."""
        complete = True
        if self.videos.files:
            from fast_nst.cli.enhance.video import run_enhance_videos

            complete &= run_enhance_videos(self.enhancer, self.videos)
        if self.images:
            complete &= run_files(
                lambda show: enhance_planned(
                    self.enhancer,
                    self.images,
                    saving=self.saving,
                    resume=self.resume,
                    on_progress=show,
                ),
                str(self.output),
            )
        if self.sheet or self.compare:
            from fast_nst.cli.enhance.shown import show

            show(self)
        if self.lut_out:
            write_look(self.enhancer, self.photo, self.lut_out)
        return complete


def make_request(chosen: Mapping[str, Any], given: Collection[str]) -> Request:
    """Make a request of the values of all options.

    Args:
        chosen: by their names in Python.
        given: the names of those that the user wrote.

    Raises:
        click.UsageError: If options do not fit together.
        FastNSTError: If a value cannot work, a file cannot be read, or inputs and output do not fit
            together.
    """
    from fast_nst.apps.video.plan import VIDEOS
    from fast_nst.cli.enhance.video import EnhanceVideos

    values = {
        **chosen,
        "suffix": f".{chosen['suffix']}" if chosen["suffix"] else None,
        "depth": int(chosen["depth"]) if chosen["depth"] else None,
        "keep_metadata": chosen["metadata"] == "keep",
    }
    options, saving = make(EnhanceOptions, values), make(Saving, values)
    values["encoding"] = make(Encoding, values)
    files: tuple[Planned, ...] = ()
    if chosen["output"] is not None:
        files = plan(
            [chosen["photo"]],
            chosen["output"],
            values["suffix"],
            (IMAGES, VIDEOS),
            on_skipped=lambda line: click.echo(f"note: {line}", err=True),
        )
    videos = tuple(file for file in files if file.medium is VIDEOS)
    images = tuple(file for file in files if file.medium is IMAGES)
    if files and not videos:
        for name in VIDEO:
            if name in given:
                raise click.UsageError(
                    f"--{name} is for videos, and there is none here. Leave it out."
                )
    _check_masks(chosen, files)
    _check_shown(chosen, files)
    return Request(
        read_look(chosen, options),
        images,
        make(EnhanceVideos, {**values, "files": videos}),
        chosen["output"],
        saving,
        chosen["resume"],
        tuple(chosen["references"]),
        chosen["photo"],
        chosen["sheet"],
        chosen["compare"],
        chosen["lut_out"],
    )


def _check_masks(chosen: Mapping[str, Any], files: Sequence[Planned]) -> None:
    """Refuse masks for several files, and results that would overwrite what is read."""
    masks = chosen["masks"]
    if masks and (len(files) > 1 or any(file.medium is not IMAGES for file in files)):
        raise click.UsageError("--mask is for one photo. Leave it out, or give one image.")
    targets: list[Any] = [file.target for file in files]
    targets += [chosen[name] for name in ("sheet", "compare", "lut_out")]
    for number, target in enumerate(targets):
        refuse_to_overwrite_another(target, targets[:number])
    read = [chosen["photo"], *chosen["references"], chosen["lut"]]
    refuse_to_overwrite([*read, *(each for pair in masks for each in pair)], targets)


def _check_shown(chosen: Mapping[str, Any], files: Sequence[Planned]) -> None:
    """Refuse what is of one photo for more, or by a name that cannot be written."""
    if chosen["lut_out"] and not chosen["lut"] and not _is_one_photo(chosen, files):
        raise click.UsageError("--lut-out is the look fitted to one photo. Give one image.")
    if not (chosen["sheet"] or chosen["compare"]):
        return
    from fast_nst.image.io import image_format

    if not _is_one_photo(chosen, files):
        raise click.UsageError("--sheet and --compare are of one photo. Give one image.")
    if chosen["sheet"]:
        image_format(chosen["sheet"])
    if chosen["compare"] and chosen["compare"].suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"{chosen['compare']} is no name of a page. Use one that ends in .html.")


def _is_one_photo(chosen: Mapping[str, Any], files: Sequence[Planned]) -> bool:
    if len(files) > 1 or not Path(chosen["photo"]).is_file():
        return False
    return all(file.medium is IMAGES for file in files)
