"""``fast-nst web``, as a person uses it; what the page does is tested in tests/browser."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import fast_nst.paths
from fast_nst.cli.main import main
from fast_nst.paths import asset_path

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

# The command itself, on a page that needs no Node to be there.
COMMAND = """
import sys, pathlib, fast_nst.paths
fast_nst.paths.PACKAGE = pathlib.Path(sys.argv.pop(1))
from fast_nst.cli.main import main
main(prog_name="fast-nst")
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder that stands for the installed package, with a built page in its assets."""
    folder = tmp_path / "package" / "assets" / "web"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<title>page</title>")
    return tmp_path / "package"


@pytest.fixture
def page(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_nst.paths, "PACKAGE", package)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["web", *(str(argument) for argument in arguments)])


def one_line(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C of another process is POSIX")
def test_the_page_is_served_until_ctrl_c(filter_file: Path, package: Path) -> None:
    command = [sys.executable, "-u", "-c", COMMAND, str(package), "web", "--ckpt", str(filter_file)]
    with subprocess.Popen(
        [*command, "--port", "0", "--no-open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        found = re.fullmatch(r"(http://localhost:\d+/)  \(Ctrl-C ends it\)\n", first)
        assert found, first + process.stderr.read()
        with urllib.request.urlopen(found[1] + "filters/filters.json") as answer:
            document = json.load(answer)
        with urllib.request.urlopen(found[1] + document["filters"][0]["model"]) as answer:
            assert len(answer.read()) == document["filters"][0]["bytes"]
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest, errors) == (0, "", "stopped\n")


@pytest.mark.usefixtures("page")
def test_a_folder_is_written_and_written_again(filter_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "public"
    for _ in range(2):
        result = run("--ckpt", filter_file, "--ckpt", filter_file, "--out", out)
        assert result.exit_code == 0, result.output
        assert re.fullmatch(rf"wrote {re.escape(str(out))} \(\d+\.\d MB\)\n", result.stdout)
    entries = json.loads((out / "filters" / "filters.json").read_text())["filters"]
    assert [each["name"] for each in entries] == ["test_style", "test_style_2"]
    for each in entries:
        assert (out / each["model"]).stat().st_size == each["bytes"]
        assert (out / each["thumbnail"]).is_file()
    assert (out / "index.html").read_text() == "<title>page</title>"


@pytest.mark.usefixtures("page")
def test_a_folder_with_something_in_it_is_refused_before_the_work(
    filter_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    text = one_line(run("--ckpt", filter_file, "--out", tmp_path))
    assert "did not write. Choose an empty folder or a new one." in text


@pytest.mark.usefixtures("page")
def test_files_that_are_no_filters_are_one_line(tmp_path: Path, filter_file: Path) -> None:
    out = tmp_path / "out"
    assert "no such file" in one_line(run("--ckpt", tmp_path / "no.onnx", "--out", out))
    missing = one_line(run("--ckpt", filter_file, "--ckpt", tmp_path / "no.pt", "--out", out))
    assert "no.pt cannot be read" in missing
    for name in ("broken.safetensors", "broken.onnx"):
        (tmp_path / name).write_bytes(b"broken")
        assert name in one_line(run("--ckpt", tmp_path / name, "--out", out))
    assert not out.exists()


@pytest.mark.usefixtures("page")
def test_a_model_that_classifies_is_one_line(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    node = helper.make_node("GlobalAveragePool", ["x"], ["y"])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 1, 1])
    graph = helper.make_graph([node], "classifier", [x], [y])
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "c.onnx")
    text = one_line(run("--ckpt", tmp_path / "c.onnx", "--out", tmp_path / "out"))
    assert "Import it: fast-nst import" in text


@pytest.mark.usefixtures("page")
def test_a_port_in_use_is_one_line(filter_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = one_line(run("--ckpt", filter_file, "--port", str(port), "--no-open"))
    assert f"port {port} of 127.0.0.1 is in use. Use --port 0" in text


@pytest.mark.usefixtures("page")
def test_an_address_of_another_machine_is_one_line(filter_file: Path) -> None:
    text = one_line(run("--ckpt", filter_file, "--host", "203.0.113.7", "--no-open"))
    assert "no address of this machine" in text


def test_a_page_that_is_not_built_is_one_line(
    filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast_nst.paths, "PACKAGE", tmp_path)
    text = one_line(run("--ckpt", filter_file, "--no-open"))
    assert "Run `make web` in a clone, which needs Node 20 or newer; wheels carry it." in text


def test_wrong_usage_is_told(filter_file: Path) -> None:
    assert run("--ckpt", filter_file, "--port", "70000").exit_code == 2
    assert run("--ckpt").exit_code == 2


def test_a_style_that_is_no_picture_is_one_line(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = asset_path("predictors/mobile.safetensors")
    (package / "assets" / "predictors").mkdir()
    shutil.copy(predictor, package / "assets" / "predictors")
    monkeypatch.setattr(fast_nst.paths, "PACKAGE", package)
    out = tmp_path / "out"
    assert "starry_nigth is neither" in one_line(run("--style", "starry_nigth", "--out", out))
    (tmp_path / "broken.png").write_bytes(b"broken")
    assert "broken.png" in one_line(run("--style", tmp_path / "broken.png", "--out", out))
    assert not out.exists()


def test_every_option_is_in_the_docs() -> None:
    shown = run("--help").stdout
    text = (Path(__file__).resolve().parents[2] / "docs" / "web.md").read_text()
    options = set(re.findall(r"--[a-z-]+", shown)) - {"--help"}
    assert options <= set(re.findall(r"--[a-z-]+", text))
