"""What ``fast-nst stylize`` is to do: one frozen request, made once.

Every kind of request has a module with the function that runs it; nothing after this one asks
what was written on the command line.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fast_nst.cli.kept import refuse_to_overwrite
from fast_nst.cli.options import make, read_chosen_lut
from fast_nst.cli.stylize.choose import choose
from fast_nst.cli.stylize.kinds import Kind
from fast_nst.cli.stylize.usage import find_kind, refuse_others
from fast_nst.filter_metadata import Binding

if TYPE_CHECKING:
    from fast_nst.batch import Saving
    from fast_nst.batch.plan import Planned
    from fast_nst.inference import Controls


@dataclass(frozen=True)
class Filters:
    """Which filter files, and what computes them.

    Attributes:
        checkpoints: filter files. With ``styles``, one in all; two with ``mix``; any number for a
            contact sheet.
        styles: pictures, or names of bundled styles, that filters are made of.
        mix: share of the second, where two are blended.
        device: as for ``Stylizer.load``, like all that follows.
        engine: likewise.
        value_range: the range of an ONNX model that fast_nst did not export.
        bindings: style and knobs of each of ``checkpoints``, then of each of ``styles``; of one
            checkpoint, there may be several.
        turned: whether knobs change while the filters run, so that pictures need them.
        polish: iterations after the filter, of images; 0 for none.
        polish_styles: style images, or names of bundled ones, for each of ``checkpoints``; empty
            for those that the filters were trained with.
    """

    checkpoints: tuple[Path, ...]
    mix: float | None
    device: str
    engine: str
    value_range: str | None
    styles: tuple[str, ...] = ()
    bindings: tuple[Binding, ...] = ()
    turned: bool = False
    polish: int = 0
    polish_styles: tuple[str, ...] = ()

    def openings(self) -> list[tuple[Path, Binding]]:
        """All filter files, and how to open them; those of pictures are made now, or cached.

        Raises:
            ImageError, ConfigError: If a picture cannot be read or holds no style.
        """
        own = self.bindings[: len(self.bindings) - len(self.styles)]
        of_pictures = self.bindings[len(own) :]
        files = self.checkpoints * len(own) if len(self.checkpoints) == 1 else self.checkpoints
        found = list(zip(files, own, strict=True))
        for style, binding in zip(self.styles, of_pictures, strict=True):
            from fast_nst.prediction.cache import cached_filter

            knobs = self.turned or bool(binding.knobs)
            found.append((cached_filter(style, knobs=knobs), binding))
        return found


@dataclass(frozen=True)
class Encoding:
    """How videos are written; None for the default of the format.

    Attributes:
        codec: its name.
        preset: of the encoder.
        quality: 1 to 100.
        hdr: ``sdr`` or ``keep``.
        depth: bits per channel, 8, 10 or 16; None for as many as the video has.
    """

    codec: str | None
    preset: str | None
    quality: int | None
    hdr: str
    depth: int | None = None  # bits


@dataclass(frozen=True)
class Images:
    """Image files. ``output`` is where results go, as the user wrote it."""

    filters: Filters
    controls: Controls
    saving: Saving
    files: tuple[Planned, ...]
    output: str
    resume: bool
    memory: int | None  # bytes


@dataclass(frozen=True)
class Pipe:
    """One image, of which ``source``, ``output`` or both are ``-``."""

    filters: Filters
    controls: Controls
    saving: Saving
    source: str
    output: str
    suffix: str | None


@dataclass(frozen=True)
class Sheet:
    """A contact sheet, ``target``."""

    filters: Filters
    controls: Controls
    saving: Saving
    inputs: tuple[str, ...]
    target: Path
    grid: Sequence[tuple[str, list[Any]]] | None  # one or two knobs, and their values


@dataclass(frozen=True)
class Video:
    """Video files."""

    filters: Filters
    controls: Controls
    encoding: Encoding
    files: tuple[Planned, ...]
    resume: bool
    deinterlace: str
    frames: int | None
    steady: float
    animate: Sequence[tuple[str, list[Any]]] | None  # knobs, and the values that they go through


@dataclass(frozen=True)
class Camera:
    """A camera; ``output`` is a file, ``virtual:`` or None."""

    filters: Filters
    controls: Controls
    encoding: Encoding
    source: str
    output: str | None
    camera_size: int | None  # px, short side
    steady: float


@dataclass(frozen=True)
class Cluster:
    """Image files anywhere, on a Ray cluster, which plans them itself."""

    filters: Filters
    controls: Controls
    saving: Saving
    inputs: tuple[str, ...]
    output: str
    suffix: str | None
    resume: bool
    worker_cpus: int


StylizeRequest = Images | Pipe | Sheet | Video | Camera | Cluster


def make_requests(
    inputs: Sequence[str], chosen: Mapping[str, Any], given: Collection[str]
) -> tuple[StylizeRequest, ...]:
    """Make requests of a command line: one, or for a mixed folder, its videos and its images.

    Args:
        inputs: as the user wrote them.
        chosen: the value of every row of ``OPTIONS``, by its name in Python.
        given: the names of those that the user wrote.

    Raises:
        click.UsageError: If options do not fit together.
        FastNSTError: If a value cannot work, or inputs and output do not fit together.
    """
    kind = find_kind(inputs, chosen, given)
    # Nothing here imports PyTorch before it is needed: it takes longer than a small image.
    from fast_nst.batch import Saving
    from fast_nst.inference import Controls

    mask, suffix = chosen["mask"], chosen["suffix"]
    values = {
        **chosen,
        "inputs": tuple(inputs),
        "source": inputs[0],
        "mask": _read_mask(mask) if mask else None,
        "lut": read_chosen_lut(chosen["lut"]),
        "lut_before": read_chosen_lut(chosen["lut_before"]),
        "mix_masks": tuple(_read_mask(each)[0].numpy() for each in chosen["mix_masks"]),
        "suffix": f".{suffix}" if suffix else None,
        "keep_metadata": chosen["metadata"] == "keep",
        "depth": int(chosen["depth"]) if chosen["depth"] else None,
        "target": chosen["contact_sheet"] or (Path(chosen["output"]) if chosen["grid"] else None),
    }
    values |= choose(values, given) | {"turned": bool(chosen["animate"])}
    if values["memory"] is not None and values["strength"] != 1:
        raise click.UsageError(
            "--memory computes in strips, which --strength cannot, except with filters that have "
            "this knob. Leave one out."
        )
    values |= {
        "filters": make(Filters, values),
        "controls": make(Controls, values),
        "saving": make(Saving, values),
        "encoding": make(Encoding, values),
    }
    besides = [chosen[name] for name in ("mask", "lut", "lut_before")]
    for name in ("checkpoints", "styles", "polish_styles", "mix_masks"):
        besides += chosen[name]
    if kind == Kind.CLUSTER:
        return (make(Cluster, values),)
    refuse_to_overwrite(besides, [values["target"], chosen["output"]])
    if kind == Kind.SHEET:
        return (make(Sheet, values),)
    if kind == Kind.PIPE:
        return (make(Pipe, values),)
    if kind in (Kind.CAMERA, Kind.RECORDING):
        return (make(Camera, values),)
    requests = _make_files(values, given)
    files = [file.target for each in requests for file in each.files]
    refuse_to_overwrite(besides, files)
    return requests


def _make_files(values: Mapping[str, Any], given: Collection[str]) -> tuple[Video | Images, ...]:
    """Divide the files into videos and images, a request for each."""
    from fast_nst.apps.video.plan import VIDEOS
    from fast_nst.batch.plan import IMAGES, plan

    files = plan(
        values["inputs"],
        values["output"],
        values["suffix"],
        (IMAGES, VIDEOS),
        on_skipped=lambda line: click.echo(f"note: {line}", err=True),
    )
    videos = tuple(file for file in files if file.medium is VIDEOS)
    images = tuple(file for file in files if file.medium is IMAGES)
    kinds = (Kind.VIDEO if videos else Kind(0)) | (Kind.IMAGES if images else Kind(0))
    refuse_others(given, kinds)
    if values["memory"] is not None:
        filters = replace(values["filters"], engine="torch")  # the one that computes in strips
        values = {**values, "memory": _parse_memory(values["memory"]), "filters": filters}
    requests: list[Video | Images] = []
    if videos:
        requests.append(make(Video, {**values, "files": videos}))
    if images:
        requests.append(make(Images, {**values, "files": images}))
    return tuple(requests)


def _read_mask(file: Path) -> Any:
    from fast_nst.inference import read_mask

    return read_mask(file)


def _parse_memory(memory: str) -> int:
    from fast_nst.tiling.strips import parse_memory

    return parse_memory(memory)
