import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from fast_nst.losses.stability import MARGIN, MAX_SHIFT, draw_motion, move, perturb, stability_error

CPU = torch.device("cpu")


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


def motion(right: float = 0.0, down: float = 0.0, zoom: float = 1.0) -> Tensor:
    return torch.tensor([[right, down, zoom]], dtype=torch.float64)


def test_a_shift_by_whole_pixels_is_exact_and_tells_what_comes_from_outside() -> None:
    image = random(1, 3, 6, 8)
    moved, inside = move(image, motion(right=2, down=-1))
    torch.testing.assert_close(moved[..., :5, 2:], image[..., 1:, :-2])
    assert inside.sum() == 5 * 6
    assert inside[..., :5, 2:].all()


def test_no_motion_changes_nothing() -> None:
    image = random(2, 3, 5, 7)
    moved, inside = move(image, motion().expand(2, 3))
    torch.testing.assert_close(moved, image)
    assert inside.all()


def test_half_a_pixel_and_a_zoom_move_a_ramp_as_they_should() -> None:
    ramp = torch.arange(20.0, dtype=torch.float64).expand(1, 1, 20, 20)
    shifted, _ = move(ramp, motion(right=0.5))
    torch.testing.assert_close(shifted[..., 3:-3], ramp[..., 3:-3] - 0.5)
    zoomed, _ = move(ramp, motion(zoom=1.25))
    expected = 9.5 + (ramp[..., 3:-3] - 9.5) / 1.25
    # The cubic kernel (a = -0.75) is not exact for ramps.
    torch.testing.assert_close(zoomed[..., 3:-3], expected, atol=0.05, rtol=0)


def test_motions_are_still_whole_or_in_between_a_third_each() -> None:
    torch.manual_seed(0)
    found = draw_motion(3000, CPU)
    still = (found == torch.tensor([0.0, 0.0, 1.0])).all(1)
    whole = (found[:, :2] == found[:, :2].round()).all(1) & (found[:, 2] == 1) & ~still
    for kind in (still, whole, ~still & ~whole):
        assert 0.3 < kind.double().mean() < 0.37
    assert found[:, :2].abs().max() <= MAX_SHIFT


def test_a_perturbed_image_stays_in_range_and_is_nearly_the_moved_one() -> None:
    torch.manual_seed(0)
    content = random(6, 3, 40, 40).float()
    before = content.clone()
    perturbed, moves = perturb(content)
    assert torch.equal(content, before)
    assert perturbed.shape == content.shape
    assert 0 <= perturbed.min() <= perturbed.max() <= 1
    moved, inside = move(content, moves)
    gap = (perturbed - moved).abs() * inside
    assert 0.001 < gap.mean() < 0.08


def test_a_network_that_moves_with_the_scene_has_no_error() -> None:
    image = random(2, 3, 40, 50)
    moves = torch.cat([motion(3, -2), motion(0.4, 0.7, 1.02)])
    assert stability_error(image, move(image, moves)[0], moves) < 1e-20


def test_the_error_is_the_mean_square_over_the_variance_where_both_are_seen() -> None:
    side = 2 * MARGIN + 4
    stylized = torch.zeros(1, 1, side, side, dtype=torch.float64)
    stylized[..., ::2] = 2  # variance about 1
    perturbed = stylized.clone()
    perturbed[..., :MARGIN, :] = 50  # in the margin
    perturbed[..., MARGIN, MARGIN] = 6 + stylized[..., MARGIN, MARGIN]  # 36 in one of 16
    expected = 36 / 16 / stylized.var((2, 3)).item()
    assert float(stability_error(stylized, perturbed, motion())) == pytest.approx(expected)
    # Moved 2 px to the left, two of the columns come from outside; they lie in the margin too.
    moves = motion(right=-2)
    assert stability_error(stylized, move(stylized, moves)[0], moves) < 1e-20


def test_unrelated_images_are_2_apart_whatever_their_contrast() -> None:
    first, second = random(1, 3, 64, 64), random(1, 3, 64, 64, seed=1)
    assert float(stability_error(first, second, motion())) == pytest.approx(2, abs=0.1)
    paler = stability_error(0.1 * first, 0.1 * second, motion())
    torch.testing.assert_close(paler, stability_error(first, second, motion()))


def test_the_gradient_is_right_for_both_images() -> None:
    first = random(1, 1, 20, 20).requires_grad_()
    second = random(1, 1, 20, 20, seed=1).requires_grad_()
    # The divisor is held fixed, as no gradient flows through it.
    scale = first.detach().var((2, 3)).mean()
    moves = motion(1.3, -0.6, 1.01)

    def difference(a: Tensor, b: Tensor) -> Tensor:
        held = a.detach().var((2, 3)).mean() / scale
        return stability_error(a, b, moves) * held

    assert gradcheck(difference, (first, second))


def test_images_smaller_than_the_margin_are_compared_where_they_can_be() -> None:
    tiny = random(1, 3, 3, 4)
    assert stability_error(tiny, tiny, motion()) == 0
    assert stability_error(tiny, tiny, motion(right=100)) == 0
