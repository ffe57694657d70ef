import math
from pathlib import Path

import pytest
import torch
from torch.func import functional_call

from fast_nst.encoders import create_encoder
from fast_nst.errors import ConfigError, WeightsError
from fast_nst.losses.functional import gram_matrix
from fast_nst.networks import create_network
from fast_nst.prediction import load
from fast_nst.prediction.load import load_predictor, predictor_names, save_predictor
from fast_nst.prediction.predictor import StylePredictor
from fast_nst.prediction.statistics import LAYERS, StyleStatistics

NETWORKS = {
    "quarter": {"width": 3, "blocks": 1, "adaptive": True},
    "mobile": {"width": 2, "blocks": 1},
}


def images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, 48, 40, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def styles() -> StyleStatistics:
    return StyleStatistics.measure(create_encoder("vgg_lite"), images(6))


def predictor(name: str, styles: StyleStatistics) -> StylePredictor:
    torch.manual_seed(0)
    network = create_network(name, **NETWORKS[name])
    made = StylePredictor(network, hidden=8, code=4, rank=2)
    made.normalize_by(styles)
    return made


def test_statistics_are_means_and_gram_matrices(styles: StyleStatistics) -> None:
    features = create_encoder("vgg_lite")(images(6), LAYERS)
    assert len(styles) == 6
    for layer in LAYERS:
        torch.testing.assert_close(styles.grams[layer], gram_matrix(features[layer]))
        torch.testing.assert_close(styles.means[layer], features[layer].mean((2, 3)))


def test_statistics_of_two_images_side_by_side_are_about_their_average() -> None:
    encoder = create_encoder("vgg_lite")
    first, second = images(1, 1), images(1, 2) * 0.3
    apart = StyleStatistics.concatenated(
        [StyleStatistics.measure(encoder, each) for each in (first, second)]
    ).pooled()
    together = StyleStatistics.measure(encoder, torch.cat([first, second], dim=2))
    for layer in LAYERS[:2]:  # deeper ones see more of the seam
        error = (apart.grams[layer] - together.grams[layer]).norm()
        assert error < 0.1 * together.grams[layer].norm()


