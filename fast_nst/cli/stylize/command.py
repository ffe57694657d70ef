"""``fast-nst stylize``: apply a filter to pictures."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from fast_nst.cli.groups import GroupedCommand, option
from fast_nst.cli.options import DEVICE
from fast_nst.cli.progress import rate_bar
from fast_nst.cli.stylize.cluster import is_cluster_run
from fast_nst.cli.stylize.video import (
    check_video_usage,
    is_camera_run,
    run_camera,
    run_videos,
    video_options,
)
from fast_nst.runtimes.select import engine_help

if TYPE_CHECKING:
    from torch import Tensor

    from fast_nst.apps.video import FrameFilter
    from fast_nst.apps.video.plan import PlannedVideo
    from fast_nst.batch import Saving, StylizedFile, StylizeProgress, StylizeReport
    from fast_nst.inference import Controls, PictureFilter

ReportT = TypeVar("ReportT")
_PIPE = "-"
_FILE = click.Path(path_type=Path)
# What needs the whole picture at once.
_WHOLE = (
    *("strength", "preserve_color", "scale", "mask", "mask_invert", "mask_feather"),
    "contact_sheet",
)
_FORMATS = ("png", "jpg", "webp", "avif", "tif", "gif", "bmp")


@click.command(cls=GroupedCommand)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@option(
    "Files",
    "--ckpt",
    "checkpoints",
    required=True,
    multiple=True,
    metavar="FILE",
    type=_FILE,
    help="The filter: a .safetensors file, a .ckpt of a training, or an .onnx. Twice with --mix.",
)
@option("Files", "-o", "--output", metavar="OUT", help="A file, a folder, or - for a pipe.")
@option(
    "Files",
    "--contact-sheet",
    type=_FILE,
    metavar="FILE",
    help="Instead of -o: all inputs and what each --ckpt makes of them, in one picture.",
)
@option("Files", "--resume", is_flag=True, help="Pass over pictures that are done.")
@option(
    "Files",
    "--format",
    "suffix",
    type=click.Choice(_FORMATS),
    help="Of pictures in a folder, or in a pipe.  [default: as the input; png in a pipe]",
)
@option(
    "Files",
    "--quality",
    type=click.IntRange(1, 100),
    metavar="1-100",
    help="Of JPEG, WebP and AVIF.  [default: 95, 92, 85]",
)
@option(
    "Files",
    "--metadata",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    show_default=True,
    help="Author, copyright, dates and camera; places are never kept.",
)
@option(
    "Look",
    "--strength",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    metavar="SHARE",
    help="Share of the style; the rest is the picture.",
)
@option(
    "Look",
    "--preserve-color",
    type=click.Choice(["none", "luminance", "match"]),
    default="none",
    show_default=True,
    help="luminance: change only the lightness; match: give the result the picture's palette.",
)
@option(
    "Look",
    "--scale",
    type=click.FloatRange(0.25, 4),
    default=1.0,
    show_default=True,
    metavar="FACTOR",
    help="Size of the strokes.",
)
@option("Look", "--mask", type=_FILE, metavar="FILE", help="Stylize where this picture is white.")
@option("Look", "--mask-invert", is_flag=True, help="Stylize where it is black.")
@option(
    "Look",
    "--mask-feather",
    type=click.FloatRange(0),
    default=0.0,
    metavar="PX",
    help="Width of its soft border.",
)
@option(
    "Look",
    "--mix",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Blend two filters; SHARE is that of the second --ckpt.",
)
@video_options
@option("Running", "--device", **DEVICE)
@option(
    "Running",
    "--engine",
    default="auto",
    show_default=True,
    metavar="NAME",
    help=f"{engine_help()}; ray for a cluster.",
)
@option(
    "Running",
    "--worker-cpus",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="With --engine ray: cores of each worker process.  [default: 1]",
)
@option(
    "Running",
    "--range",
    "values",
    metavar="RANGE",
    help="Of an ONNX model that fast_nst did not write: 0-255, 0-1 or imagenet.",
)
@option(
    "Running",
    "--memory",
    metavar="SIZE",
    help="Compute pictures in strips, so that about so much memory is used: 1.5GB, 800MB.",
)
@click.pass_context
def stylize(
    ctx: click.Context,
    /,
    inputs: tuple[str, ...],
    checkpoints: tuple[Path, ...],
    output: str | None,
    contact_sheet: Path | None,
    resume: bool,
    suffix: str | None,
    quality: int | None,
    metadata: str,
    mask: Path | None,
    mix: float | None,
    codec: str | None,
    preset: str | None,
    frames: int | None,
    camera_size: int | None,
    steady: float,
    device: str,
    engine: str,
    worker_cpus: int,
    values: str | None,
    memory: str | None,
    **look: Any,
) -> None:
    """Repaint pictures, videos or a camera with a trained filter.

    INPUT is a picture, a video, a folder of them, a pattern in quotes such as 'holiday/**/*.jpg',
    camera:0, or - for a pipe; with --engine ray also a URL such as s3://bucket/holiday. OUT is a
    file for one input; for several, a folder, where they keep their names. Animated pictures stay
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
    from_camera = _check_usage(inputs, checkpoints, output, contact_sheet, mix)
    if memory is not None:
        engine = _check_memory_usage(ctx, checkpoints, (*inputs, output), engine)
    on_cluster = is_cluster_run(ctx, engine, (*inputs, *([output] if output else [])))
    # Nothing here imports PyTorch before it is needed: it takes longer than a small picture.
    from fast_nst.batch import Saving
    from fast_nst.inference import Controls, open_filter

    limit = None if memory is None else _parse_memory(memory)
    controls = Controls(mask=_read_mask(mask) if mask else None, **look)
    saving = Saving(quality, keep_metadata=metadata == "keep")
    if on_cluster:
        from fast_nst.apps.cluster import stylize_on_cluster

        cluster_report, seconds = _run_with_bar(
            ctx,
            lambda show: stylize_on_cluster(
                checkpoints,
                inputs,
                str(output),
                mix=mix,
                device=device,
                values=values,
                controls=controls,
                saving=saving,
                suffix=f".{suffix}" if suffix else None,
                resume=resume,
                worker_cpus=worker_cpus,
                on_progress=show,
            ),
        )
        _print_report(cluster_report, str(output), seconds, sheet=False)
        ctx.exit(1 if cluster_report.failures else 0)
    videos: tuple[PlannedVideo, ...] = ()
    if not from_camera and contact_sheet is None and _PIPE not in (*inputs, output):
        from fast_nst.apps.video.plan import plan_videos

        videos, inputs = plan_videos(inputs, str(output))
    moving = from_camera or bool(videos)
    check_video_usage(ctx, videos=bool(videos), from_camera=from_camera, output=output)
    stylizers = [
        open_filter(file, device, engine, values, _say_compiling, moving=moving)
        for file in checkpoints
    ]
    if mix is not None:
        stylizers = [_mix(stylizers, mix)]
    # Each kind of input and output is handed to a function of its own from here.
    if from_camera:
        run_camera(
            _frame_filter(stylizers[0], controls),
            inputs[0],
            output,
            codec=codec,
            preset=preset,
            quality=quality,
            camera_size=camera_size,
            steady=steady,
        )
        return
    whole = True
    if videos:
        whole = run_videos(
            ctx,
            _frame_filter(stylizers[0], controls),
            videos,
            codec=codec,
            preset=preset,
            quality=quality,
            frames=frames,
            steady=steady,
            resume=resume,
        )
        if not inputs:
            ctx.exit(0 if whole else 1)
    if contact_sheet is not None:
        report, seconds = _make_sheet(
            checkpoints, stylizers, inputs, contact_sheet, controls, saving
        )
        output = str(contact_sheet)
    elif inputs == (_PIPE,) or output == _PIPE:
        _stylize_pipe(stylizers[0], inputs[0], str(output), suffix, controls, saving)
        return
    else:
        report, seconds = _stylize_files(
            ctx, stylizers[0], inputs, str(output), controls, saving, suffix, resume, limit
        )
    _print_report(report, str(output), seconds, sheet=contact_sheet is not None)
    if report.failures or not whole:
        ctx.exit(1)


