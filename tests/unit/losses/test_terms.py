"""What each term of a loss counts, and what one is made of."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from fast_nst.config import default_groups
from fast_nst.encoders.vgg_lite import VGGLite
from fast_nst.errors import ConfigError
from fast_nst.losses.base import Content, LossContext, LossTerm, Setup
from fast_nst.losses.functional import grid_energy, total_variation
from fast_nst.losses.look import ColorsTerm, SmoothTerm, color_quantiles
from fast_nst.losses.perceptual import PerceptualLoss, check_keys
from fast_nst.losses.terms import (
    TERMS,
    ContentTerm,
    FrameTerm,
    GridTerm,
    PatternTerm,
    StabilityTerm,
    StyleTerm,
    TotalVariationTerm,
)
from fast_nst.networks import create_network
from fast_nst.paths import config_dir


def image(seed: int, side: int = 32) -> Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def context(stylized: Tensor, **given: Any) -> LossContext:
    return LossContext(stylized, {}, **given)


@pytest.fixture(scope="module")
def encoder() -> VGGLite:
    torch.manual_seed(0)
    network = VGGLite()
    network.freeze()
    return network


class Inverting(nn.Module):
    """Paints negatives, and keeps what it was given."""

    def __init__(self, stride: int = 4) -> None:
        super().__init__()
        self.stride = stride
        self.given: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.given.append(images)
        return 1 - images


def test_all_keys_of_terms_stand_in_the_default_file_with_their_own_defaults(
    encoder: VGGLite,
) -> None:
    written = default_groups("loss")["loss"]
    keys = {"scale", "min_content_kept"} | {
        f"{name}_{option}" for name, term in TERMS.items() for option in ("weight", *term.options())
    }
    assert written.keys() == keys
    given = Setup(encoder, [image(0)])
    for name in ("content", "style"):
        assert list(TERMS[name].build(given).layers) == written[f"{name}_layers"]


def test_relative_content_errors_are_averaged_and_the_papers_are_summed() -> None:
    # Layer a: off by 1 of 2 everywhere, so 1/4 relative, 1 absolute; layer b: by 3 of 3, 1 and 9.
    targets = {"a": torch.full((1, 2, 2, 2), 2.0), "b": torch.full((1, 1, 1, 1), 3.0)}
    features = {"a": torch.ones(1, 2, 2, 2), "b": torch.zeros(1, 1, 1, 1)}
    seen = LossContext(image(0), features, Content(image(1), targets))
    assert ContentTerm(("a", "b"))(seen) == pytest.approx((1 / 4 + 1) / 2)
    assert ContentTerm(("a", "b"), "paper")(seen) == pytest.approx(1 + 9)


def test_style_errors_of_a_2x2_case_with_a_target_for_each_sample() -> None:
    # Features of one pixel, (1, 2): the Gram matrix is [[1, 2], [2, 4]], its mean square 25 / 4.
    features = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1)
    gram = torch.tensor([[[1.0, 2.0], [2.0, 4.0]]])
    seen = LossContext(image(0), {"a": features})
    assert StyleTerm({"a": gram})(seen) == 0
    assert StyleTerm({"a": gram / 2})(seen) == pytest.approx(1)
    # Differences are halves of 1, 2, 2, 4; over two channels; squares are summed: 25 / 16.
    assert StyleTerm({"a": gram / 2}, "paper")(seen) == pytest.approx(25 / 16)
    both = LossContext(image(0), {"a": features.expand(2, 2, 1, 1)})
    term = StyleTerm({"a": torch.cat([gram, gram / 2])})
    assert term(both) == pytest.approx(1 / 2)
    shares = torch.tensor([0.25, 0.75])
    assert term.compare({"a": gram.expand(2, 2, 2)}, shares) == pytest.approx(3 / 4)


def test_total_variation_is_that_of_the_stylized_images() -> None:
    assert TotalVariationTerm()(context(image(0))) == total_variation(image(0))


@pytest.mark.parametrize("stride", [4, 8])
def test_the_grid_that_counts_is_that_of_the_networks_stride(stride: int) -> None:
    cell = torch.rand(1, 3, stride, stride, generator=torch.Generator().manual_seed(0))
    woven = cell.repeat(1, 1, 64 // stride, 64 // stride)
    found = GridTerm()(context(woven, network=Inverting(stride)))
    assert found == grid_energy(woven, stride)
    assert found == pytest.approx(1, rel=1e-3)
    if stride == 8:
        assert GridTerm()(context(woven, network=Inverting(4))) < 0.6


def test_only_what_is_more_regular_than_the_style_counts_as_a_pattern(encoder: VGGLite) -> None:
    noise, across = image(1, side=64), torch.arange(64.0)
    waves = (0.5 + 0.3 * torch.sin(across * 2 * torch.pi / 5)).expand(1, 3, 64, 64)
    for style, pattern in ((noise, True), (waves, False)):
        term = PatternTerm.build(Setup(encoder, [style]))
        assert (term(context(waves)) > 1) == pattern
        assert term(context(noise)) < 0.2
        assert term(context(image(2, side=16))) == 0


def test_hatching_in_colors_of_one_luminance_counts_too(encoder: VGGLite) -> None:
    wave = 0.3 * torch.sin(torch.arange(64.0) * 2 * torch.pi / 5).expand(64, 64)
    colored = 0.5 + torch.stack([wave, -wave * 0.299 / 0.587, torch.zeros(64, 64)])[None]
    term = PatternTerm.build(Setup(encoder, [image(1, side=64)]))
    assert term(context(colored)) > 1


def test_a_style_too_small_to_show_a_pattern_is_named(encoder: VGGLite) -> None:
    with pytest.raises(ConfigError, match="at least 32 x 32 px"):
        PatternTerm.build(Setup(encoder, [image(0, side=24)]))


def framed() -> Tensor:
    stylized = image(1, side=80) * 0.5
    stylized[..., 8:-8, 8:-8] += 0.3
    return stylized


def test_a_frame_counts_when_many_images_have_it() -> None:
    image, term = framed().requires_grad_(True), FrameTerm()
    first = term(context(image))
    gradient = torch.autograd.grad(first, image)[0]
    # Brightening the border makes the frame less, of which nothing is 16 px further in.
    assert gradient[..., :8, 32:-32].max() < 0 < gradient[..., 16:32, 32:-32].min()
    assert gradient[..., 8:16, 32:-32].abs().max() == 0
    for _ in range(100):
        last = term(context(image))
    assert 100 * first < last
    assert last.item() == pytest.approx(3 * 0.3**2, rel=0.1)


def test_sides_that_differ_in_opposite_ways_are_a_frame_as_well() -> None:
    plain = image(1, side=80) * 0.5
    slanted = plain.clone()
    slanted[..., :8, :] += 0.3
    slanted[..., -8:, :] -= 0.3
    term = FrameTerm().eval()
    added = term(context(slanted)) - term(context(plain))
    assert added.item() == pytest.approx(3 * 0.3**2 / 2, rel=0.1)


def test_a_preview_counts_its_own_frame_and_is_not_remembered() -> None:
    term = FrameTerm()
    for training in (True, False):
        term.train(training)
        with torch.no_grad():
            assert term(context(framed())).item() == pytest.approx(3 * 0.3**2, rel=0.1)
            assert term(context(image(1, side=80) * 0.5)) < 0.01
    assert not term.running_shift.any()


def test_the_frames_memory_changes_in_place_and_is_in_no_checkpoint(encoder: VGGLite) -> None:
    loss = PerceptualLoss(encoder, image(0), frame_weight=1)
    memory = loss.terms["frame"].running_shift
    loss(framed())
    assert memory.any()
    assert any(buffer is memory for buffer in loss.buffers())
    assert not [name for name in loss.state_dict() if not name.startswith("encoder.")]


def test_stability_passes_the_network_once_over_a_perturbed_image() -> None:
    torch.manual_seed(0)
    network, content = Inverting(), Content(image(1), {})
    seen = context(1 - image(1), content=content, network=network)
    found = StabilityTerm()(seen)
    (given,) = network.given
    assert given.shape == content.images.shape
    assert not torch.equal(given, content.images)
    assert 0 < found < 1

    class Gray(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.full_like(images, 0.5)

    # A network that paints the same whatever it sees has nothing to be unstable in.
    gray = replace(seen, stylized=torch.full_like(image(1), 0.5), network=Gray())
    assert StabilityTerm()(gray) < 1e-6


class BrightnessTerm(LossTerm):
    """Made up: how far the mean is from a level, and from the style's."""

    def __init__(self, level: float, style: Tensor) -> None:
        super().__init__()
        self.level = level
        self.register_buffer("style", style, persistent=False)

    @classmethod
    def build(cls, setup: Setup, level: float = 0.5) -> "BrightnessTerm":
        return cls(level, setup.styles[0].mean())

    def forward(self, context: LossContext) -> Tensor:
        mean = context.stylized.mean()
        return (mean - self.level).square() + (mean - self.style).square()


