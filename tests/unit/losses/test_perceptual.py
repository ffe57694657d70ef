import pytest
import torch

from fast_nst.encoders.vgg_lite import VGGLite
from fast_nst.errors import ConfigError, LayerError
from fast_nst.losses.perceptual import PerceptualLoss


@pytest.fixture(scope="module")
def encoder() -> VGGLite:
    torch.manual_seed(0)
    network = VGGLite()
    network.freeze()
    return network


def picture(seed: int, side: int = 32) -> torch.Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_a_picture_has_no_content_loss_to_itself_and_no_style_loss_to_itself(
    encoder: VGGLite,
) -> None:
    style = picture(0)
    loss = PerceptualLoss(encoder, style)
    terms = loss(style, loss.content_targets(style))
    assert terms.keys() == {"content", "style"}
    assert terms["content"] == 0
    assert terms["style"] < 1e-9


def test_weights_multiply_their_terms_and_can_be_divided_out(encoder: VGGLite) -> None:
    content, stylized = picture(1), picture(2)
    one = PerceptualLoss(encoder, picture(0), content_weight=1, style_weight=1, tv_weight=1)
    many = PerceptualLoss(encoder, picture(0), content_weight=2, style_weight=7, tv_weight=0.5)
    targets = one.content_targets(content)
    plain, weighted = one(stylized, targets), many(stylized, targets)
    for name, factor in (("content", 2), ("style", 7), ("tv", 0.5)):
        torch.testing.assert_close(weighted[name], plain[name] * factor)
        torch.testing.assert_close(many.unweighted(weighted)[name], plain[name])


def test_the_style_target_of_several_pictures_is_the_mean_of_their_gram_matrices(
    encoder: VGGLite,
) -> None:
    first, second = picture(3), picture(4)
    apart = [PerceptualLoss(encoder, each).style_relu2_1 for each in (first, second)]
    together = PerceptualLoss(encoder, [first, second]).style_relu2_1
    torch.testing.assert_close(together, (apart[0] + apart[1]) / 2)


def test_only_pictures_get_a_gradient(encoder: VGGLite) -> None:
    loss = PerceptualLoss(encoder, picture(0))
    stylized = picture(1).requires_grad_(True)
    sum(loss(stylized, loss.content_targets(picture(2))).values()).backward()
    assert stylized.grad is not None
    assert stylized.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_the_papers_scale_grows_with_the_features_and_the_relative_one_does_not(
    encoder: VGGLite,
) -> None:
    content, stylized = picture(1), picture(2)
    values = {}
    for scale in ("paper", "relative"):
        loss = PerceptualLoss(encoder, picture(0), scale=scale)  # type: ignore[arg-type]
        targets = loss.content_targets(content)
        values[scale] = loss(stylized, targets)["content"]
        assert values[scale] > 0
    energy = encoder(content, ["relu3_1"])["relu3_1"].square().mean()
    torch.testing.assert_close(values["paper"], values["relative"] * energy)


def test_mistakes_are_named(encoder: VGGLite) -> None:
    with pytest.raises(ConfigError, match="style_weight is -1"):
        PerceptualLoss(encoder, picture(0), style_weight=-1)
    with pytest.raises(ConfigError, match="style_layers is empty"):
        PerceptualLoss(encoder, picture(0), style_layers=())
    with pytest.raises(LayerError, match="did you mean 'relu3_1'"):
        PerceptualLoss(encoder, picture(0), content_layers=("relu31",))
    with pytest.raises(ConfigError, match="'relative' or 'paper'"):
        PerceptualLoss(encoder, picture(0), scale="both")  # type: ignore[arg-type]