def _parse_memory(memory: str) -> int:
    from fast_nst.tiling.strips import parse_memory

    return parse_memory(memory)


def _read_mask(file: Path) -> Tensor:
    from fast_nst.inference import read_mask

    return read_mask(file)


def _mix(stylizers: list[PictureFilter], share: float) -> PictureFilter:
    from fast_nst.inference import Stylizer

    return Stylizer.blend(stylizers[0].to_torch(), stylizers[1].to_torch(), share)


def _frame_filter(stylizer: PictureFilter, controls: Controls) -> FrameFilter:
    from fast_nst.apps.video.filtering import Controlled

    return Controlled(stylizer.to_torch(), vars(controls))


def _say_compiling(height: int, width: int) -> None:
    click.echo(
        f"compiling for {width}x{height} px: about half a minute, some seconds the next time",
        err=True,
    )


def _check_usage(
    inputs: tuple[str, ...],
    checkpoints: tuple[Path, ...],
    output: str | None,
    contact_sheet: Path | None,
    mix: float | None,
) -> bool:
    """Refuse what cannot be meant.

    Returns:
        Whether the input is a camera, which needs no output.

    Raises:
        click.UsageError: If options do not fit together.
    """
    from_camera = is_camera_run(inputs)
    if from_camera and contact_sheet is not None:
        raise click.UsageError("a camera goes to a window or to -o, not to --contact-sheet.")
    if (output is None) == (contact_sheet is None) and not from_camera:
        raise click.UsageError("give either -o OUT or --contact-sheet FILE.")
    if mix is not None and len(checkpoints) != 2:
        raise click.UsageError(f"--mix blends two filters; --ckpt was given {len(checkpoints)}x.")
    if mix is None and len(checkpoints) > 1 and contact_sheet is None:
        raise click.UsageError("several --ckpt go together with --mix or --contact-sheet only.")
    if _PIPE in inputs and (len(inputs) > 1 or contact_sheet is not None):
        raise click.UsageError("- is one picture from a pipe; it goes with -o, and alone.")
    if output == _PIPE and len(inputs) > 1:
        raise click.UsageError("-o - writes one picture; give one INPUT.")
    return from_camera