def test_a_new_term_is_a_class_and_a_line_in_the_table(
    encoder: VGGLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TERMS, "brightness", BrightnessTerm)
    style = torch.full((1, 3, 32, 32), 0.25)
    loss = PerceptualLoss(encoder, style, brightness_weight=3, brightness_level=0.5)
    found = loss(torch.ones(1, 3, 32, 32))
    assert found.keys() == {"brightness"}
    assert found["brightness"] == pytest.approx(3 * (0.25 + 0.75**2))
    with pytest.raises(ConfigError, match="did you mean 'brightness_level'"):
        PerceptualLoss(encoder, style, brightness_weight=3, brightness_levl=0.5)


LOSSES = sorted((config_dir() / "loss").glob("*.yaml"))


@pytest.mark.parametrize("file", LOSSES, ids=lambda file: file.stem)
def test_no_file_of_losses_has_a_key_that_no_term_knows(file: Path) -> None:
    values = OmegaConf.to_container(OmegaConf.load(file))
    assert isinstance(values, dict)
    check_keys(str(key) for key in values)


def test_color_quantiles_of_two_colors_are_two_steps_along_each_direction() -> None:
    half = torch.zeros(1, 3, 8, 16)
    half[:, 0, :, 4:] = 1.0  # a quarter black, the rest red
    found = color_quantiles(half, side=4, count=4)[0]
    root = 1 / 2**0.5
    expected = [[0, 1, 1, 1], [0] * 4, [0] * 4, [0, *[1 / 3**0.5] * 3], *[[0, *[root] * 3]] * 2]
    torch.testing.assert_close(found[:6], torch.tensor(expected, dtype=torch.float32))
    assert (found[6] == 0).all()
    # Of fewer squares than groups, and of any number, the values rise from the least to the most.
    for side in (16, 33, 90):
        rising = color_quantiles(image(0, side))
        assert rising.shape == (1, 7, 64)
        assert rising.diff(dim=2).min() >= 0


def test_the_colors_that_count_are_their_shares_and_not_their_places(encoder: VGGLite) -> None:
    style = image(0, 64)
    term = ColorsTerm.build(Setup(encoder, [style]))
    assert term(context(style)) == 0
    assert term(context(style.flip(2, 3).mT)) < 1e-10
    darker, darkest = term(context(0.7 * style)), term(context(0.4 * style))
    assert 0 < darker < darkest
    mean = style.mean((2, 3), keepdim=True).expand_as(style)
    assert term(context(mean)) > 0.1  # the mean color alone is not enough


def test_smoothness_is_asked_of_a_network_that_has_curves() -> None:
    network, seen = create_network("photo", width=2, blocks=0), Content(image(0), {})
    nn.init.normal_(network.change)  # type: ignore[arg-type]
    term = SmoothTerm()
    term.check_network(network)
    wanted = network.roughness(image(0))  # type: ignore[operator]
    assert term(context(image(1), content=seen, network=network)) == wanted > 0
    with pytest.raises(ConfigError, match="is for network=photo"):
        term.check_network(Inverting())