def test_only_what_is_more_regular_than_the_style_counts_as_a_pattern(encoder: VGGLite) -> None:
    noise, across = picture(1, side=64), torch.arange(64.0)
    waves = (0.5 + 0.3 * torch.sin(across * 2 * torch.pi / 5)).expand(1, 3, 64, 64)
    for style, pattern in ((noise, True), (waves, False)):
        loss = PerceptualLoss(encoder, style, content_weight=0, pattern_weight=1)
        assert (loss(waves, {})["pattern"] > 1) == pattern
        assert loss(noise, {})["pattern"] < 0.2
        assert loss(picture(2, side=16), {})["pattern"] == 0


def test_a_style_too_small_to_show_a_pattern_is_named(encoder: VGGLite) -> None:
    with pytest.raises(ConfigError, match="at least 32 x 32 px"):
        PerceptualLoss(encoder, picture(0, side=24), pattern_weight=1)


def test_a_frame_counts_when_pictures_have_it_time_and_again(encoder: VGGLite) -> None:
    framed = picture(1, side=80) * 0.5
    framed[..., 8:-8, 8:-8] += 0.3
    loss = PerceptualLoss(encoder, picture(0), content_weight=0, frame_weight=2)
    first = loss(framed.requires_grad_(True), {})["frame"]
    gradient = torch.autograd.grad(first, framed)[0]
    # Brightening the border makes the frame less, of which nothing is 16 px further in.
    assert gradient[..., :8, 32:-32].max() < 0 < gradient[..., 16:32, 32:-32].min()
    assert gradient[..., 8:16, 32:-32].abs().max() == 0
    for _ in range(100):
        last = loss(framed, {})["frame"]
    assert 100 * first < last
    assert last.item() == pytest.approx(2 * 3 * 0.3**2, rel=0.1)


def test_sides_that_differ_in_opposite_ways_are_a_frame_as_well(encoder: VGGLite) -> None:
    plain = picture(1, side=80) * 0.5
    slanted = plain.clone()
    slanted[..., :8, :] += 0.3
    slanted[..., -8:, :] -= 0.3
    loss = PerceptualLoss(encoder, picture(0), content_weight=0, frame_weight=2).eval()
    added = loss(slanted, {})["frame"] - loss(plain, {})["frame"]
    assert added.item() == pytest.approx(2 * 3 * 0.3**2 / 2, rel=0.1)


def test_a_preview_counts_its_own_frame_and_is_not_remembered(encoder: VGGLite) -> None:
    plain, framed = picture(1, side=80) * 0.5, picture(1, side=80) * 0.5
    framed[..., 8:-8, 8:-8] += 0.3
    loss = PerceptualLoss(encoder, picture(0), content_weight=0, frame_weight=2)
    for training in (True, False):
        loss.train(training)
        with torch.no_grad():
            assert loss(framed, {})["frame"].item() == pytest.approx(2 * 3 * 0.3**2, rel=0.1)
            assert loss(plain, {})["frame"] < 0.01
    assert not loss.usual_frame.any()


def test_stability_is_asked_for_by_its_weight_and_passes_the_network_once(
    encoder: VGGLite,
) -> None:
    torch.manual_seed(0)
    content, calls = picture(1), []

    def network(pictures: torch.Tensor) -> torch.Tensor:
        calls.append(pictures)
        return 1 - pictures

    without = PerceptualLoss(encoder, picture(0))
    assert without.stability(network, content, network(content)) == {}
    assert len(calls) == 1
    loss = PerceptualLoss(encoder, picture(0), stability_weight=3)
    terms = loss.stability(network, content, network(content))
    assert len(calls) == 3
    assert calls[-1].shape == content.shape
    assert not torch.equal(calls[-1], content)
    assert 0 < loss.unweighted(terms)["stability"] == terms["stability"] / 3
    # A network that paints the same whatever it sees has nothing to be unstable in.
    flat = loss.stability(lambda x: torch.full_like(x, 0.5), content, torch.full_like(content, 0.5))
    assert flat["stability"] < 1e-6
    with pytest.raises(ConfigError, match="stability_weight is -1"):
        PerceptualLoss(encoder, picture(0), stability_weight=-1)
