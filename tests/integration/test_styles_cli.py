"""One filter of many styles: ``make --each`` and ``--add``, and ``stylize`` with its knobs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image
from skimage.data import astronaut

from fast_nst import Stylizer
from fast_nst.cli.main import main
from fast_nst.errors import CheckpointError, ConfigError
from fast_nst.filters.checkpoint import load_filter, load_unbound, read_metadata, save_filter
from fast_nst.paths import asset_path
from fast_nst.prediction.load import predictor_names
from fast_nst.prediction.styled import make_styles
from fast_nst.style_map import StyleMap

NAMES = ("starry_night", "great_wave")
NETWORK = "mobile"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAST_NST_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("many") / "many.safetensors"
    run("make", "--each", *NAMES, "-o", file, "--network", NETWORK)
    return file


@pytest.fixture(scope="module")
def kept(many: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a model with its knobs, which takes a while."""
    file = tmp_path_factory.mktemp("kept") / "many.onnx"
    assert run("export", "--ckpt", many, "--keep-knobs", "-o", file).exit_code == 0
    return file


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(astronaut()[::4, ::4]).save(file)
    return file


def run(*arguments: object, fails: bool = False) -> Result:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    failed = result.exception is not None and not (
        isinstance(result.exception, SystemExit) and result.exit_code == 0
    )
    assert failed == fails, result.output + repr(result.exception)
    return result


def said(result: Result) -> str:
    return result.output + str(result.exception)


def pixels(file: Path) -> torch.Tensor:
    return torch.tensor(np.asarray(Image.open(file).convert("RGB")).astype(np.float32) / 255)


def expected(photo: Path, many: Path, **binding: object) -> torch.Tensor:
    stylized = Stylizer.load(many, **binding)(Image.open(photo))  # type: ignore[arg-type]
    return torch.tensor(np.asarray(stylized).astype(np.float32) / 255)


def test_each_picture_is_a_style_of_the_file(many: Path) -> None:
    metadata = read_metadata(many)
    assert [style.name for style in metadata.styles] == list(NAMES)
    assert all(style.thumbnail and style.sha256 for style in metadata.styles)
    assert list(metadata.knobs) == ["strength", "stroke_size"]
    shown = run("info", many).output
    for text in (*NAMES, "strength", "stroke_size", "larger strokes"):
        assert text in shown
    assert json.loads(run("info", "--json", many).output)["format_version"] == 2


@pytest.mark.parametrize("network", predictor_names())
def test_a_style_of_the_file_is_the_filter_of_that_picture_alone(
    network: str, tmp_path: Path, photo: Path
) -> None:
    file = tmp_path / "each.safetensors"
    run("make", "--each", *NAMES, "-o", file, "--network", network)
    alone = Stylizer.from_style("great_wave", network=network)
    image = torch.rand(3, 50, 60, generator=torch.Generator().manual_seed(1))
    bound = Stylizer.load(file, style="great_wave")
    assert type(bound.network) is type(alone.network)
    assert bound.metadata is not None
    assert bound.metadata.network == network
    # The codes are kept in half precision.
    assert (bound(image) - alone(image)).abs().max() < 0.02


def test_ten_styles_take_little_more_than_one_filter(tmp_path: Path) -> None:
    one, ten = tmp_path / "one.safetensors", tmp_path / "ten.safetensors"
    run("make", "great_wave", "-o", one)
    styles = sorted(asset_path("styles").glob("*.webp"))[:10]
    assert len(styles) == 10
    run("make", "--each", *styles, "-o", ten)
    assert ten.stat().st_size <= 1.2 * one.stat().st_size


def test_adding_a_style_leaves_the_others_bit_for_bit(many: Path, tmp_path: Path) -> None:
    file = tmp_path / "more.safetensors"
    file.write_bytes(many.read_bytes())
    assert "the_scream" in run("make", "--add", file, "the_scream").output
    assert [style.name for style in read_metadata(file).styles] == [*NAMES, "the_scream"]
    for name in NAMES:
        before, after = (
            load_filter(each, binding(name)).network.state_dict() for each in (many, file)
        )
        assert all(torch.equal(before[key], after[key]) for key in before)
    # The bundled filter's code would be another: that of a style which was trained.
    alone = make_styles(["the_scream"], NETWORK, trained=False).network.state_dict()["codes"]
    added = load_unbound(file).network.state_dict()["codes"][len(NAMES) :]
    torch.testing.assert_close(added, alone, rtol=0, atol=0.02)


def binding(name: str):  # type: ignore[no-untyped-def]
    from fast_nst.filter_metadata import Binding

    return Binding(name)