def test_a_mixture_lies_between_its_styles(styles: StyleStatistics) -> None:
    first, second = styles[torch.tensor([0, 1])], styles[torch.tensor([2, 3])]
    mixed = first.mixed(second, torch.tensor([0.0, 0.25]))
    for layer in LAYERS:
        torch.testing.assert_close(mixed.means[layer][0], first.means[layer][0])
        expected = 0.75 * first.grams[layer][1] + 0.25 * second.grams[layer][1]
        torch.testing.assert_close(mixed.grams[layer][1], expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_an_untrained_predictor_leaves_the_network_as_it_is(
    name: str, styles: StyleStatistics
) -> None:
    made = predictor(name, styles)
    for weights in made(styles):
        stylized = functional_call(made.decoder.network, weights, (images(1),))
        torch.testing.assert_close(stylized, made.decoder.network(images(1)))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_of_weight_learns_to_follow_the_style(
    name: str, styles: StyleStatistics
) -> None:
    made = predictor(name, styles)
    optimizer = torch.optim.Adam(made.parameters(), lr=1e-2)
    for _ in range(3):  # what starts at zero holds back the gradients of what lies before it
        optimizer.zero_grad()
        for weights, target in zip(made(styles), torch.linspace(0, 1, 6), strict=True):
            stylized = functional_call(made.decoder.network, weights, (images(1),))
            (stylized - target).square().mean().backward(retain_graph=True)
        optimizer.step()
    first, last = made(styles[torch.tensor([0, 5])])
    assert first.keys() == last.keys()
    for weight in first:
        assert not torch.equal(first[weight], last[weight]), weight
    # Only what looks at the image, not at the style, is the same for all styles.
    rest = dict(made.decoder.network.named_parameters()).keys() - first.keys()
    assert all("observe" in each or "change" in each for each in rest)


def test_a_folded_code_is_a_network_that_paints_the_same(styles: StyleStatistics) -> None:
    made = predictor("quarter", styles)
    torch.nn.init.normal_(made.decoder.affine.bias, std=0.1)
    first = styles[torch.tensor([0])]
    folded = made.decoder.fold(made.code(first)[0])
    with torch.no_grad():
        expected = functional_call(made.decoder.network, made(first)[0], (images(1),))
        torch.testing.assert_close(folded(images(1)), expected)
    assert folded.state_dict().keys() == made.decoder.network.state_dict().keys()


def test_what_the_perceptron_reads_is_normalized_over_the_styles(styles: StyleStatistics) -> None:
    made = predictor("quarter", styles)
    features = (made.describe(styles) - made.feature_mean) / made.feature_std
    torch.testing.assert_close(features.mean(0), torch.zeros_like(features[0]), atol=1e-3, rtol=0)
    assert features.std(0).max() < 1.01
    assert features.shape[1] == made.perceptron[0].in_features


def test_a_style_of_almost_one_color_gives_finite_weights(styles: StyleStatistics) -> None:
    made = predictor("quarter", styles)
    gray = torch.full((1, 3, 64, 64), 0.5)
    gray[..., 0, 0] = 0.6
    flat = StyleStatistics.measure(create_encoder("vgg_lite"), gray)
    assert all(value.isfinite().all() for value in made(flat)[0].values())


def test_a_file_keeps_a_predictor_in_half_precision(
    styles: StyleStatistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = predictor("quarter", styles)
    torch.nn.init.normal_(made.decoder.mixture.weight, std=0.1)
    about = {
        "network": "quarter",
        "network_arguments": NETWORKS["quarter"],
        "predictor_arguments": {"hidden": 8, "code": 4, "rank": 2},
    }
    (tmp_path / "predictors").mkdir()
    file = save_predictor(tmp_path / "predictors" / "quarter.safetensors", made, about)
    monkeypatch.setattr(load, "asset_path", lambda name: tmp_path / name)
    load_predictor.cache_clear()
    try:
        assert predictor_names() == ["quarter"]
        read = load_predictor("quarter")
        assert read.about == about
        torch.testing.assert_close(read.code(styles), made.code(styles), rtol=0.02, atol=0.02)
        file.write_bytes(file.read_bytes()[:-100])
        load_predictor.cache_clear()
        with pytest.raises(WeightsError, match="Install fast-nst again"):
            load_predictor("quarter")
        with pytest.raises(ConfigError, match=r"did you mean 'quarter'"):
            load_predictor("quater")
    finally:
        load_predictor.cache_clear()


@pytest.mark.parametrize("name", predictor_names())
def test_a_bundled_predictor_comes_close_to_styles_and_keeps_the_content(name: str) -> None:
    """Bundled textures are of paintings that no predictor was trained with."""
    from skimage.data import astronaut

    from fast_nst.config import find_style
    from fast_nst.image.style import read_style
    from fast_nst.losses.perceptual import PerceptualLoss
    from fast_nst.prediction.make import predict_network

    content = torch.tensor(astronaut()).permute(2, 0, 1)[None, :, ::2, ::2].float() / 255
    styles = {
        each: read_style(find_style(each)[1], 256) for each in ("starry_night", "mondrian_cubist")
    }
    networks = {each: predict_network([image], name) for each, image in styles.items()}
    for style, image in styles.items():
        loss = PerceptualLoss(
            create_encoder("vgg_lite"), image[None], content_weight=1, style_weight=1
        )
        with torch.inference_mode():
            targets = loss.content_targets(content)
            found = {each: loss(network(content), targets) for each, network in networks.items()}
            before = loss(content, targets)["style"]
        assert min(found, key=lambda each: float(found[each]["style"])) == style
        assert found[style]["style"] < before / 4
        assert found[style]["content"] < 1.3
        assert math.isfinite(found[style]["content"])
