"""A network of light and color: what it must never do to a photograph."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.image.color import luminance
from fast_nst.networks import PhotoNetwork, create_network
from fast_nst.networks.guided import choose_guides


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def trained(std: float = 1.0) -> PhotoNetwork:
    """A network with changes as large as its bounds allow."""
    torch.manual_seed(0)
    network = PhotoNetwork(width=8, blocks=1).eval()
    nn.init.normal_(network.change, std=std)
    nn.init.normal_(network.constant_change, std=std)
    return network


@pytest.fixture(scope="module")
def network() -> PhotoNetwork:
    return trained()


@pytest.fixture(scope="module")
def grid(network: PhotoNetwork) -> Tensor:
    with torch.inference_mode():
        return network.predict(F.interpolate(noise(1, 3, 8, 8), size=(64, 64)))


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (65, 64), (199, 131)])
def test_a_new_one_is_the_identity(size: tuple[int, int]) -> None:
    images = noise(2, 3, *size)
    torch.testing.assert_close(create_network("photo")(images), images, atol=2e-6, rtol=0)


def test_a_trained_one_changes_much(network: PhotoNetwork) -> None:
    images = noise(1, 3, 40, 50)
    assert (network(images) - images).abs().mean() > 0.03


def test_the_lighter_of_two_pixels_at_one_place_stays_the_lighter_one(
    network: PhotoNetwork, grid: Tensor
) -> None:
    base, steps = noise(1, 3, 24, 31), torch.linspace(0, 1, 200)
    rows = []
    for share in steps:  # from black through all kinds of colors to white
        image = torch.where(share < 0.5, 2 * share * base, base + (2 * share - 1) * (1 - base))
        rows.append(luminance(network.render(image, grid, 0, 24)))
    rise = torch.cat(rows).diff(dim=0)
    assert rise.min() >= -1e-6
    # And nowhere is a large step of lightness lost, or made of a small one.
    assert luminance(base).min() >= 0
    assert (torch.cat(rows)[-1] - torch.cat(rows)[0]).min() > 0.4
    assert rise.max() < 9 / len(steps)


def test_the_circle_of_hues_is_never_mirrored(grid: Tensor) -> None:
    """Blue may become orange by a tint, but not so that orange becomes blue."""
    assert grid[:, :, 4:6].abs().max() > 0.3  # hues do turn
    matrices = grid[:, :, 3:].movedim(2, -1).reshape(-1, 4)
    shares = noise(500, len(matrices)).pow(20)  # what is interpolated is a mean of a few
    for mixed in (matrices, shares / shares.sum(1, keepdim=True) @ matrices):
        assert (mixed[:, 0] * mixed[:, 3] - mixed[:, 1] * mixed[:, 2]).min() > 0


def test_a_pixel_depends_on_no_other_but_through_what_is_predicted(
    network: PhotoNetwork, grid: Tensor
) -> None:
    image = noise(1, 3, 30, 40)
    other = image.clone()
    other[..., 11, 7] = 1 - other[..., 11, 7]
    changed = (network.render(image, grid, 0, 30) != network.render(other, grid, 0, 30)).any(1)
    assert changed.sum() == 1
    assert changed[0, 11, 7]


def test_a_clear_sky_gets_no_edges(network: PhotoNetwork, grid: Tensor) -> None:
    """Between the cells of the grid, neither the color nor its slope may jump."""
    side = 512
    sky = torch.tensor([0.35, 0.55, 0.85]).view(1, 3, 1, 1).expand(1, 3, side, side)
    with torch.inference_mode():
        painted = network.render(sky, grid, 0, side)
    assert painted.amax((2, 3)).sub(painted.amin((2, 3))).max() > 0.05, "a sky to be judged by"
    for axis in (2, 3):
        assert painted.diff(dim=axis).abs().max() < 0.02
        # Linear interpolation would bend by a tenth of its slope from one pixel to the next.
        assert painted.double().diff(n=2, dim=axis).abs().max() < 1e-3


def test_results_stay_in_range_and_keep_gray_gray_without_a_tint(network: PhotoNetwork) -> None:
    images = (noise(1, 3, 33, 20) > 0.5).float()  # the corners of the color cube
    painted = network(images)
    assert painted.min() >= 0
    assert painted.max() <= 1
    plain = trained()
    with torch.no_grad():  # no tints: see the order in _curves
        for weight in (plain.change, plain.constant_change):
            weight[9:25] = 0
    gray = noise(1, 1, 33, 20).expand(1, 3, 33, 20)
    assert plain(gray).diff(dim=1).abs().max() < 1e-6


def test_what_it_sees_are_the_mean_colors_of_equal_parts(network: PhotoNetwork) -> None:
    image = noise(1, 3, 128, 192)
    torch.testing.assert_close(network.look(image, 0, 128), F.avg_pool2d(image, (2, 3)))
    flat = torch.full((1, 3, 77, 5), 0.3)  # parts of pixels, and pixels larger than parts
    torch.testing.assert_close(network.look(flat, 0, 77), torch.full((1, 3, 64, 64), 0.3))


def test_an_image_of_twice_the_size_gets_the_same_light(network: PhotoNetwork) -> None:
    image = noise(1, 3, 40, 56)
    large = image.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(F.avg_pool2d(network(large), 2), network(image), atol=0.02, rtol=0)


def test_computing_in_blocks_of_rows_changes_nothing(network: PhotoNetwork) -> None:
    image = noise(1, 3, 300, 1000)  # blocks are of 65 rows
    whole = network(image)  # with gradients, at once
    with torch.inference_mode():
        torch.testing.assert_close(network(image), whole.detach(), atol=1e-6, rtol=0)


def test_bfloat16_does_not_touch_the_image(network: PhotoNetwork) -> None:
    image = noise(1, 3, 32, 48)
    with torch.inference_mode():
        wanted = network(image)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = network(image)
    assert found.dtype == torch.float32
    assert torch.equal(found, wanted)


def test_roughness_is_nothing_for_one_straight_curve_and_grows_with_the_changes() -> None:
    images = noise(1, 3, 32, 32)
    assert create_network("photo").roughness(images) < 1e-10  # type: ignore[operator]
    assert 0 < trained(0.1).roughness(images) < trained(1.0).roughness(images)


def test_gradients_stay_finite_however_far_a_training_goes() -> None:
    """Where a gain falls to its least, a square root of it must still have a slope."""
    images = torch.cat([noise(1, 3, 24, 24), torch.zeros(1, 3, 24, 24), torch.ones(1, 3, 24, 24)])
    for std in (1.0, 30.0, 1000.0):
        network = trained(std)
        (network(images).square().sum() + network.roughness(images)).backward()
        assert all(each.grad is None or each.grad.isfinite().all() for each in network.parameters())


def test_what_is_predicted_can_be_chosen_by_those_who_know_better(network: PhotoNetwork) -> None:
    image, seen = noise(1, 3, 20, 20), []

    def choose(name: str, guide: Tensor) -> Tensor:
        seen.append(name)
        return create_network("photo").predict(noise(1, 3, 64, 64))  # type: ignore[operator]

    plain = network(image)
    with choose_guides(nn.Sequential(network), choose):
        chosen = network(image)
    torch.testing.assert_close(chosen, image, atol=2e-6, rtol=0)
    assert seen == ["0"]
    assert torch.equal(network(image), plain)