@pytest.mark.parametrize(
    ("options", "bound"),
    [
        ([], {}),
        (["--style", "great_wave"], {"style": "great_wave"}),
        (["--strength", "0.3"], {"knobs": {"strength": 0.3}}),
        (["--strength", "0.3", "--memory", "8GB"], {"knobs": {"strength": 0.3}}),
        (
            ["--style", "great_wave", "--stroke-size", "2", "--strength", "0.8"],
            {"style": "great_wave", "knobs": {"stroke_size": 2.0, "strength": 0.8}},
        ),
        (
            ["--mix", "great_wave=0.4, starry_night=0.6"],
            {"mix": {"great_wave": 0.4, "starry_night": 0.6}},
        ),
        (["--style", "great_wave", "--engine", "onnxruntime"], {"style": "great_wave"}),
    ],
)
def test_options_choose_the_style_and_turn_the_knobs(
    many: Path, photo: Path, tmp_path: Path, options: list[str], bound: dict[str, object]
) -> None:
    run("stylize", "--ckpt", many, *options, photo, "-o", tmp_path / "out.png")
    wanted = expected(photo, many, **bound)
    assert (pixels(tmp_path / "out.png") - wanted).abs().max() < 1.5 / 255
    if bound:
        assert (wanted - expected(photo, many)).abs().mean() > 0.002


def test_no_strength_is_the_photo(many: Path, photo: Path, tmp_path: Path) -> None:
    run("stylize", "--ckpt", many, "--strength", "0", photo, "-o", tmp_path / "out.png")
    assert torch.equal(pixels(tmp_path / "out.png"), pixels(photo))


