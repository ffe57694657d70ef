"""``fast-nst enhance``: photographs and videos take on the look of better photographs."""

from __future__ import annotations

from typing import Any

import click

from fast_nst.cli.enhance.options import OPTIONS, SHARED, VIDEO
from fast_nst.cli.groups import GroupedCommand


@click.command(cls=GroupedCommand, params=list(OPTIONS))
@click.argument("photo")
@click.argument("references", nargs=-1, metavar="[REFERENCE]...")
@click.pass_context
def enhance(ctx: click.Context, /, **chosen: Any) -> None:
    """Give a photograph the light and color of a better one; its structure stays.

    PHOTO is an image, a video, a folder of them, or a pattern in quotes such as 'trip/**/*.jpg'.
    REFERENCE is a photograph whose look is wanted; several are pooled; --lut instead of it takes
    the look of a LUT. OUT is a file, or a folder for several. Nothing is trained: the look is
    fitted to each photo, and to each shot of a video.

    \b
    Examples:
      fast-nst enhance me.jpg golden_hour.jpg -o me_golden.jpg
      fast-nst enhance trip/ golden_hour.jpg sunset.jpg -o trip_golden/ --strength 0.7
      fast-nst enhance me.jpg film.jpg -o me_film.tif --depth 16 --protect skin,neutrals
      fast-nst enhance me.jpg film.jpg -o me_film.jpg --mask my_sky.png,their_sky.png
      fast-nst enhance walk.mp4 film.jpg -o walk_film.mp4
      fast-nst enhance me.jpg film.jpg --sheet sheet.png --compare page.html
      fast-nst enhance me.jpg film.jpg --lut-out film.cube
      fast-nst enhance trip/ --lut film.cube -o trip_film/
    """  # noqa: D301 - click looks for the character, not for the two
    from fast_nst.cli.enhance.look import check_look
    from fast_nst.cli.enhance.request import make_request
    from fast_nst.cli.stylize.command import written

    if all(chosen[name] is None for name in ("output", "sheet", "compare", "lut_out")):
        raise click.UsageError("give -o OUT, --sheet FILE, --compare FILE or --lut-out FILE.")
    if "-" in (chosen["photo"], chosen["output"]):
        raise click.UsageError("enhance has no pipes. Name files instead of -.")
    given = written(ctx)
    check_look(chosen, given)
    if chosen["output"] is None:
        for name in (*SHARED, *VIDEO):
            if name in given:
                flag = next(option.opts[-1] for option in OPTIONS if option.name == name)
                raise click.UsageError(f"{flag} is for what goes to -o. Give -o, or leave it out.")
    complete = make_request(chosen, given).run()
    ctx.exit(0 if complete else 1)