def _check_memory_usage(
    ctx: click.Context,
    checkpoints: tuple[Path, ...],
    places: tuple[str | None, ...],
    engine: str,
) -> str:
    """Refuse what cannot be computed in strips.

    Returns:
        The engine to use instead of ``engine``.

    Raises:
        click.UsageError: If there is such.
    """
    given = [
        f"--{name.replace('_', '-')}"
        for name in _WHOLE
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]
    if given:
        raise click.UsageError(
            f"--memory computes in strips, which {given[0]} cannot. Leave one out."
        )
    if _PIPE in places or is_camera_run(tuple(place for place in places[:-1] if place)):
        raise click.UsageError("--memory goes from file to file, not with a pipe or a camera.")
    if engine not in ("auto", "torch") or any(f.suffix.lower() == ".onnx" for f in checkpoints):
        raise click.UsageError(
            "--memory needs --engine torch and a filter that is no .onnx. Leave one out."
        )
    return "torch"


def _stylize_files(
    ctx: click.Context,
    stylizer: PictureFilter,
    inputs: tuple[str, ...],
    output: str,
    controls: Controls,
    saving: Saving,
    suffix: str | None,
    resume: bool,
    memory: int | None,
) -> tuple[StylizeReport[StylizedFile, Path], float]:
    from fast_nst.batch import stylize_files

    return _run_with_bar(
        ctx,
        lambda show: stylize_files(
            stylizer,
            inputs,
            output,
            controls=controls,
            saving=saving,
            suffix=f".{suffix}" if suffix else None,
            resume=resume,
            memory=memory,
            on_progress=show,
        ),
    )