def test_a_picture_that_is_no_filter_yet_has_the_knobs_too(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    run("stylize", "--style", "great_wave", "--strength", "0.25", photo, "-o", out)
    (made,) = (tmp_path / "cache" / "filters").glob("*-knobs/great_wave.safetensors")
    assert (pixels(out) - expected(photo, made, knobs={"strength": 0.25})).abs().max() < 1.5 / 255


def test_a_filter_without_knobs_is_blended_with_the_photo(photo: Path, tmp_path: Path) -> None:
    plain, out = tmp_path / "plain.safetensors", tmp_path / "out.png"
    run("make", "great_wave", "-o", plain)
    run("stylize", "--ckpt", plain, "--strength", "0.25", photo, "-o", out)
    wanted = torch.lerp(pixels(photo), expected(photo, plain), 0.25)
    assert (pixels(out) - wanted).abs().max() < 1.5 / 255


def test_a_grid_shows_every_combination(many: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "grid.png"
    run("stylize", "--ckpt", many, photo, "-o", out, "--grid", "strength=0,0.5,1 stroke-size=1,2")
    one = tmp_path / "one.png"
    run("stylize", "--ckpt", many, photo, "-o", one, "--grid", "style=great_wave,starry_night")
    with Image.open(out) as grid, Image.open(one) as row:
        assert grid.width > row.width  # a column for the photo, and three or two
        assert grid.height > 1.8 * row.height
        cell = torch.tensor(np.asarray(row).astype(np.float32) / 255)
    wanted = expected(photo, many, style="great_wave")
    height, width = wanted.shape[:2]
    left = 12 + width + 12  # after the photo's column
    found = cell[:, left : left + width].unfold(0, height, 1)
    assert min(float((each.movedim(-1, 0) - wanted).abs().mean()) for each in found) < 1e-3


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of masks; white on the right, and white in the middle."""
    folder = tmp_path_factory.mktemp("masks")
    right = np.zeros((40, 60), np.uint8)
    right[:, 30:] = 255
    Image.fromarray(right).save(folder / "right.png")
    Image.linear_gradient("L").save(folder / "soft.png")
    return folder


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--memory", "8GB"],
        ["--strength", "0.3", "--stroke-size", "1.5"],
    ],
)
def test_a_mask_says_where_which_style_is(
    many: Path, photo: Path, masks: Path, tmp_path: Path, options: list[str]
) -> None:
    mixture, mask = ("--mix", "starry_night,great_wave"), ("--mix-mask", masks / "right.png")
    run("stylize", "--ckpt", many, *mixture, *mask, *options, photo, "-o", tmp_path / "out.png")
    white = np.asarray(Image.open(masks / "right.png")) / 255
    knobs = {"strength": 0.3, "stroke_size": 1.5} if "--strength" in options else {}
    mix = {"starry_night": 1 - white, "great_wave": torch.tensor(white)}
    painted = pixels(tmp_path / "out.png")
    wanted = expected(photo, many, mix=mix, knobs=knobs)
    assert (painted - wanted).abs().max() < 1.5 / 255
    if not options:  # far from the border, each style is nearly as it is alone
        for part, style in ((painted[:, :20], "starry_night"), (painted[:, -20:], "great_wave")):
            alone = expected(photo, many, style=style)
            alone = alone[:, :20] if style == "starry_night" else alone[:, -20:]
            assert (part - alone).abs().mean() < 0.03


@pytest.mark.parametrize(
    ("mixture", "way"), [("starry_night..great_wave", "vertical"), ("great_wave..starry_night", 30)]
)
def test_a_gradient_goes_from_style_to_style(
    many: Path, photo: Path, tmp_path: Path, mixture: str, way: str | float
) -> None:
    line = ("stylize", "--ckpt", many, "--mix", mixture, "--mix-gradient", way, photo)
    run(*line, "-o", tmp_path / "out.png")
    style_map = StyleMap(tuple(mixture.split("..")), gradient=way)
    painted = pixels(tmp_path / "out.png")
    assert (painted - expected(photo, many, mix=style_map)).abs().max() < 1.5 / 255
    for style in NAMES:
        assert (painted - expected(photo, many, style=style)).abs().mean() > 0.02


def test_maps_go_with_masks_colors_grids_and_photos_of_any_size(
    many: Path, masks: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    for name, size in (("wide.png", (301, 3)), ("one.png", (1, 1)), ("odd.png", (67, 45))):
        Image.fromarray(astronaut()).resize(size).save(folder / name)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.fromarray(astronaut()[::8, ::4]).save(folder / "turned.jpg", exif=exif)
    line = ("stylize", "--ckpt", many, "--mix", "starry_night,great_wave", "--mix-mask")
    line = (*line, masks / "soft.png")
    look = ("--mask", masks / "right.png", "--preserve-color", "luminance", "--scale", "2")
    run(*line, *look, folder, "-o", out)
    assert pixels(out / "turned.jpg").shape == (128, 64, 3)
    photo = torch.tensor(np.asarray(Image.open(folder / "odd.png")).astype(np.float32) / 255)
    assert (pixels(out / "odd.png") - photo)[:, :30].abs().max() < 1.5 / 255  # where it is black
    assert (pixels(out / "odd.png") - photo)[:, -30:].abs().mean() > 0.02
    run(*line, folder / "odd.png", "--grid", "strength=0.5,1", "-o", tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.width > 3 * 67


@pytest.mark.parametrize(
    "options",
    [
        ["--style", NAMES[1], "-o"],
        ["--mix", "great_wave=0.5,starry_night=0.5", "-o"],
        ["--contact-sheet"],  # the same as -o
    ],
)
def test_a_grid_is_of_the_style_that_was_chosen(
    many: Path, photo: Path, tmp_path: Path, options: list[str]
) -> None:
    out = tmp_path / "grid.png"
    run("stylize", "--ckpt", many, photo, "--grid", "strength=0,1", *options, out)
    bound = {
        "--style": {"style": NAMES[1]},
        "--mix": {"mix": {"great_wave": 0.5, "starry_night": 0.5}},
    }.get(options[0], {})
    wanted = expected(photo, many, **bound)
    height, width = wanted.shape[:2]
    cell = pixels(out)[:, -width - 12 : -12].unfold(0, height, 1)  # the last column
    assert min(float((each.movedim(-1, 0) - wanted).abs().mean()) for each in cell) < 1e-3


def test_a_sheet_of_one_file_shows_all_of_its_styles(
    many: Path, photo: Path, tmp_path: Path
) -> None:
    run("stylize", "--ckpt", many, photo, "--contact-sheet", tmp_path / "all.png")
    run("stylize", "--ckpt", many, "--style", NAMES[1], photo, "--contact-sheet",
        tmp_path / "one.png")  # fmt: skip
    with Image.open(tmp_path / "all.png") as every, Image.open(tmp_path / "one.png") as one:
        assert every.width > one.width


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--style", "gerat_wave"], "no style 'gerat_wave' (did you mean 'great_wave'?)"),
        (["--mix", "great_wave=0.5,starry_night=0.6"], "sum to 1.1; expected 1"),
        (["--mix", "great_wave=1.5,starry_night=-0.5"], "share of starry_night is -0.5"),
        (["--mix", "great_wave=0.5,night=0.5"], "no style 'night'"),
        (["--stroke-size", "4"], "stroke_size is 4; expected 0.5 to 3"),
        (["--grid", "strength=0,7"], "strength is 7; expected 0 to 1"),
        (["--mix", "great_wave..night", "--mix-gradient", "radial"], "no style 'night'"),
        (["--mix", "great_wave,starry_night", "--mix-mask", "no.png"], "cannot read no.png"),
        (["--mix", "a,b", "--mix-gradient", "nan"], "the angle of a gradient is nan"),
        (
            ["--mix", "great_wave..starry_night", "--mix-gradient", "45", "--grid", "style=a,b"],
            "a style and a map of styles were given",
        ),
        (
            ["--mix", "great_wave..starry_night", "--mix-gradient", "0", "--engine", "onnxruntime"],
            "need a filter file and --engine torch",
        ),
    ],
)
def test_what_the_file_has_not_is_one_line(
    many: Path, photo: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    out = tmp_path / "out.png"
    result = run("stylize", "--ckpt", many, *options, photo, "-o", out, fails=True)
    assert message in said(result)
    assert not out.exists()


@pytest.mark.parametrize("size", ["9", "nan"])
def test_a_knob_of_a_picture_is_checked_before_its_filter_is_made(
    photo: Path, tmp_path: Path, size: str
) -> None:
    line = ("stylize", "--style", "great_wave", "--stroke-size", size, photo, "-o", "a.png")
    refused = run(*line, fails=True)
    assert f"stroke_size is {size}; expected 0.5 to 3" in said(refused)
    assert not (tmp_path / "cache").exists()


def test_a_missing_filter_is_said_to_be_missing(photo: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.safetensors"
    refused = run("stylize", "--ckpt", missing, "--style", "a", photo, "-o", "a.png", fails=True)
    assert f"{missing}: no such file" in said(refused)


def test_files_that_take_no_styles_or_knobs_say_so(photo: Path, tmp_path: Path) -> None:
    plain, out = tmp_path / "plain.safetensors", tmp_path / "out.png"
    run("make", "great_wave", "-o", plain)
    before = plain.read_bytes()
    refused = run("make", "--add", plain, "the_scream", fails=True)
    assert "takes no further styles" in said(refused)
    assert plain.read_bytes() == before
    line = ("stylize", "--ckpt", plain, photo, "-o", out)
    assert "no knob for the size" in said(run(*line, "--stroke-size", "2", fails=True))
    assert "the style 'great_wave' only" in said(run(*line, "--style", "other", fails=True))
    assert "no knob 'strength'" in said(run(*line, "--grid", "strength=0,1", fails=True))


def test_a_file_of_another_predictor_takes_no_styles(many: Path, tmp_path: Path) -> None:
    other = load_unbound(many)
    other.metadata.config["predictor"] = "0" * 12
    file = save_filter(tmp_path / "other.safetensors", other.network, other.metadata)
    refused = run("make", "--add", file, "the_scream", fails=True)
    assert "another version of fast_nst" in said(refused)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["great_wave"], "give either -o FILTER or --add FILTER"),
        (["great_wave", "-o", "a.safetensors", "--add", "b.safetensors"], "give either -o"),
        (
            ["--each", "great_wave", "-o", "a.safetensors", "--stroke-size", "2"],
            "Leave --stroke-size",
        ),
        (["--add", "a.safetensors", "great_wave", "--network", "mobile"], "Leave --network out"),
        (["--each", "great_wave", "great_wave", "-o", "a.safetensors"], "two styles named"),
        (["--add", "missing.safetensors", "great_wave"], "no such file"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in said(run("make", *arguments, fails=True))
    assert list(tmp_path.glob("*.safetensors")) == []


@pytest.mark.parametrize(
    ("options", "bound"),
    [
        ([], {}),
        (["--style", "great_wave", "--strength", "0.8"],
         {"style": "great_wave", "knobs": {"strength": 0.8}}),
        (["--mix", "great_wave=0.4,starry_night=0.6", "--stroke-size", "2"],
         {"mix": {"great_wave": 0.4, "starry_night": 0.6}, "knobs": {"stroke_size": 2.0}}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["safetensors", "onnx"])
def test_one_setting_is_exported_as_a_filter_of_its_own(
    many: Path, tmp_path: Path, options: list[str], bound: dict[str, object], suffix: str
) -> None:
    out = tmp_path / f"one.{suffix}"
    run("export", "--ckpt", many, *options, "-o", out)
    image = torch.rand(3, 45, 50, generator=torch.Generator().manual_seed(1))
    wanted = Stylizer.load(many, **bound)(image)  # type: ignore[arg-type]
    limit = 1e-5 if suffix == "safetensors" else 1e-3
    assert (Stylizer.load(out)(image) - wanted).abs().max() <= limit
    metadata = read_metadata(out)
    assert (metadata.network, metadata.knobs) == (NETWORK, {})
    assert len(metadata.styles) == 1
    assert metadata.bound["stroke_size"] == (2 if "--mix" in options else 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--style", "wave"], "no style 'wave'"),
        (["--strength", "2"], "strength is 2; expected 0 to 1"),
        (["--mix", "great_wave=0.4"], "sum to 0.4; expected 1"),
        (["--mix", "0.4"], "'0.4' is no style and its share"),
        (["--strength", "0.1"], "Use a strength of 0.5 or more, or export to ONNX"),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    many: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    out = tmp_path / "one.safetensors"
    refused = run("export", "--ckpt", many, *options, "-o", out, fails=True)
    assert message in said(refused)
    assert list(tmp_path.iterdir()) == [tmp_path / "cache"] or not list(tmp_path.iterdir())


def test_a_map_of_styles_is_not_exported(many: Path, tmp_path: Path) -> None:
    from fast_nst.export import export

    with pytest.raises(ConfigError, match="holds one setting for the whole image"):
        export(many, tmp_path / "a.onnx", mix=StyleMap(NAMES, gradient="radial"))  # type: ignore[arg-type]
    line = ("export", "--ckpt", many, "--mix", ",".join(NAMES), "-o", tmp_path / "a.onnx")
    assert "is no style and its share" in said(run(*line, fails=True))
    assert not (tmp_path / "a.onnx").exists()


def test_a_model_with_its_knobs_kept_is_set_when_it_runs(many: Path, kept: Path) -> None:
    assert [style.name for style in read_metadata(kept).styles] == list(NAMES)
    image = torch.rand(3, 45, 50, generator=torch.Generator().manual_seed(1))
    for bound in (
        {},
        {"style": "great_wave", "knobs": {"strength": 0.8, "stroke_size": 2.5}},
        {"mix": {"great_wave": 0.4, "starry_night": 0.6}, "knobs": {"strength": 0.2}},
    ):
        wanted = Stylizer.load(many, **bound)(image)  # type: ignore[arg-type]
        assert (Stylizer.load(kept, **bound)(image) - wanted).abs().max() < 1e-4  # type: ignore[arg-type]


def test_other_runtimes_find_the_setting_among_the_inputs(kept: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(kept)
    found = {each.name: each.shape for each in session.get_inputs()}
    assert found == {
        "content": ["batch", 3, "height", "width"],
        "shares": [2],
        "strength": [],
        "stroke_size": [],
    }
    images = np.random.default_rng(0).random((2, 3, 33, 47), np.float32)
    values = {"strength": np.array(0, np.float32), "stroke_size": np.array(1, np.float32)}
    (same,) = session.run(
        None, {"content": images, "shares": np.array([0.5, 0.5], np.float32), **values}
    )
    assert np.abs(same - images).max() < 1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--style", "great_wave", "-o", "a.onnx"], "leaves the setting open"),
        (["-o", "a.pt2"], "--keep-knobs is for .onnx"),
        (["-o", "a.onnx", "--precision", "int8"], "--keep-knobs is for .onnx"),
    ],
)
def test_knobs_are_kept_in_onnx_only(
    many: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = run("export", "--ckpt", many, "--keep-knobs", *arguments, fails=True)
    assert message in said(refused)


def test_a_filter_without_knobs_has_none_to_keep(filter_file: Path, tmp_path: Path) -> None:
    refused = run("export", "--ckpt", filter_file, "--keep-knobs", "-o", tmp_path / "a.onnx",
                  fails=True)  # fmt: skip
    assert "has no knobs" in said(refused)


def test_a_training_starts_from_the_first_style(many: Path) -> None:
    from fast_nst.training.start import create_started_network

    arguments = {"width": 8, "blocks": 4}
    network = create_started_network(NETWORK, arguments, str(many))
    image = torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(1))
    assert all(each.requires_grad for each in network.parameters())
    with torch.no_grad():
        wanted = Stylizer.load(many)(image)
        torch.testing.assert_close(network.eval()(image), wanted)


def test_the_page_has_every_style(many: Path, kept: Path, tmp_path: Path) -> None:
    from fast_nst.apps.web import make_site

    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("a page")
    site = make_site([many], tmp_path / "page")
    content = site["filters/filters.json"]
    assert isinstance(content, bytes)
    entries = json.loads(content)["filters"]
    titles = ["The Starry Night", "The Great Wave off Kanagawa"]
    assert [each["title"] for each in entries] == titles
    assert len({each["codes"] for each in entries}) == 2
    with pytest.raises(CheckpointError, match="Give the filter file"):
        make_site([kept], tmp_path / "page")
