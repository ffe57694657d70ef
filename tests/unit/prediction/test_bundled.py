"""The bundled filters of bundled styles, and where they are used."""

from pathlib import Path

import pytest
import torch

from fast_nst.config import list_styles, style_digest
from fast_nst.encoders import create_encoder
from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import Binding
from fast_nst.filters.checkpoint import load_unbound
from fast_nst.networks.layers import ScaledNetwork
from fast_nst.networks.styled import StyledNetwork
from fast_nst.paths import asset_path
from fast_nst.prediction.bundled import has_trained, trained_file
from fast_nst.prediction.load import predictor_digest, predictor_names
from fast_nst.prediction.make import (
    ENCODER,
    STYLE_SIZE,
    Picture,
    make_filter,
    measure_style,
    predict_network,
    trial_photos,
)
from fast_nst.prediction.reach import measure_reach
from fast_nst.prediction.styled import add_styles, make_styles
from fast_nst.training.start import TRAINED, create_started_network

NAMES = [style.name for style in list_styles()]


def photo() -> torch.Tensor:
    return trial_photos()[:1, :, :96, :128]


@pytest.mark.parametrize("network", predictor_names())
def test_there_is_a_filter_of_all_bundled_styles_as_they_are_now(network: str) -> None:
    metadata = load_unbound(trained_file(network)).metadata
    assert sorted(style.name for style in metadata.styles) == NAMES
    for style in metadata.styles:
        assert style.sha256 == style_digest([asset_path(f"styles/{style.name}.webp")])
        assert metadata.config["styles"][style.name]["predicted"]["style_left"] < 0.01
    assert metadata.config["predictor"] == predictor_digest(network)  # so styles can be added
    assert "data" not in metadata.config  # whose path would be that of another machine


def test_a_trained_filter_is_nearer_to_the_style_than_a_predicted_one() -> None:
    style = measure_style([Picture.find("great_wave").read(STYLE_SIZE)])
    encoder, photos = create_encoder(ENCODER), trial_photos()[:1]
    made = make_filter(["great_wave"])
    predicted = predict_network([Picture.find("great_wave").read(STYLE_SIZE)])
    trained = measure_reach(made.network, encoder, style, photos)
    assert trained.style_left < measure_reach(predicted, encoder, style, photos).style_left
    stored = make_filter(["great_wave"]).metadata.config["predicted"]["style_left"]
    assert measure_reach(made.network, encoder, style, trial_photos()).style_left == pytest.approx(
        stored, rel=0.1
    )


@torch.no_grad()
def test_a_bundled_style_is_the_bundled_filter_bound_to_it() -> None:
    whole = load_unbound(trained_file("mobile"))
    binding = Binding("the_kiss", {"stroke_size": 2.0})
    expected = whole.bind(binding).network(photo())
    one = make_filter(["the_kiss"], "mobile", stroke_size=2.0, name="gold")
    assert torch.equal(one.network(photo()), expected)
    assert one.metadata.style == "gold"
    assert one.metadata.network_arguments["stroke_scale"] == 2.0
    some = make_styles(["great_wave", "the_kiss"], "mobile")
    assert torch.equal(some.bind(binding).network(photo()), expected)
    assert list(some.metadata.config["styles"]) == ["great_wave", "the_kiss"]


@torch.no_grad()
def test_other_pictures_and_the_plain_predictor_are_as_before(tmp_path: Path) -> None:
    copy = tmp_path / "the_kiss.webp"
    copy.write_bytes(asset_path("styles/the_kiss.webp").read_bytes())
    predicted = make_styles(["the_kiss"], "mobile", trained=False)
    for pictures in ([copy], [copy, "great_wave"]):
        made = make_styles(pictures, "mobile")
        assert torch.equal(made.bind().network(photo()), predicted.bind().network(photo()))
    trained = make_styles(["the_kiss"], "mobile")
    assert not torch.equal(trained.bind().network(photo()), predicted.bind().network(photo()))


@torch.no_grad()
def test_a_picture_is_added_to_bundled_styles_and_those_stay(tmp_path: Path) -> None:
    before = make_styles(["the_kiss", "red_fuji"], "mobile")
    picture = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
    after = add_styles(before, [picture])
    assert [style.name for style in after.metadata.styles] == ["the_kiss", "red_fuji", "picture"]
    for name in ("the_kiss", "red_fuji"):
        paint = [each.bind(Binding(name)).network(photo()) for each in (before, after)]
        assert torch.equal(*paint)


def test_a_style_twice_is_refused_for_bundled_styles_as_for_others() -> None:
    with pytest.raises(ConfigError, match="two styles named 'the_kiss'"):
        make_styles(["the_kiss", "the_kiss"], "mobile")


@torch.no_grad()
def test_a_training_can_start_from_the_bundled_filter_of_its_style() -> None:
    arguments = {"width": 8, "blocks": 4, "stroke_scale": 2.0}
    network = create_started_network("mobile", arguments, TRAINED, bundled="red_fuji")
    assert isinstance(network, ScaledNetwork)
    expected = make_filter(["red_fuji"], "mobile", stroke_size=2.0).network
    assert torch.equal(network.eval()(photo()), expected(photo()))
    with pytest.raises(ConfigError, match="no bundled filter of this style"):
        create_started_network("mobile", arguments, TRAINED)


def test_what_is_not_bundled_has_no_trained_filter() -> None:
    assert not has_trained([], "mobile")
    assert not has_trained(["me"], "mobile")
    assert not has_trained(["the_kiss"], "johnson")
    network = make_styles(["the_kiss"], "mobile").network
    assert isinstance(network, StyledNetwork)
    assert network.styles == 1
