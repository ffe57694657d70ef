"""Files of several styles as models of the page."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fast_nst.apps.web.models import SCALES, is_styled, read_model, run_graph
from fast_nst.apps.web.site import make_site
from fast_nst.errors import CheckpointError
from fast_nst.filter_metadata import KEY, Binding
from fast_nst.filters.checkpoint import load_filter, load_unbound, save_filter
from fast_nst.networks.layers import scale_shares
from fast_nst.networks.styled import STROKE_SIZES, StyledNetwork
from fast_nst.onnx.live import PAINTED_SCALES
from fast_nst.prediction.styled import add_styles, make_styles, save_styles

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

SAMPLE = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
MOST_BYTES = 5_000_000  # of encoder and predictor together


@pytest.fixture(scope="module")
def styled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("styled") / "two.safetensors"
    return save_styles(file, make_styles(["starry_night", "great_wave"], "mobile"))


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("<title>page</title>")
    return tmp_path / "web"


def test_its_graphs_paint_what_the_folded_network_paints(styled: Path) -> None:
    model = read_model(styled, SAMPLE)
    metadata = load_unbound(styled).metadata
    content = np.random.default_rng(0).random((1, 3, 45, 63), np.float32)
    for style, strength, stroke_size in ((0, 1, 1), (1, 0.6, 0.5), (1, 0.9, 2.5), (0, 1, 1.3)):
        code = model.styles[style].codes[STROKE_SIZES.index(min(1, stroke_size))]
        weights = run_graph(model.decode, code=code, strength=strength, stroke_size=stroke_size)
        number = next(at for at, scales in enumerate(SCALES) if stroke_size <= scales[-1])
        shares = np.array(
            [scale_shares(max(1, stroke_size)).get(each, 0) for each in SCALES[number]]
        )
        more = {"shares": shares} if number else {}
        painted = run_graph(model.paint[number], content=content, weights=weights, **more)
        knobs = {"strength": strength, "stroke_size": stroke_size}
        bound = load_filter(styled, Binding(metadata.styles[style].name, knobs))
        with torch.no_grad():
            wanted = bound.network(torch.from_numpy(content)).numpy()
        np.testing.assert_allclose(painted, wanted, atol=1e-4)


def test_its_scales_are_those_of_the_graphs() -> None:
    assert SCALES == PAINTED_SCALES


def test_its_encoder_gives_the_codes_of_the_predictor_and_is_small(styled: Path) -> None:
    from fast_nst.prediction.load import load_predictor
    from fast_nst.prediction.make import measure_style

    model = read_model(styled, SAMPLE)
    assert model.encode is not None
    assert len(model.encode) <= MOST_BYTES
    for height, width in ((256, 256), (128, 333), (301, 97)):
        picture = torch.rand(3, height, width, generator=torch.Generator().manual_seed(height))
        wanted = load_predictor("mobile").code(measure_style([picture]))[0]
        got = run_graph(model.encode, picture=picture[None].numpy())
        np.testing.assert_allclose(got, wanted.numpy(), atol=1e-3)


def test_the_list_has_the_model_once_and_its_styles_with_codes(styled: Path, build: Path) -> None:
    site = make_site([styled], build)
    document: dict[str, Any] = json.loads(bytes(site["filters/filters.json"]))  # type: ignore[arg-type]
    (model,) = document["models"]
    assert (model["code"], model["code_sizes"], model["stroke_sizes"]) == (96, [0.5, 1], [0.5, 3])
    assert [each["scales"] for each in model["paint"]] == [[1], [1, 2], [2, 4]]
    for part in (*model["paint"], model["decode"], model["encode"]):
        content = site[part["model"]]
        assert isinstance(content, bytes)
        digest = hashlib.sha256(content).hexdigest()
        assert part == {**part, "bytes": len(content), "sha256": digest}
    first, second = document["filters"]
    assert (first["name"], second["name"]) == ("starry_night", "great_wave")
    assert first["styled"] == second["styled"] == model["name"]
    assert (first["title"], first["by"]) == ("The Starry Night", "Vincent van Gogh")
    codes = np.frombuffer(base64.b64decode(second["codes"]), "<f4").reshape(2, 96)
    unbound = load_unbound(styled)
    assert isinstance(unbound.network, StyledNetwork)
    assert np.array_equal(codes, unbound.network.codes[1].numpy())
    with Image.open(io.BytesIO(bytes(site[first["thumbnail"]]))) as image:  # type: ignore[arg-type]
        assert image.format == "WEBP"


def test_a_further_style_needs_no_new_graphs(
    styled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_model(styled, SAMPLE)
    more = tmp_path / "three.safetensors"
    save_styles(more, add_styles(load_unbound(styled), ["the_scream"]))
    for each in ("_make_paint", "_make_decode"):
        again = lambda *_: pytest.fail("it was converted again")  # noqa: E731
        monkeypatch.setattr(f"fast_nst.apps.web.models.{each}", again)
    after = read_model(more, SAMPLE)
    assert (after.paint, after.decode) == (before.paint, before.decode)
    assert len(after.styles) == 3


def test_a_file_of_another_predictor_takes_no_pictures(styled: Path, tmp_path: Path) -> None:
    unbound = load_unbound(styled)
    metadata = replace(unbound.metadata, config={**unbound.metadata.config, "predictor": "0" * 12})
    other = save_filter(tmp_path / "other.safetensors", unbound.network, metadata)
    assert read_model(other, SAMPLE).encode is None


def test_a_checkpoint_of_a_training_is_read_as_well(styled: Path, tmp_path: Path) -> None:
    unbound = load_unbound(styled)
    state = {f"network.{name}": each for name, each in unbound.network.state_dict().items()}
    document = json.dumps(asdict(unbound.metadata))
    torch.save({KEY: document, "state_dict": state}, tmp_path / "last.ckpt")
    read, wanted = read_model(tmp_path / "last.ckpt", SAMPLE), read_model(styled, SAMPLE)
    assert [each.style for each in read.styles] == [each.style for each in wanted.styles]
    assert np.array_equal(read.styles[1].codes, wanted.styles[1].codes)
    assert read.encode == wanted.encode


def test_codes_that_do_not_go_with_the_styles_are_one_line(styled: Path, tmp_path: Path) -> None:
    unbound = load_unbound(styled)
    metadata = replace(unbound.metadata, styles=unbound.metadata.styles[:1])
    broken = save_filter(tmp_path / "broken.safetensors", unbound.network, metadata)
    with pytest.raises(CheckpointError, match=r"codes of shape .* for 1 styles"):
        read_model(broken, SAMPLE)


def test_a_style_without_an_image_of_its_own_shows_what_it_paints(
    styled: Path, tmp_path: Path
) -> None:
    unbound = load_unbound(styled)
    styles = tuple(replace(each, thumbnail="") for each in unbound.metadata.styles)
    metadata = replace(unbound.metadata, styles=styles)
    bare = save_filter(tmp_path / "bare.safetensors", unbound.network, metadata)
    with Image.open(io.BytesIO(read_model(bare, SAMPLE).styles[0].thumbnail)) as image:
        assert image.size == SAMPLE.size


def test_only_files_of_several_styles_are_models(styled: Path, filter_file: Path) -> None:
    assert is_styled(styled)
    assert not is_styled(filter_file)
    assert not is_styled(Path("missing.safetensors"))
    assert not is_styled(Path("model.onnx"))
