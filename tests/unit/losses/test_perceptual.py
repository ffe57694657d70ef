from collections.abc import Sequence

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fast_nst.encoders.vgg_lite import VGGLite
from fast_nst.errors import ConfigError, LayerError
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.losses.terms import TERMS
from fast_nst.networks import create_network


@pytest.fixture(scope="module")
def encoder() -> VGGLite:
    torch.manual_seed(0)
    network = VGGLite()
    network.freeze()
    return network


def image(seed: int, side: int = 32) -> torch.Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_an_image_has_no_content_loss_to_itself_and_no_style_loss_to_itself(
    encoder: VGGLite,
) -> None:
    style = image(0)
    loss = PerceptualLoss(encoder, style, content_weight=1, style_weight=30)
    terms = loss(style, loss.content_targets(style))
    assert terms.keys() == {"content", "style"}
    assert terms["content"] == 0
    assert terms["style"] < 1e-9


def test_weights_multiply_their_terms_and_can_be_divided_out(encoder: VGGLite) -> None:
    content, stylized = image(1), image(2)
    one = PerceptualLoss(encoder, image(0), content_weight=1, style_weight=1, tv_weight=1)
    many = PerceptualLoss(encoder, image(0), content_weight=2, style_weight=7, tv_weight=0.5)
    targets = one.content_targets(content)
    plain, weighted = one(stylized, targets), many(stylized, targets)
    for name, factor in (("content", 2), ("style", 7), ("tv", 0.5)):
        torch.testing.assert_close(weighted[name], plain[name] * factor)
        torch.testing.assert_close(many.unweighted(weighted)[name], plain[name])


def test_the_style_target_of_several_images_is_the_mean_of_their_gram_matrices(
    encoder: VGGLite,
) -> None:
    first, second = image(3), image(4)
    targets = [
        PerceptualLoss(encoder, style, style_weight=1).terms["style"].target("relu2_1")
        for style in (first, second, [first, second])
    ]
    torch.testing.assert_close(targets[2], (targets[0] + targets[1]) / 2)


def test_only_images_get_a_gradient(encoder: VGGLite) -> None:
    loss = PerceptualLoss(encoder, image(0), content_weight=1, style_weight=30)
    stylized = image(1).requires_grad_(True)
    sum(loss(stylized, loss.content_targets(image(2))).values()).backward()
    assert stylized.grad is not None
    assert stylized.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_the_papers_scale_grows_with_the_features_and_the_relative_one_does_not(
    encoder: VGGLite,
) -> None:
    content, stylized = image(1), image(2)
    values = {}
    for scale in ("paper", "relative"):
        loss = PerceptualLoss(encoder, image(0), content_weight=1, scale=scale)
        targets = loss.content_targets(content)
        values[scale] = loss(stylized, targets)["content"]
        assert values[scale] > 0
    energy = encoder(content, ["relu3_1"])["relu3_1"].square().mean()
    torch.testing.assert_close(values["paper"], values["relative"] * energy)


def test_mistakes_are_named(encoder: VGGLite) -> None:
    def mistaken(**settings: object) -> None:
        PerceptualLoss(encoder, image(0), **{"content_weight": 1, **settings})  # type: ignore[arg-type]

    with pytest.raises(ConfigError, match="style_weight is -1"):
        mistaken(style_weight=-1)
    with pytest.raises(ConfigError, match="style_layers is empty"):
        mistaken(style_weight=1, style_layers=())
    with pytest.raises(LayerError, match="did you mean 'relu3_1'"):
        mistaken(content_layers=("relu31",))
    with pytest.raises(ConfigError, match="'relative' or 'paper'"):
        mistaken(scale="both")
    with pytest.raises(ConfigError, match=r"'loss.fram_weight' \(did you mean 'frame_weight'\?\)"):
        mistaken(fram_weight=1)
    with pytest.raises(ConfigError, match=r"'loss.frame_layers'"):
        mistaken(frame_layers=["relu1_1"])
    with pytest.raises(ConfigError, match="no term of the loss has a weight"):
        mistaken(content_weight=0)


class Counting(VGGLite):
    """Notes the layers that it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, ...]] = []

    def forward(self, images: torch.Tensor, layers: Sequence[str]) -> dict[str, torch.Tensor]:
        self.asked.append(tuple(layers))
        return super().forward(images, layers)


def test_the_encoder_runs_once_for_the_layers_that_terms_with_a_weight_read() -> None:
    encoder = Counting()
    loss = PerceptualLoss(
        encoder, image(0), content_weight=1, style_weight=1, tv_weight=1,
        content_layers=("relu2_1",), style_layers=("relu1_1", "relu2_1"),
    )  # fmt: skip
    assert encoder.asked == [("relu1_1", "relu2_1")]  # the style's targets
    loss(image(1), loss.content_targets(image(2)))
    assert encoder.asked[1:] == [("relu2_1",), ("relu2_1", "relu1_1")]
    encoder.asked.clear()
    alone = PerceptualLoss(encoder, image(0), tv_weight=1)
    assert alone(image(1), alone.content_targets(image(2))).keys() == {"tv"}
    assert encoder.asked == []


def test_terms_without_a_weight_are_not_there(encoder: VGGLite) -> None:
    loss = PerceptualLoss(encoder, image(0), content_weight=0, style_weight=2, grid_weight=0.0)
    assert list(loss.terms) == ["style"]
    assert loss.weights == {"style": 2}
    assert loss(image(1)).keys() == {"style"}
    assert not loss.draws_random
    assert PerceptualLoss(encoder, image(0), stability_weight=1).draws_random


@pytest.mark.parametrize(
    ("weight", "missing"),
    [("content_weight", "content"), ("grid_weight", "network"), ("stability_weight", "network")],
)
def test_the_error_names_what_a_term_needs(encoder: VGGLite, weight: str, missing: str) -> None:
    loss = PerceptualLoss(encoder, image(0), **{weight: 1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"needs the {missing}"):
        loss(image(1))


class Operations(TorchDispatchMode):
    """Notes the names of what is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("scale", ["relative", "paper"])
def test_no_term_reads_a_value_from_the_device_so_that_steps_can_be_recorded(
    encoder: VGGLite, scale: str
) -> None:
    weights = {f"{name}_weight": 1.0 for name in TERMS}
    loss = PerceptualLoss(encoder, image(0), **weights, scale=scale)  # type: ignore[arg-type]
    network, content = create_network("photo", width=2, blocks=0), image(1, side=80)
    with Operations() as computed:
        terms = loss(network(content), loss.content_targets(content), network)
        torch.stack(list(terms.values())).sum().backward()
    assert terms.keys() == TERMS.keys()
    assert "grid_sampler_2d_backward" in computed.names
    assert not computed.names & {"_local_scalar_dense", "nonzero", "equal", "is_nonzero"}
    with Operations() as computed:
        float(terms["style"].detach())
    assert computed.names & {"_local_scalar_dense"}
