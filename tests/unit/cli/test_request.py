"""What a command line of ``fast-nst stylize`` becomes: a request, or a usage error."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import click
import pytest

from fast_nst.cli.stylize.command import RUN, stylize, written
from fast_nst.cli.stylize.kinds import Kind, Use
from fast_nst.cli.stylize.options import OPTIONS
from fast_nst.cli.stylize.request import (
    Camera,
    Cluster,
    Encoding,
    Filters,
    Images,
    Pipe,
    Sheet,
    StylizeRequest,
    Video,
    make_requests,
)
from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import Binding

# One of each kind, without its options; {} is the folder of the test.
LINES = {
    Kind.IMAGES: ["{}/a.jpg", "-o", "out"],
    Kind.PIPE: ["-", "-o", "-"],
    Kind.SHEET: ["{}/a.jpg", "--contact-sheet", "sheet.png"],
    Kind.VIDEO: ["{}/b.mp4", "-o", "out"],
    Kind.CAMERA: ["camera:0"],
    Kind.RECORDING: ["camera:0", "-o", "me.mp4"],
    Kind.CLUSTER: ["s3://bucket/in", "-o", "s3://bucket/out", "--cluster"],
}
# A value for every option that has one and is not in the lines above.
VALUES = {
    "resume": None, "suffix": "webp", "quality": "80", "metadata": "drop", "strength": "0.5",
    "depth": "10",
    "preserve_color": "match", "scale": "2", "mask_invert": None, "mask_feather": "3",
    "codec": "h264", "preset": "fast", "frames": "3", "steady": "0.5", "camera_size": "100",
    "device": "cpu", "engine": "torch", "worker_cpus": "2", "value_range": "0-1", "memory": "1GB",
    "polish": "40", "stroke_size": "2", "animate": "strength:0..1", "hdr": "keep",
    "deinterlace": "off",
}  # fmt: skip
# They say what kind a request is, or need a second thing.
APART = {
    "checkpoints", "styles", "output", "contact_sheet", "cluster", "mask", "mix", "polish_styles",
    "grid", "mix_masks", "mix_gradient", "mix_feather", "lut", "lut_before",
}  # fmt: skip


ANIMATE = ("--animate", "strength:0..1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.mp4", "both/c.png", "both/d.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def requests(folder: Path, *arguments: str, ckpt: int = 1) -> tuple[StylizeRequest, ...]:
    """What the command would run, parsed by click."""
    words = [each.format(folder) for each in arguments] + ["--ckpt", "f.safetensors"] * ckpt
    with stylize.make_context("stylize", words) as ctx:
        chosen: dict[str, Any] = dict(ctx.params)
        return make_requests(chosen.pop("inputs"), chosen, written(ctx))


def test_every_kind_of_request_has_a_function_that_runs_it() -> None:
    assert set(RUN) == set(StylizeRequest.__args__)
    assert all(kind.__dataclass_params__.frozen for kind in RUN)


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        (Kind.IMAGES, Images),
        (Kind.PIPE, Pipe),
        (Kind.SHEET, Sheet),
        (Kind.VIDEO, Video),
        (Kind.CAMERA, Camera),
        (Kind.RECORDING, Camera),
        (Kind.CLUSTER, Cluster),
    ],
)
def test_a_command_line_becomes_one_request(folder: Path, kind: Kind, made: type) -> None:
    (request,) = requests(folder, *LINES[kind])
    assert type(request) is made
    assert request.filters == Filters(
        (Path("f.safetensors"),), None, "auto", "auto", None, bindings=(Binding(),)
    )


def test_a_mixed_folder_becomes_its_videos_and_its_images(folder: Path) -> None:
    line = ("{}/both", "-o", "out", "--format", "webp", "--codec", "h264", "--quality", "50")
    videos, images = requests(folder, *line)
    assert isinstance(videos, Video)
    assert isinstance(images, Images)
    assert [file.target.name for file in videos.files] == ["out/d.mkv"]
    assert [file.target.name for file in images.files] == ["out/c.webp"]
    assert videos.encoding == Encoding("h264", None, 50, "sdr")
    assert images.saving.quality == 50


def test_values_reach_the_fields_of_their_names(folder: Path) -> None:
    look = ("--strength", "0.5", "--scale", "2", "--metadata", "drop", "--range", "0-1")
    (request,) = requests(folder, *LINES[Kind.CLUSTER], *look, "--worker-cpus", "3")
    assert isinstance(request, Cluster)
    assert (request.controls.strength, request.controls.scale) == (0.5, 2)
    assert not request.saving.keep_metadata
    assert (request.filters.value_range, request.worker_cpus, request.suffix) == ("0-1", 3, None)
    (request,) = requests(folder, *LINES[Kind.IMAGES], "--memory", "2GB", "--resume")
    assert isinstance(request, Images)
    assert (request.memory, request.resume, request.filters.engine) == (
        2_000_000_000,
        True,
        "torch",
    )


@pytest.mark.parametrize(
    "option", [each for each in OPTIONS if each.name not in APART], ids=lambda option: option.name
)
def test_every_option_is_taken_by_its_kinds_and_refused_by_the_others(
    folder: Path, option: Any
) -> None:
    value = VALUES[option.name]
    written = [option.flag] if value is None else [option.flag, value]
    if option.name.startswith("mask_"):
        from PIL import Image

        Image.new("L", (2, 2)).save(folder / "mask.png")
        written += ["--mask", "{}/mask.png"]
    for kind, line in LINES.items():
        if kind & option.use.kinds:
            assert len(requests(folder, *line, *written)) == 1
            continue
        with pytest.raises(click.UsageError) as refused:
            requests(folder, *line, *written)
        assert option.flag in refused.value.message
        assert "Leave" in refused.value.message


def test_every_row_is_used_by_something_that_can_run() -> None:
    for option in OPTIONS:
        assert isinstance(option.use, Use)
        assert option.use.kinds
        assert option.help
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)


def test_no_option_is_lost_on_its_way(folder: Path) -> None:
    """Every row is a field of what is made of it, by the same name, or says a kind."""
    from fast_nst.batch import Saving
    from fast_nst.inference import Controls

    made = (*RUN, Filters, Encoding, Controls, Saving)
    fields = {field.name for each in made for field in dataclasses.fields(each)}
    renamed = {
        **{"metadata": "keep_metadata", "contact_sheet": "target", "stroke_size": "bindings"},
        **dict.fromkeys(("mix_masks", "mix_gradient", "mix_feather"), "bindings"),
    }
    for option in OPTIONS:
        if option.name == "cluster":
            continue  # that is a kind
        assert renamed.get(option.name, option.name) in fields, option.flag


def test_a_picture_stands_for_a_filter(folder: Path) -> None:
    (request,) = requests(folder, "{}/a.jpg", "-o", "o.png", "--style", "great_wave", ckpt=0)
    assert (request.filters.checkpoints, request.filters.styles) == ((), ("great_wave",))
    (request,) = requests(folder, *LINES[Kind.SHEET], "--style", "great_wave", "--style", "a.jpg")
    assert len(request.filters.checkpoints + request.filters.styles) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}/a.jpg"], "give either -o OUT or --contact-sheet FILE"),
        (["{}/a.jpg", "-o", "o.png", "--contact-sheet", "s.png"], "give either -o OUT"),
        (["camera:0", "{}/a.jpg", "-o", "out"], "camera:0 is one camera; give it alone"),
        (["camera:0", "--contact-sheet", "s.png"], "--contact-sheet is for images in files"),
        (["-", "{}/a.jpg", "-o", "out"], "- is one image from a pipe"),
        (["{}/a.jpg", "{}/b.jpg", "-o", "-"], "-o - writes one image"),
        (["{}/a.jpg", "-o", "out", "--mix", "0.5"], "--mix SHARE blends two filters"),
        (["s3://bucket/in", "-o", "out"], "s3://bucket/in is a URL, which needs --cluster"),
        (["{}/a.jpg", "-o", "s3://bucket/out"], "s3://bucket/out is a URL"),
        (["{}/a.jpg", "-o", "out", "--engine", "ray"], "ray is no engine: give --cluster"),
        (["{}/a.jpg", "-o", "o.png", "--memory", "1GB", "--strength", ".5"], "--strength cannot"),
        (["{}/a.jpg", "-o", "o", "--memory", "1GB", "--engine", "onnxruntime"], "--engine torch"),
        (["{}/a.jpg", "-o", "o.png", "--memory", "1GB", "--polish", "3"], "--polish cannot"),
        (["{}/a.jpg", "-o", "out", "--polish-style", "a"], "--polish-style goes with --polish N"),
        (["{}/a.jpg", "-o", "out", "--polish", "3", *["--polish-style", "a"] * 2], "was given 2x"),
        (["{}/b.mp4", "-o", "out", "--polish", "3"], "--polish is for images, and there is none"),
        (["{}/b.mp4", "-o", "out", "--cluster"], "is a video, and --cluster takes images"),
        (["-", "-o", "-", "--cluster"], "no pipe and no camera"),
        (["{}/a.jpg", "-o", "o.png", "--mix", "a=0.5,b=0.5", "--style", "a"], "Give that alone"),
        (["{}/a.jpg", "-o", "o.png", "--mix", "a=0.5,b"], "'b' is no style and its share"),
        (["{}/a.jpg", "-o", "o.png", "--grid", "strengt=0,1"], "did you mean 'strength'?"),
        (["{}/a.jpg", "-o", "o.png", "--grid", "strength"], "gives no values"),
        (["{}/a.jpg", "-o", "o.png", "--grid", "strength=0,x"], "'x' is not a valid float"),
        (["{}/a.jpg", "-o", "o.png", "--grid", "strength=1 strength=0"], "two different knobs"),
        (
            ["{}/a.jpg", "-o", "o.png", "--grid", "strength=1", *["--style", "a"] * 2],
            "several --ckpt or --style",
        ),
        (
            ["{}/a.jpg", "-o", "o.png", "--grid", "strength=1", "--style", "a", "--mix", "0.5"],
            "of one filter",
        ),
        (["{}/a.jpg", "-o", "o.png", "--mix", "a,b"], "say where each is: --mix-mask FILE"),
        (["{}/a.jpg", "-o", "o.png", "--mix", "a,"], "a style without a name"),
        (["{}/a.jpg", "-o", "o.png", "--mix-feather", "9"], "--mix-feather goes with --mix-mask"),
        (["{}/a.jpg", "-o", "o.png", "--mix-gradient", "radial"], "goes with the names of styles"),
        (["{}/a.jpg", "-o", "o", "--mix", "a,b", "--mix-gradient", "up"], "no gradient 'up'"),
        (
            ["{}/a.jpg", "-o", "o", "--mix", "a=1,b=0", "--mix-mask", "m.png"],
            "--mix-mask goes with the names of styles",
        ),
        (
            ["{}/a.jpg", "-o", "o", "--mix", "a,b", "--mix-mask", "m.png", "--mix-gradient", "45"],
            "exclude each other",
        ),
        (
            ["{}/a.jpg", "-o", "o", "--mix", "a,b,c", "--mix-mask", "m.png"],
            "--mix names 3 styles, and there are 1 --mix-mask",
        ),
        (
            ["{}/a.jpg", "-o", "o", "--mix", "a..b", "--mix-gradient", "45", "--polish", "2"],
            "--polish takes one setting of styles for the whole image",
        ),
        (
            ["{}/b.mp4", "-o", "o", "--mix", "a..b", "--mix-gradient", "45", *ANIMATE],
            "--animate takes one setting of styles for the whole image",
        ),
        (["{}/a.jpg", "-o", "o.png", *ANIMATE], "--animate is for videos"),
        (["{}/b.mp4", "-o", "o.mp4", "--animate", "strength=0..1"], "no knob 'strength=0..1'"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    folder: Path, arguments: list[str], message: str
) -> None:
    with pytest.raises(click.UsageError, match=re.escape(message)):
        requests(folder, *arguments)


def test_a_mask_or_a_gradient_says_where_styles_are(folder: Path) -> None:
    from PIL import Image

    Image.new("L", (3, 2), 255).save(folder / "white.png")
    for line in LINES.values():
        mask = ("--mix-mask", "{}/white.png", "--mix-feather", "9")
        (request,) = requests(folder, *line, "--mix", "a,b", *mask)
        style_map = request.filters.bindings[0].style_map
        assert style_map is not None
        assert (style_map.styles, style_map.gradient) == (("a", "b"), None)
        assert style_map.masks[0].shape == (2, 3)
        assert style_map.masks[0].min() == 1
        assert style_map.feather == 9
    for way, meant in (("radial", "radial"), ("45", 45.0)):
        (request,) = requests(folder, *line, "--mix", "a..b..a", "--mix-gradient", way)
        style_map = request.filters.bindings[0].style_map
        assert style_map is not None
        assert (style_map.styles, style_map.gradient) == (("a", "b", "a"), meant)


def test_a_mistyped_engine_is_an_error_with_the_nearest(folder: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'torch'"):
        requests(folder, *LINES[Kind.IMAGES], "--engine", "torhc")
