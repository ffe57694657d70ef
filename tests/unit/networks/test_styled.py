"""One network in many styles: codes, knobs, mixtures, and what is folded out of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fast_nst.errors import ConfigError
from fast_nst.networks import StyledNetwork, create_network
from fast_nst.networks.blend import Blend
from fast_nst.networks.styled import LEAST_STRENGTH, STROKE_SIZES

BASES = {
    "quarter": {"width": 3, "blocks": 1, "adaptive": True},
    "mobile": {"width": 2, "blocks": 1},
}


def images(count: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, 30, 41, generator=torch.Generator().manual_seed(5))


def styled(base: str = "quarter", styles: int = 3) -> StyledNetwork:
    """One whose codes and knobs all do something."""
    torch.manual_seed(0)
    made = create_network(
        "styled", base=base, base_arguments=BASES[base], code=4, rank=2, styles=styles
    )
    assert isinstance(made, StyledNetwork)
    with torch.no_grad():
        made.codes.normal_()
        for last in (made.decoder.affine, made.decoder.mixture, made.decoder.turning[-1]):
            assert isinstance(last, nn.Linear)
            last.weight.normal_(std=0.3)
    return made.eval().requires_grad_(False)


def ask(network: StyledNetwork, shares: list[float], *knobs: float) -> torch.Tensor:
    """What the network paints when it is asked itself, with its arguments."""
    result: torch.Tensor = network(
        images(), torch.tensor([shares]).float(), torch.tensor([knobs]).float()
    )
    return result


@pytest.mark.parametrize("base", BASES)
def test_one_setting_becomes_a_plain_network_that_paints_the_same(base: str) -> None:
    network = styled(base)
    folded = network.bind(1, strength=0.6, stroke_size=1.7)
    assert type(folded) is type(network.decoder.network)
    assert folded.state_dict().keys() == create_network(base, **BASES[base]).state_dict().keys()
    expected = ask(network, [0, 1, 0], 0.6, 1.7)
    assert (folded(images()) - expected).abs().max() <= 1e-5
    mixed = network.bind([0.2, 0.5, 0.3])
    assert (mixed(images()) - ask(network, [0.2, 0.5, 0.3], 1, 1)).abs().max() <= 1e-5


def test_styles_strength_and_stroke_size_change_the_result() -> None:
    network = styled()
    usual = network.bind(0)(images())
    settings = [(1, {}), ([0.5, 0.5, 0], {}), (0, {"strength": 0.5}), (0, {"stroke_size": 2})]
    for style, knobs in settings:
        assert (network.bind(style, **knobs)(images()) - usual).abs().max() > 1e-3


def test_no_strength_is_the_photo_and_little_strength_is_near_it() -> None:
    network = styled()
    assert torch.equal(network.bind(0, strength=0)(images()), images())
    least = network.bind(0, strength=LEAST_STRENGTH)(images())
    half = network.bind(0, strength=LEAST_STRENGTH / 2)
    assert isinstance(half, Blend)
    torch.testing.assert_close(half(images()), (images() + least) / 2)


@pytest.mark.parametrize("base", BASES)
def test_strokes_of_twice_the_size_are_those_of_half_the_image(base: str) -> None:
    """Where the blocks see half the image, and contours are still those of the whole."""
    network = styled(base)
    for size, scales in ((1, {1}), (1.5, {1, 2}), (2, {2}), (3, {2, 4})):
        folded = network.bind(0, stroke_size=size)
        assert set(folded.scale_shares) == scales
        assert folded.multiple == 4
    seen = []
    folded = network.bind(0, stroke_size=2)
    folded.blocks.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[-2:]))
    folded(torch.rand(1, 3, 64, 96))
    assert seen == [(8, 12)]


def test_above_1_the_codes_are_the_same() -> None:
    network = styled()
    usual = network.code([0, 1, 0], 0.8, 1.0)
    torch.testing.assert_close(network.code([0, 1, 0], 0.8, 2.5), usual)


def test_stroke_sizes_between_those_that_have_codes_are_interpolated() -> None:
    network = styled()
    for number, size in enumerate(STROKE_SIZES):
        expected = network.decoder.turned(
            network.codes[1:2, number], torch.tensor([1.0]), torch.tensor([size])
        )
        torch.testing.assert_close(network.code([0, 1, 0], 1, size), expected[0])
    halfway = network.mixed(
        torch.tensor([[0.0, 1, 0]]), torch.tensor([1.0]), torch.tensor([0.5**0.5])
    )
    code = network.codes[1:2].mean(1)
    expected = network.decoder.turned(code, torch.tensor([1.0]), torch.tensor([0.5**0.5]))
    torch.testing.assert_close(halfway, expected)


def test_each_image_of_a_batch_has_its_own_setting() -> None:
    network = styled()
    shares = torch.eye(3)[[2, 0]]
    together = network(images(2), shares, torch.tensor([[1.0, 1.0], [0.7, 3.0]]))
    apart = [
        network.bind(2)(images(2)[:1]),
        network.bind(0, strength=0.7, stroke_size=3)(images(2)[1:]),
    ]
    torch.testing.assert_close(together, torch.cat(apart))


def test_every_part_learns() -> None:
    network = styled().train().requires_grad_(True)
    shares = torch.tensor([[0.5, 0.5, 0.0], [0, 0, 1]])
    network(images(2), shares, torch.tensor([[0.6, 0.7], [0.9, 2.5]])).square().sum().backward()
    without = [name for name, each in network.named_parameters() if each.grad is None]
    assert without == []


def test_binding_leaves_the_network_as_it_is() -> None:
    network = styled()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = network.bind(0)
    for value in folded.parameters():
        value.add_(1)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_what_cannot_be_bound_is_one_line() -> None:
    network = styled()
    with pytest.raises(ConfigError, match=r"strength is 1\.5; expected 0 to 1"):
        network.bind(0, strength=1.5)
    with pytest.raises(ConfigError, match="shares of 2 styles; expected 3"):
        network.bind([0.5, 0.5])
    with pytest.raises(ConfigError, match="cannot mix styles"):
        create_network("mobile", width=2, blocks=0).bind([1.0])
    with pytest.raises(ConfigError, match="styles is 0; expected 1 or more"):
        styled(styles=0)
    with pytest.raises(ConfigError, match="no network 'quater'"):
        create_network("styled", base="quater", base_arguments={})
    with pytest.raises(ConfigError, match="cannot be made around 'johnson'"):
        create_network("styled", base="johnson", base_arguments={"width": 2, "blocks": 1})
