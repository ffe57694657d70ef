"""``fast-nst import`` of other programs' ONNX models, as a person uses it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import fast_nst.filters.import_onnx
import fast_nst.paths
from fast_nst.cli.main import main
from fast_nst.filters.checkpoint import read_metadata
from fast_nst.inference import Stylizer
from fast_nst.onnx.session import OnnxSession

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

TYPES = {"float": 1, "uint8": 2, "float16": 10, "double": 11}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def one_line(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


def their_model(
    path: Path,
    *,
    values: str = "0-255",
    last: bool = False,
    kind: str = "float",
    sides: tuple[int | str, int | str] = ("h", "w"),
    batch: int | str = "n",
    surplus: int = 0,
    multiple: int = 1,
    opset: int = 18,
) -> Path:
    """A model of another program: a convolution, a norm and a squashing function.

    Args:
        path: where to.
        values: the range of what it takes and returns.
        last: whether channels are.
        kind: of the numbers that it takes and returns.
        sides: of the images that it takes; names for any.
        batch: likewise.
        surplus: px that it returns more than it got.
        multiple: fails on images whose sides are no multiples of it.
        opset: of ONNX.
    """
    taken = ", ".join(map(str, (batch, *sides, 3) if last else (batch, 3, *sides)))
    squash, most = ("Tanh", 1) if values == "imagenet" else ("Sigmoid", int(values[2:]))
    lines = [
        "f = Cast <to = 1> (image)",
        f"a = {'Transpose <perm = [0, 3, 1, 2]>' if last else 'Identity'} (f)",
        f"most = Constant <value = float {{{most}.0}}> ()",
        "c = Div (a, most)",
        f"d = SpaceToDepth <blocksize = {multiple}> (c)" if multiple > 1 else "d = Identity (c)",
        f"e = DepthToSpace <blocksize = {multiple}> (d)" if multiple > 1 else "e = Identity (d)",
        'g = Pad <mode = "edge"> (e, pads)',
        "k = Conv <kernel_shape = [3, 3]> (g, weight)",
        "l = InstanceNormalization (k, scale, bias)",
        f"m = {squash} (l)",
        "o = Mul (m, most)",
        f"p = {'Transpose <perm = [0, 2, 3, 1]>' if last else 'Identity'} (o)",
        f"painted = Cast <to = {TYPES[kind]}> (p)",
    ]
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": {opset}], producer_name: "theirs">\n'
        f"theirs ({kind}[{taken}] image) => ({kind}[q, r, s, t] painted) {{\n"
        + "\n".join(lines)
        + "\n}"
    )
    rng = np.random.default_rng(0)
    constants = {
        "weight": rng.normal(size=(3, 3, 3, 3)).astype(np.float32),
        "scale": np.full(3, 1.5, np.float32),
        "bias": np.zeros(3, np.float32),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1 + surplus, 1 + surplus]),
    }
    for name, value in constants.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def differences(result: Result) -> list[float]:
    return [float(found) for found in re.findall(r"largest difference ([\d.e+-]+)", result.stdout)]


CASES = {
    "free": {},
    "imagenet": {"values": "imagenet"},
    "channels_last_fixed": {"last": True, "sides": (96, 80), "batch": 1},
    "one_side_fixed": {"sides": (64, "w"), "values": "0-1"},
    "uint8": {"kind": "uint8", "batch": 1},
    "float16_fixed": {"kind": "float16", "sides": (96, 80), "values": "0-1"},
    "double": {"kind": "double", "values": "imagenet"},
    "surplus": {"surplus": 5, "last": True},
    "much_larger": {"surplus": 30},
    "old_opset": {"opset": 11, "last": True},
    "new_opset": {"opset": 21},
}


@pytest.mark.parametrize("name", CASES)
def test_an_imported_model_gives_the_same_images_without_being_told_a_range(
    tmp_path: Path, name: str
) -> None:
    options = CASES[name]
    values = str(options.get("values", "0-255"))
    theirs, ours = their_model(tmp_path / "theirs.onnx", **options), tmp_path / "new" / "ours.onnx"
    result = run("import", theirs, "--range", values, "-o", ours)
    assert result.exit_code == 0, result.output
    figures = differences(result)
    assert len(figures) == 6
    assert max(figures) <= 1 / 255
    assert result.stdout.splitlines()[-1].startswith(f"wrote {ours}")
    assert [each.name for each in ours.parent.iterdir()] == ["ours.onnx"]
    session = OnnxSession(ours)
    assert session.takes_any_image
    assert (session.input_name, session.output_name) == ("content", "stylized")
    # Sizes that the command did not try, an image without noise, and the pixel of a corner.
    rows, columns = np.mgrid[0:1:57j, 0:1:83j].astype(np.float32)
    image = np.stack([rows, columns, 1 - rows])[None]
    for content in (image, image[..., :40, ::2], image[..., :20, :20]):
        wanted = OnnxSession(theirs, values).run(content)
        assert wanted.std() > 0.05
        assert np.abs(session.run(content) - wanted).max() <= 1 / 255 + 1e-6


def test_eight_bits_at_a_fixed_size_are_within_two_steps(tmp_path: Path) -> None:
    theirs = their_model(tmp_path / "t.onnx", kind="uint8", sides=(96, 80), batch=1, last=True)
    result = run("import", theirs, "--range", "0-255", "-o", tmp_path / "ours.onnx")
    assert result.exit_code == 0, result.output
    assert max(differences(result)) <= 2 / 255 + 1e-6


def test_of_a_fixed_batch_one_image_is_used_and_a_line_says_so(tmp_path: Path) -> None:
    theirs = their_model(tmp_path / "t.onnx", batch=4)
    result = run("import", theirs, "--range", "0-255", "-o", tmp_path / "ours.onnx")
    assert result.exit_code == 0, result.output
    assert max(differences(result)) <= 1 / 255
    assert "computes 4 images at once, of which one is used" in result.stderr


def test_sizes_that_the_model_itself_fails_on_are_named(tmp_path: Path) -> None:
    theirs = their_model(tmp_path / "t.onnx", multiple=16)
    result = run("import", theirs, "--range", "0-255", "-o", tmp_path / "ours.onnx")
    assert result.exit_code == 0, result.output
    assert len(differences(result)) == 2
    assert result.stdout.count("not checked: the model itself fails on it") == 4


def test_old_models_that_list_their_weights_as_inputs_are_imported(tmp_path: Path) -> None:
    theirs = their_model(tmp_path / "t.onnx", opset=17)
    model = onnx.load(theirs)
    for constant in model.graph.initializer:
        value = onnx.helper.make_tensor_value_info(
            constant.name, constant.data_type, list(constant.dims)
        )
        model.graph.input.append(value)
    onnx.save(model, theirs)
    ours = tmp_path / "ours.onnx"
    result = run("import", theirs, "--range", "0-255", "-o", ours)
    assert result.exit_code == 0, result.output
    assert [each.name for each in onnx.load(ours).graph.input] == ["content"]


# What an imported model can do


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imported")
    theirs = their_model(folder / "candy.onnx", last=True, sides=(64, 64), batch=1)
    result = run("import", theirs, "--range", "0-255", "-o", folder / "ours.onnx")
    assert result.exit_code == 0, result.output
    return folder / "ours.onnx"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    Image.effect_mandelbrot((97, 71), (-2, -1, 1, 1), 50).convert("RGB").save(folder / "photo.png")
    return folder


def test_the_file_says_where_it_comes_from(imported: Path) -> None:
    shown = json.loads(run("info", "--json", imported).stdout)
    assert (shown["styles"][0]["name"], shown["network"]) == ("candy", "onnx")
    assert shown["config"]["imported"] == {
        "file": "candy.onnx",
        "from": "an ONNX model of theirs",
        "range": "0-255",
    }
    assert "unknown" in shown["license"]


def test_it_stylizes_as_the_original_does_when_told_its_range(
    imported: Path, photos: Path, tmp_path: Path
) -> None:
    photo = photos / "photo.png"
    theirs = imported.with_name("candy.onnx")
    for name, ckpt, more in (("a.png", imported, ()), ("b.png", theirs, ("--range", "0-255"))):
        result = run("stylize", "--ckpt", ckpt, photo, "-o", tmp_path / name, *more)
        assert result.exit_code == 0, result.output
    one, other = (np.asarray(Image.open(tmp_path / n), np.int16) for n in ("a.png", "b.png"))
    assert one.shape == (71, 97, 3)
    assert np.abs(one - other).max() <= 1
    assert Stylizer.load(imported).metadata == read_metadata(imported)


def test_a_range_that_it_does_not_have_is_refused(
    imported: Path, photos: Path, tmp_path: Path
) -> None:
    arguments = ("stylize", "--ckpt", imported, photos / "photo.png", "-o", tmp_path / "a.png")
    assert "takes 0-1, as its metadata say" in one_line(run(*arguments, "--range", "0-255"))
    assert run(*arguments, "--range", "0-1").exit_code == 0


def test_the_page_takes_it(imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = tmp_path / "package" / "assets" / "web"
    built.mkdir(parents=True)
    (built / "index.html").write_text("<title>page</title>")
    monkeypatch.setattr(fast_nst.paths, "PACKAGE", tmp_path / "package")
    result = run("web", "--ckpt", imported, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    entry = json.loads((tmp_path / "out" / "filters" / "filters.json").read_text())["filters"][0]
    assert (entry["name"], entry["title"]) == ("candy", "Candy")
    assert (entry["input"], entry["output"]) == ("content", "stylized")
    assert (tmp_path / "out" / entry["model"]).read_bytes() == imported.read_bytes()
    assert (tmp_path / "out" / entry["thumbnail"]).is_file()


def test_it_is_judged_by_the_default_loss_once_its_style_is_known(
    imported: Path, photos: Path, tmp_path: Path
) -> None:
    arguments = (
        *("evaluate", "--ckpt", imported, "--images", photos, "--sizes", "64", "--photos", "1"),
        *("--iterations", "1", "--device", "cpu", "-o", tmp_path / "report.html"),
    )
    assert "Give its style image, --style FILE" in one_line(run(*arguments))
    assert list(tmp_path.iterdir()) == []
    result = run(*arguments, "--style", photos / "photo.png")
    assert result.exit_code == 0, result.output
    assert "ours was imported: nobody knows how it was trained" in result.stdout
    assert "not with the very file" not in result.stdout
    document = json.loads((tmp_path / "report.json").read_text())
    figures = document["filters"][0]["sizes"][0]["figures"]
    assert figures["seconds"] > 0
    assert figures["grid"] is not None
    assert "Memory of ours" not in result.stdout


def test_exporting_it_is_one_line(imported: Path, tmp_path: Path) -> None:
    text = one_line(run("export", "--ckpt", imported, "-o", tmp_path / "a.onnx"))
    assert "is an ONNX model" in text
    assert list(tmp_path.iterdir()) == []


# Bad input


@pytest.mark.parametrize(
    ("options", "arguments", "message"),
    [
        ({}, ("-o", "a.onnx"), "does not say which values it takes. Give its range: --range 0-1"),
        ({}, ("--range", "0-256", "-o", "a.onnx"), "did you mean '0-255'?"),
        ({}, ("--range", "0-255", "-o", "a.safetensors"), "has a name that ends in .onnx"),
        ({}, ("--range", "0-255", "-o", "file/a.onnx"), "cannot write"),
        ({}, ("--range", "0-255", "-o", "folder.onnx"), "cannot write"),
        ({"multiple": 100}, ("--range", "0-255", "-o", "a.onnx"), "failed on 33x17 px"),
    ],
)
def test_what_cannot_be_imported_is_one_line_and_writes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, int],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "folder.onnx").mkdir()
    their_model(tmp_path / "theirs.onnx", **options)
    before = sorted(each.name for each in tmp_path.iterdir())
    assert message in one_line(run("import", "theirs.onnx", *arguments))
    assert sorted(each.name for each in tmp_path.iterdir()) == before


def test_files_that_are_no_models_of_images_are_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"broken")
    gray = tmp_path / "gray.onnx"
    onnx.save(
        onnx.parser.parse_model(
            '<ir_version: 8, opset_import: ["": 18]>\n'
            "g (float[1, 1, h, w] x) => (float[1, 1, h, w] y) { y = Sigmoid (x) }"
        ),
        gray,
    )
    for file, message in (
        (tmp_path / "none.onnx", "no such file"),
        (broken, "is not an ONNX model that can be run"),
        (gray, "expected one image"),
    ):
        text = one_line(run("import", file, "--range", "0-1", "-o", tmp_path / "a.onnx"))
        assert message in text
        assert file.name in text
    assert not (tmp_path / "a.onnx").exists()


def test_a_model_of_ours_is_not_imported_twice(imported: Path, tmp_path: Path) -> None:
    text = one_line(run("import", imported, "-o", tmp_path / "a.onnx"))
    assert "is a model of fast_nst already" in text


def test_a_failed_check_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = their_model(tmp_path / "t.onnx", sides=(96, 80))
    monkeypatch.setattr(fast_nst.filters.import_onnx, "MAX_DIFFERENCE", 0)
    monkeypatch.setattr(fast_nst.filters.import_onnx, "_ROUNDING", 1e-9)
    text = one_line(run("import", theirs, "--range", "0-255", "-o", tmp_path / "a.onnx"))
    assert "differs from" in text
    assert [each.name for each in tmp_path.iterdir()] == ["t.onnx"]


def test_other_programs_models_are_told_how_to_be_imported(tmp_path: Path) -> None:
    theirs = their_model(tmp_path / "t.onnx")
    command = f"fast-nst import {theirs} --range 0-1|0-255|imagenet -o OUT.onnx"
    for arguments in (
        ("evaluate", "--ckpt", theirs, "-o", tmp_path / "report.html"),
        ("info", theirs),
    ):
        assert command in one_line(run(*arguments))


def test_a_range_is_refused_for_a_state_dict(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"")
    text = one_line(
        run("import", tmp_path / "a.pth", "--range", "0-1", "-o", tmp_path / "a.safetensors")
    )
    assert "--range is for ONNX models" in text
