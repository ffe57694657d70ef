import copy
import math
from collections.abc import Callable

import pytest
import torch

from fast_nst.encoders import create_encoder
from fast_nst.errors import TrainingError
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optim.pixels import LBFGS, Adam, PixelOptimizer, Progress, optimize_image


def blocks(side: int) -> torch.Tensor:
    """An image with structure: colored squares of 4 px."""
    generator = torch.Generator().manual_seed(0)
    cells = torch.rand(1, 3, side // 4, side // 4, generator=generator)
    return cells.repeat_interleave(4, 2).repeat_interleave(4, 3)


def test_a_quadratic_is_solved() -> None:
    target = torch.tensor([0.1, 0.25, 0.9]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    found = optimize_image(
        torch.full((1, 3, 4, 4), 0.5), lambda x: {"error": (x - target).square().mean()}
    )
    torch.testing.assert_close(found, target, atol=1e-3, rtol=0)


def test_pixels_stay_in_range() -> None:
    found = optimize_image(
        torch.full((1, 3, 4, 4), 0.5), lambda x: {"error": (x - 3).square().mean()}, iterations=20
    )
    assert torch.equal(found, torch.ones(1, 3, 4, 4))


def test_the_start_is_not_changed_and_every_iteration_is_reported() -> None:
    start, seen = torch.full((1, 3, 2, 2), 0.5), list[Progress]()
    optimize_image(start, lambda x: {"a": x.square().mean()}, iterations=3, on_progress=seen.append)
    assert torch.equal(start, torch.full((1, 3, 2, 2), 0.5))
    assert [each.iteration for each in seen] == [1, 2, 3]
    assert seen[-1].losses["a"] < seen[0].losses["a"]


def test_a_loss_that_is_not_finite_is_named() -> None:
    with pytest.raises(TrainingError, match="the bad loss is nan at iteration 1"):
        optimize_image(torch.rand(1, 3, 2, 2), lambda x: {"bad": x.sum() * float("nan")})


def test_style_transfer_comes_nearer_to_the_style_and_keeps_the_content() -> None:
    encoder = create_encoder("vgg_lite")
    content, style = torch.full((1, 3, 32, 32), 0.5), blocks(32)
    content[..., 16:] = 0.1
    loss = PerceptualLoss(encoder, style, content_weight=1, style_weight=10)
    targets = loss.content_targets(content)
    with torch.no_grad():
        before = loss(content, targets)["style"]
    found = optimize_image(content, lambda x: loss(x, targets), iterations=30)
    with torch.no_grad():
        after = loss(found, targets)
    assert after["style"] < 0.3 * before
    assert after["style"] + after["content"] < before


def stretched(x: torch.Tensor) -> dict[str, torch.Tensor]:
    """A bowl that is steeper in some channels than in others; a mean, so that size cancels."""
    steepness = torch.tensor([1.0, 10.0, 100.0]).view(1, 3, 1, 1)
    return {"error": (steepness * (x - 0.4).square()).mean()}


def test_a_callback_is_given_the_image_that_has_these_losses() -> None:
    seen = list[Progress]()
    start = torch.full((1, 3, 2, 2), 0.9)
    optimize_image(start, stretched, iterations=8, on_progress=seen.append)
    assert torch.equal(seen[0].image, start)
    for progress in seen:
        assert progress.losses["error"] == pytest.approx(float(stretched(progress.image)["error"]))


@pytest.mark.parametrize("optimizer", [LBFGS, Adam])
def test_both_optimizers_find_the_bottom_of_a_stretched_bowl(
    optimizer: Callable[[], PixelOptimizer],
) -> None:
    found = optimize_image(
        torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0)),
        stretched,
        iterations=150,
        optimizer=optimizer(),
    )
    assert (found - 0.4).abs().max() < 0.02


def test_lbfgs_takes_back_a_step_that_raises_the_loss() -> None:
    losses = list[float]()

    def cliff(x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"cliff": (60 * (x - 0.5)).cosh().mean()}  # curvature grows a thousandfold

    optimize_image(
        torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0)),
        cliff,
        iterations=200,
        on_progress=lambda progress: losses.append(progress.losses["cliff"]),
    )
    assert min(losses) < 1.01
    assert losses[-1] < 1.2 * min(losses)
    assert all(math.isfinite(loss) for loss in losses)


@pytest.mark.parametrize("optimizer", [LBFGS(), Adam()])
def test_the_state_of_one_size_serves_another(optimizer: PixelOptimizer) -> None:
    optimize_image(torch.full((1, 3, 4, 4), 0.9), stretched, iterations=5, optimizer=optimizer)
    steps = []
    for side in (4, 8):
        carried = copy.deepcopy(optimizer)
        carried.resize((side, side))
        start = torch.full((1, 3, side, side), 0.6)
        step = optimize_image(start, stretched, iterations=1, optimizer=carried) - start
        assert step.abs().max() > 0
        steps.append(step[..., :1, :1])
        torch.testing.assert_close(step, steps[-1].expand_as(step))
    torch.testing.assert_close(steps[0], steps[1])


def test_lbfgs_forgets_the_oldest_steps() -> None:
    optimizer = LBFGS(history=3)
    start = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    optimize_image(start, stretched, iterations=10, optimizer=optimizer)
    assert len(optimizer._pairs) == 3


def test_the_first_step_is_as_long_as_it_is_asked_to_be() -> None:
    start = torch.full((1, 3, 8, 8), 0.5)
    gradient = torch.linspace(-1, 1, 192).view(1, 3, 8, 8)
    for length in (0.03, 0.001):
        moved = LBFGS(first_step=length).step(start, gradient, 1.0) - start
        assert float(moved.square().mean().sqrt()) == pytest.approx(length, rel=1e-3)
