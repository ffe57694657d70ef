from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fast_nst.apps.web.filters import file_name, read_filter
from fast_nst.apps.web.site import make_site, page_files
from fast_nst.errors import CheckpointError, ConfigError
from fast_nst.filter_metadata import KEY
from fast_nst.onnx.session import OnnxSession
from fast_nst.runtimes.graph_cache import cached_graph

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

SAMPLE = Image.linear_gradient("L").resize((96, 64)).convert("RGB")


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("<title>page</title>")
    return tmp_path / "web"


def exported(filter_file: Path, target: Path, **changes: Any) -> Path:
    """A model of the filter that says other things of its style; converted once for all tests."""
    model = onnx.load(cached_graph(filter_file))
    (entry,) = (each for each in model.metadata_props if each.key == KEY)
    document = json.loads(entry.value)
    document["styles"][0] |= changes
    entry.value = json.dumps(document)
    onnx.save(model, target)
    return target


def opened(content: Path | bytes) -> Image.Image:
    assert isinstance(content, bytes)
    return Image.open(io.BytesIO(content))


def test_the_list_of_filters_says_what_the_page_needs(filter_file: Path, build: Path) -> None:
    site = make_site([filter_file], build)
    document = json.loads(bytes(site["filters/filters.json"]))  # type: ignore[arg-type]
    (entry,) = document["filters"]
    model = site["filters/test_style.onnx"]
    assert isinstance(model, bytes)
    assert entry == {
        "name": "test_style",
        "title": "Test style",
        "by": "",
        "model": "filters/test_style.onnx",
        "bytes": len(model),
        "sha256": hashlib.sha256(model).hexdigest(),
        "thumbnail": "filters/test_style.webp",
        "input": "content",
        "output": "stylized",
        "least": 1,
    }
    assert document["version"] == 2
    assert document["models"] == []
    sample = opened(site[document["page"]["sample"]])
    assert sample.format == "WEBP"
    assert min(sample.size) >= 256
    assert opened(site[entry["thumbnail"]]).format == "WEBP"
    assert site["index.html"] == build / "index.html"


def test_the_model_of_the_page_takes_any_size_from_one_pixel(
    filter_file: Path, build: Path, tmp_path: Path
) -> None:
    model = make_site([filter_file], build)["filters/test_style.onnx"]
    assert isinstance(model, bytes)
    (tmp_path / "a.onnx").write_bytes(model)
    session = OnnxSession(tmp_path / "a.onnx")
    for size in ((1, 1), (7, 2), (33, 50)):
        assert session.run(np.full((1, 3, *size), 0.5, np.float32)).shape == (1, 3, *size)


def test_filters_of_one_style_get_names_and_titles_of_their_own(
    filter_file: Path, build: Path, tmp_path: Path
) -> None:
    titled = {"title": "N", "painter": "P"}
    one = exported(filter_file, tmp_path / "b.onnx", name="Nuit Étoilée/../x", **titled)
    other = exported(filter_file, tmp_path / "c.onnx", name="sample", **titled)
    site = make_site([filter_file, one, filter_file, other], build)
    entries = json.loads(bytes(site["filters/filters.json"]))["filters"]  # type: ignore[arg-type]
    names = ["test_style", "nuit_etoilee_x", "test_style_2", "sample_2"]
    assert [each["name"] for each in entries] == names
    assert [each["title"] for each in entries] == ["Test style", "N", "Test style 2", "N 2"]
    assert [each["by"] for each in entries] == ["", "P", "", "P"]
    assert len({each["thumbnail"] for each in entries} | {"filters/sample.webp"}) == 5


@pytest.mark.parametrize(
    ("style", "name"),
    [("../../etc/passwd", "etc_passwd"), ("<b>", "b"), ("夜", "filter"), ("a" * 99, "a" * 60)],
)
def test_names_are_safe_in_urls_and_on_disks(style: str, name: str) -> None:
    assert file_name(style, set()) == name


def test_a_thumbnail_of_the_style_is_taken_and_encoded_anew(
    filter_file: Path, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (96, 96), (200, 30, 30)).save(buffer, "PNG")
    content = base64.b64encode(buffer.getvalue() + b"<script>").decode()
    model = exported(filter_file, tmp_path / "a.onnx", thumbnail=content)
    thumbnail = read_filter(model, SAMPLE).thumbnail
    assert b"<script>" not in thumbnail
    pixel = opened(thumbnail).convert("RGB").getpixel((48, 48))
    assert np.abs(np.array(pixel) - (200, 30, 30)).max() <= 4


@pytest.mark.parametrize("content", ["", "not base64!", base64.b64encode(b"<svg/>").decode(), 7])
def test_without_an_image_of_the_style_the_thumbnail_shows_the_filter_at_work(
    filter_file: Path, tmp_path: Path, content: Any
) -> None:
    model = exported(filter_file, tmp_path / "a.onnx", thumbnail=content)
    thumbnail = opened(read_filter(model, SAMPLE).thumbnail).convert("RGB")
    pixels = np.asarray(SAMPLE, np.float32).transpose(2, 0, 1)[None] / 255
    wanted = 255 * OnnxSession(model).run(np.ascontiguousarray(pixels))[0].transpose(1, 2, 0)
    assert np.abs(np.asarray(thumbnail, np.float32) - wanted).mean() < 8  # WebP is lossy


def test_an_exported_model_is_taken_as_it_is(filter_file: Path, tmp_path: Path) -> None:
    read = read_filter(exported(filter_file, tmp_path / "a.onnx"), SAMPLE)
    assert read.model == (tmp_path / "a.onnx").read_bytes()
    assert (read.style, read.input, read.output) == ("test_style", "content", "stylized")


def test_models_that_the_page_cannot_run_are_refused(filter_file: Path, tmp_path: Path) -> None:
    model = onnx.load(cached_graph(filter_file))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[2].dim_value = 64
    onnx.save(model, tmp_path / "fixed.onnx")
    with pytest.raises(CheckpointError, match="any height and width"):
        read_filter(tmp_path / "fixed.onnx", SAMPLE)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(CheckpointError, match="Import it: fast-nst import"):
        read_filter(tmp_path / "foreign.onnx", SAMPLE)


def test_a_page_that_is_not_built_is_said_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"not built .*`make web`.*Node 20.*wheels carry it"):
        page_files(tmp_path)


def test_a_page_without_filters_is_refused(build: Path) -> None:
    with pytest.raises(ConfigError, match="--ckpt"):
        make_site([], build)