def _run_with_bar(
    ctx: click.Context, run: Callable[[Callable[[StylizeProgress[Any]], None]], ReportT]
) -> tuple[ReportT, float]:
    """Write files with a progress bar; say what is left when the user interrupts that."""
    try:
        return _with_bar(run)
    except KeyboardInterrupt:
        click.echo("interrupted; what is written is whole, and --resume goes on there", err=True)
        ctx.exit(130)


def _stylize_pipe(
    stylizer: PictureFilter,
    source: str,
    output: str,
    suffix: str | None,
    controls: Controls,
    saving: Saving,
) -> None:
    """Read from standard input, write to standard output, or both; nothing else is printed."""
    from fast_nst.batch import stylize_bytes
    from fast_nst.image.io import image_format, write_bytes

    kind = image_format(f"pipe.{suffix or 'png'}" if output == _PIPE else output)
    content = sys.stdin.buffer.read() if source == _PIPE else Path(source)
    stylized, note = stylize_bytes(stylizer, content, kind, controls=controls, saving=saving)
    if note:
        click.echo(f"note: {note}", err=True)
    if output == _PIPE:
        sys.stdout.buffer.write(stylized)
        sys.stdout.buffer.flush()
    else:
        write_bytes(output, stylized)


def _make_sheet(
    checkpoints: tuple[Path, ...],
    stylizers: list[PictureFilter],
    inputs: tuple[str, ...],
    target: Path,
    controls: Controls,
    saving: Saving,
) -> tuple[StylizeReport[StylizedFile, Path], float]:
    from fast_nst.batch.contact_sheet import make_contact_sheet, name_filters

    names = name_filters(checkpoints)
    if len(stylizers) < len(names):
        names = [" + ".join(names)]
    by_name: dict[str, PictureFilter] = dict(zip(names, stylizers, strict=True))
    return _with_bar(
        lambda show: make_contact_sheet(
            by_name, inputs, target, controls=controls, saving=saving, on_progress=show
        )
    )


def _print_report(
    report: StylizeReport[Any, Any], output: str, seconds: float, sheet: bool
) -> None:
    for note in report.notes:
        click.echo(f"note: {note}", err=True)
    for failure in report.failures:
        click.echo(f"error: {' '.join(failure.message.split())}", err=True)
    written, skipped = len(report.written), len(report.skipped)
    if report.failures:
        total = written + skipped + len(report.failures)
        click.echo(f"{len(report.failures)} of {total} pictures failed.", err=True)
    if skipped:
        click.echo(f"passed over {skipped} that were done")
    if sheet and written:
        click.echo(f"wrote {output}")
    elif written == 1:
        click.echo(f"wrote {report.written[0].target}")
    elif written:
        rate = f"in {seconds:.1f} s, {written / seconds:.1f} per second"
        place = output if "://" in output else Path(output)
        click.echo(f"wrote {written} pictures to {place} {rate}")


def _with_bar(
    run: Callable[[Callable[[StylizeProgress[Any]], None]], ReportT],
) -> tuple[ReportT, float]:
    """Run with a progress bar; return the report and the seconds it took."""
    begin = time.monotonic()
    with rate_bar("stylizing") as bar:
        task = bar.add_task("stylizing", total=None, rate="")

        def show(progress: StylizeProgress[Any]) -> None:
            rate = progress.done / (time.monotonic() - begin)
            bar.update(
                task, completed=progress.done, total=progress.total, rate=f"{rate:.1f} per second"
            )

        return run(show), time.monotonic() - begin
