"""Networks whose styles vary over an image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import Binding
from fast_nst.networks import StyledNetwork, create_network
from fast_nst.networks.layers import reduce_image
from fast_nst.networks.mapped import (
    SMALL_PIXELS,
    SMALL_SIDE,
    MappedNetwork,
    reduce_rows,
    small_factor,
)
from fast_nst.networks.mapped_layers import MappedConv, MappedPaint, Pass
from fast_nst.networks.mobile import PaintPatches
from fast_nst.networks.norm import choose_statistics, measure
from fast_nst.networks.shares import Shares, gradient_places, map_shares
from fast_nst.prediction.make import trial_photos
from fast_nst.prediction.styled import make_styles
from fast_nst.style_map import StyleMap

BASES = {
    "quarter": {"width": 3, "blocks": 1, "adaptive": True},
    "mobile": {"width": 2, "blocks": 1},
}
STYLES = ("a", "b", "c")


def random(*shape: int, seed: int = 5) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def styled(base: str) -> StyledNetwork:
    """One whose codes and knobs all do something."""
    torch.manual_seed(0)
    made = create_network("styled", base=base, base_arguments=BASES[base], code=4, rank=2, styles=3)
    assert isinstance(made, StyledNetwork)
    decoder = made.decoder
    with torch.no_grad():
        made.codes.normal_()
        for last in (decoder.affine, decoder.mixture, decoder.palette, decoder.turning[-1]):
            assert isinstance(last, nn.Linear)
            last.weight.normal_(std=0.3)
    return made.eval().requires_grad_(False)


def of_shares(shares: Tensor) -> StyleMap:
    """Of (3, H, W)."""
    return StyleMap.of_shares(dict(zip(STYLES, shares, strict=True)))


def mapped(network: StyledNetwork, style_map: StyleMap, **knobs: float) -> nn.Module:
    return network.bind_map(range(len(style_map.styles)), style_map, **knobs)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "knobs", [{}, {"strength": 0.6, "stroke_size": 0.7}, {"strength": 0.2, "stroke_size": 1.7}]
)
def test_a_map_that_is_the_same_everywhere_is_a_mixture(base: str, knobs: dict[str, float]) -> None:
    network = styled(base)
    tried = [
        ((0.6, 0.4, 0.0), [(30, 41), (1, 1), (3, 90)]),
        ((0.6, 0.4, 0.0), [(193, 200)] if not knobs else []),  # compared on a smaller copy
        ((0.0, 1.0, 0.0), [(30, 41)]),
    ]
    for shares, sizes in tried:
        everywhere = torch.tensor(shares)[:, None, None].expand(-1, 5, 7)
        varying = mapped(network, of_shares(everywhere), **knobs)
        for size in sizes:
            image = random(1, 3, *size)
            wanted = network.bind(list(shares), **knobs)(image)
            assert (varying(image) - wanted).abs().max() <= 1e-5, size


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("stroke_size", [1.0, 1.5])
def test_far_from_a_border_each_style_is_painted_as_it_is_alone(
    base: str, stroke_size: float
) -> None:
    """Exactly, as small images are not reduced to compare styles on."""
    network = styled(base)
    image = random(1, 3, 96, 180)
    knobs = {"stroke_size": stroke_size}
    halves = torch.zeros(2, 96, 180)
    halves[0, :, :90] = halves[1, :, 90:] = 1
    style_map = StyleMap.of_shares(dict(zip("ab", halves, strict=True)))
    painted = mapped(network, style_map, **knobs)(image)
    left, right = network.bind(0, **knobs)(image), network.bind(1, **knobs)(image)
    assert (left - right).abs().mean() > 0.02
    assert (painted - left)[..., :50].abs().max() <= 1e-4
    assert (painted - right)[..., -50:].abs().max() <= 1e-4
    assert (painted - left)[..., 88:92].abs().max() > 1e-3


def test_on_a_reduced_copy_statistics_come_near_those_of_each_style() -> None:
    network = styled("mobile")
    # A dark half with little contrast, and a bright one with much, as of sky and ground.
    image = random(1, 3, 300, 400) * torch.linspace(0, 1, 300)[:, None].round() * 0.8 + 0.1
    halves = torch.zeros(2, 300, 400)
    halves[0, :150] = halves[1, 150:] = 1
    painted = mapped(network, StyleMap.of_shares(dict(zip("ab", halves, strict=True))))
    alone = network.bind(0)(image)[..., :100, :]
    near = (painted(image)[..., :100, :] - alone).abs().mean()
    with choose_statistics(painted, lambda _, x: measure(x)):
        assert ((painted(image)[..., :100, :] - alone).abs().mean() - near).abs() < 1e-6
    for norm in painted.modules():  # what they were without the comparison
        if hasattr(norm, "compared"):
            norm.compared = {}
    assert isinstance(painted, MappedNetwork)
    painted.take_rows(0, 300)
    assert near < 0.5 * (painted(image)[..., :100, :] - alone).abs().mean()


@pytest.mark.parametrize("colors", [False, True])
def test_a_convolution_has_the_mixed_weights_at_each_place(colors: bool) -> None:
    conv = nn.Conv2d(4, 3, 3, stride=1)
    left, right, sums = random(3, 2), random(2, 36), random(3, 2)
    bias, palettes = random(3, 3), random(3, 3, 3)
    shares = random(1, 3, 16, 20).softmax(1)
    mixing = MappedConv(
        conv, (left, right, sums), bias, palettes if colors else None, Pass(Shares(shares))
    )
    x = random(1, 4, 18, 22)
    with torch.no_grad():
        found = mixing(x)
        for row, column in ((0, 0), (7, 13), (15, 19)):
            share = shares[0, :, row, column]
            weight = conv.weight + ((left * (share @ sums)) @ right).view_as(conv.weight)
            wanted = F.conv2d(x[..., row : row + 3, column : column + 3], weight)[0, :, 0, 0]
            if colors:
                wanted = torch.einsum("s,sij->ij", share, palettes) @ wanted
            torch.testing.assert_close(found[0, :, row, column], wanted + share @ bias)


def test_patches_have_the_mixed_weights_at_each_pixel() -> None:
    paint = PaintPatches(4).requires_grad_(False)
    ranks = random(48, 2) - 0.5, random(2, 36) - 0.5, random(3, 2)
    bias, palettes = random(3, 3), random(3, 3, 3)
    shares = random(1, 3, 16, 16).softmax(1)
    x = random(1, 4, 4, 4)
    found = MappedPaint(paint, ranks, bias, palettes, Pass(Shares(shares)))(x)
    cells = found.view(4, 4, 3, 4, 4)  # rows and columns of a cell, colors, places
    left, right, sums = ranks
    for row, column in ((0, 0), (6, 9), (15, 15)):
        share = shares[0, :, row, column]
        weight = paint.weight + ((left * (share @ sums)) @ right).view_as(paint.weight)
        painted = F.conv2d(F.pad(x, (1,) * 4, mode="reflect"), paint.kernel(weight))
        wanted = painted.view(4, 4, 3, 4, 4)[row % 4, column % 4, :, row // 4, column // 4]
        wanted = torch.einsum("s,sij->ij", share, palettes) @ wanted + share @ bias
        got = cells[row % 4, column % 4, :, row // 4, column // 4]
        torch.testing.assert_close(got, wanted)


def test_each_image_of_a_batch_is_painted_as_it_is_alone() -> None:
    painted = mapped(styled("quarter"), StyleMap(STYLES, gradient="radial"))
    images = random(2, 3, 40, 60)
    apart = torch.cat([painted(images[:1]), painted(images[1:])])
    torch.testing.assert_close(painted(images), apart)


def test_a_network_of_one_style_has_no_map() -> None:
    plain = create_network("mobile", width=2, blocks=0)
    with pytest.raises(ConfigError, match="cannot mix styles"):
        plain.bind_map([0, 1], StyleMap(("a", "b"), gradient="radial"))
    with pytest.raises(ConfigError, match="numbers of 1 styles; the map has 3"):
        styled("mobile").bind_map([0], StyleMap(STYLES, gradient="radial"))
    with pytest.raises(ConfigError, match=r"strength is 2; expected 0 to 1"):
        mapped(styled("mobile"), StyleMap(STYLES, gradient="radial"), strength=2)


def test_gradients_go_from_the_first_style_to_the_last() -> None:
    def places(way: str | float) -> Tensor:
        return gradient_places(way, (2, 4), (0, 2))

    row = torch.tensor([0.125, 0.375, 0.625, 0.875])
    torch.testing.assert_close(places("horizontal"), row.expand(2, 4))
    torch.testing.assert_close(places(0.0), row.expand(2, 4))
    torch.testing.assert_close(places(180.0), row.flip(0).expand(2, 4))
    down = torch.tensor([[0.25], [0.75]]).expand(2, 4)
    torch.testing.assert_close(places("vertical"), down)
    torch.testing.assert_close(places(90.0), down)
    # At 45 degrees, (x + y) / 6 around the center.
    slanted = torch.tensor([[-2.0, -1, 0, 1], [-1, 0, 1, 2]]) / 6 + 0.5
    torch.testing.assert_close(places(45.0), slanted)
    radius = torch.tensor([[2.5**0.5, 0.5**0.5, 0.5**0.5, 2.5**0.5]]).expand(2, 4) / 5**0.5
    torch.testing.assert_close(places("radial"), radius)
    three = map_shares(StyleMap(STYLES, gradient="horizontal"), (2, 4))[:, 0]
    wanted = torch.tensor([[0.75, 0.25, 0, 0], [0.25, 0.75, 0.75, 0.25], [0, 0, 0.25, 0.75]])
    torch.testing.assert_close(three, wanted)


def test_the_first_style_has_what_masks_leave_and_overlaps_are_shared() -> None:
    second = np.array([[0, 0.25, 1, 1]], np.float32)
    third = np.array([[0, 0.25, 0, 1]], np.float32)
    shares = map_shares(StyleMap(STYLES, (second, third)), (1, 4))[:, 0]
    wanted = torch.tensor([[1, 0.5, 0, 0], [0, 0.25, 1, 0.5], [0, 0.25, 0, 0.5]])
    torch.testing.assert_close(shares, wanted)


@pytest.mark.parametrize("size", [(50, 33), (20, 70), (9, 9)])
def test_some_rows_of_a_map_are_those_of_the_whole(size: tuple[int, int]) -> None:
    masks = (random(20, 31).numpy(), random(7, 5, seed=6).numpy())
    for style_map in (
        StyleMap(STYLES, masks),
        StyleMap(STYLES, masks, feather=5),
        StyleMap(STYLES, gradient=30.0),
    ):
        whole = map_shares(style_map, size)
        torch.testing.assert_close(whole.sum(0), torch.ones(size))
        parts = [map_shares(style_map, size, rows) for rows in ((0, 4), (4, 5), (5, size[0]))]
        torch.testing.assert_close(torch.cat(parts, dim=1), whole)


def test_a_feather_makes_borders_soft() -> None:
    hard = np.zeros((1, 40), np.float32)
    hard[:, 20:] = 1
    second = map_shares(StyleMap(("a", "b"), (hard,), feather=16), (8, 40))[1]
    assert (second == second[0]).all()
    assert (second[0].diff() >= 0).all()
    assert second[0, 11] < 0.03
    assert second[0, 28] > 0.97
    torch.testing.assert_close(second[0, 19] + second[0, 20], torch.tensor(1.0))


def test_small_copies_are_reduced_as_a_whole_and_of_a_useful_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = ((1, 1), (191, 900), (192, 900), (720, 1280), (1920, 1080))
    assert [small_factor(*size) for size in sizes] == [1, 1, 2, 4, 5]
    factor = small_factor(20_000, 30_000)
    assert 20_000 * 30_000 / factor**2 <= SMALL_PIXELS
    image = random(1, 3, 301, 3 * SMALL_SIDE + 5)
    monkeypatch.setattr("fast_nst.networks.mapped.PART_PIXELS", 1)  # so that there are many
    read: list[tuple[int, int]] = []

    def rows(top: int, bottom: int) -> Tensor:
        read.append((top, bottom))
        return image[:, :, top:bottom]

    torch.testing.assert_close(reduce_rows(rows, (301, image.shape[3])), reduce_image(image, 3))
    assert len(read) > 3


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"a": np.ones((2, 2)), "b": np.ones((2, 2))}, "differ from a sum of 1 by up to 1"),
        ({"a": np.full((2, 2), np.nan), "b": 0.5}, "differ from a sum of 1 by up to nan"),
        ({"a": np.ones((2, 2)), "b": np.zeros((2, 3))}, r"of the sizes \[\(2, 2\), \(2, 3\)\]"),
        ({"a": np.full((2, 2), 1.5), "b": np.full((2, 2), -0.5)}, r"from -0\.5 to -0\.5"),
        ({"a": np.ones((2, 2))}, "1 style cannot vary"),
        ({"a": np.ones((2, 2, 3)), "b": np.zeros((2, 2, 3))}, r"\(2, 2, 3\), from 0"),
    ],
)
def test_maps_that_cannot_be_are_one_line(shares: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Binding.of(mix=shares)


def test_a_map_says_what_it_lacks() -> None:
    with pytest.raises(ConfigError, match="3 styles and 1 masks"):
        StyleMap(STYLES, (np.ones((2, 2), np.float32),))
    with pytest.raises(ConfigError, match="masks and a gradient"):
        StyleMap(("a", "b"), (np.ones((2, 2), np.float32),), "radial")
    with pytest.raises(ConfigError, match="no border to feather"):
        StyleMap(("a", "b"), gradient="radial", feather=3)
    with pytest.raises(ConfigError, match="feather is inf px"):
        StyleMap(("a", "b"), (np.ones((2, 2), np.float32),), feather=float("inf"))
    with pytest.raises(ConfigError, match="did you mean 'vertical'"):
        StyleMap(("a", "b"), gradient="verticle")
    with pytest.raises(ConfigError, match="is inf; expected degrees"):
        StyleMap(("a", "b"), gradient=float("inf"))


def test_bindings_of_different_maps_have_different_keys() -> None:
    halves = [random(4, 4, seed=seed) for seed in (1, 2)]
    made = [Binding.of(mix={"a": 1 - half, "b": half}) for half in halves]
    made += [Binding.of(mix=StyleMap(("a", "b"), gradient=way)) for way in ("radial", 30.0)]
    made += [Binding.of(mix={"a": 0.5, "b": 0.5}), Binding.of(), Binding.of("a")]
    assert len({binding.key for binding in made}) == len(made)
    assert Binding.of(mix={"a": 0.5, "b": torch.tensor(0.5)}).style_map is None


@torch.no_grad()
def test_at_its_ends_a_gradient_looks_as_the_styles_do_alone() -> None:
    names = ("starry_night", "the_kiss")
    filter_ = make_styles(list(names), "mobile")
    photo = trial_photos()[:1, :, :128, :160]
    alone = [filter_.bind(Binding(name)).network(photo) for name in names]
    gradient = Binding(style_map=StyleMap(names, gradient="horizontal"))
    mixed = filter_.bind(gradient).network(photo)
    apart = (alone[0] - alone[1]).abs().mean()
    for own, end in zip(alone, (slice(0, 12), slice(-12, None)), strict=True):
        assert (mixed[..., end] - own[..., end]).abs().mean() < 0.35 * apart
