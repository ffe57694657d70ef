import math

import pytest
import torch
from torch import Tensor

from fast_nst.encoders import create_encoder
from fast_nst.evaluation.iterations import (
    Trajectory,
    follow,
    median_iterations,
    paper_iterations,
    strict_iterations,
    weighted_losses,
)
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optim.pixels import optimize_image


def blocks(side: int, seed: int) -> Tensor:
    cells = torch.rand(1, 3, side // 4, side // 4, generator=torch.Generator().manual_seed(seed))
    return cells.repeat_interleave(4, 2).repeat_interleave(4, 3)


def worse(image: Tensor) -> Tensor:
    """A little noisier: with equal images, the last digit would decide which is better."""
    noise = torch.rand(image.shape, generator=torch.Generator().manual_seed(7))
    return image.lerp(noise, 0.03)


@pytest.fixture(scope="module")
def loss() -> PerceptualLoss:
    return PerceptualLoss(
        create_encoder("vgg_lite"), blocks(48, 0), content_weight=1.0, style_weight=1.0
    )


@pytest.fixture(scope="module")
def content() -> Tensor:
    return blocks(48, 1) * torch.linspace(0.2, 1, 48)


def distance(target: float) -> object:
    return lambda x: {"error": (x - target).square().mean()}


def test_item_k_has_the_losses_and_the_image_after_k_clipped_iterations() -> None:
    start, loss = torch.full((1, 3, 4, 4), 0.2), distance(3.0)
    assert callable(loss)
    trajectory = follow(start, loss, iterations=4, keep=(0, 1, 3))
    assert len(trajectory.losses) == 5
    for k in (0, 1, 3):
        after = optimize_image(start, loss, iterations=k) if k else start
        assert torch.equal(trajectory.images[k], after)
        assert trajectory.losses[k]["error"] == pytest.approx(float(loss(after)["error"]))
        assert after.max() <= 1


def test_an_optimization_ends_as_soon_as_it_is_enough() -> None:
    start, seen = torch.zeros(1, 3, 4, 4), list[int]()
    loss = distance(0.7)
    assert callable(loss)
    trajectory = follow(
        start, loss, iterations=50, enough=lambda k, _: k == 2, on_iteration=seen.append
    )
    assert seen == [0, 1, 2]
    assert len(trajectory.losses) == 3


def test_a_loss_that_stops_being_finite_ends_the_trajectory_and_nothing_else() -> None:
    calls = []

    def breaks(image: Tensor) -> dict[str, Tensor]:
        calls.append(1)
        return {"error": image.square().mean() * (math.nan if len(calls) > 2 else 1)}

    assert len(follow(torch.rand(1, 3, 4, 4), breaks, iterations=9).losses) == 2


def test_paper_counts_the_first_iteration_that_is_as_good(
    loss: PerceptualLoss, content: Tensor
) -> None:
    _, _, trajectory = paper_iterations(loss, content, [], iterations=12, keep=(12,))
    assert len(trajectory.losses) == 13
    made = [worse(trajectory.images[12]), worse(content)]
    found, goals, again = paper_iterations(loss, content, made, iterations=20)
    assert trajectory.totals() == again.totals()[:13]
    for k, goal in zip(found, goals, strict=True):
        totals = again.totals()
        assert k is not None
        assert totals[k] <= goal
        assert all(total > goal for total in totals[:k])
    # It stops when the last filter is met, not at the limit.
    assert len(again.losses) == max(k for k in found if k is not None) + 1


def test_a_filter_as_bad_as_noise_is_worth_no_iteration_and_a_perfect_one_is_not_reached(
    content: Tensor,
) -> None:
    style = content  # then the content itself has no loss at all
    loss = PerceptualLoss(create_encoder("vgg_lite"), style, content_weight=1.0, style_weight=1.0)
    noise = torch.rand(content.shape, generator=torch.Generator().manual_seed(0))
    found, _, _ = paper_iterations(loss, content, [noise, content], iterations=3)
    assert found == [0, None]


def test_strict_counts_the_first_iteration_of_any_weight_that_is_as_good_in_both(
    loss: PerceptualLoss, content: Tensor
) -> None:
    measure = weighted_losses(loss, content)

    def trajectory(weight: float) -> Trajectory:
        def weighted(image: Tensor) -> dict[str, Tensor]:
            terms = measure(image)
            return {"content": terms["content"], "style": weight * terms["style"]}

        return follow(content, weighted, iterations=10, keep=(5, 8))

    def first(weight: float, image: Tensor) -> int | None:
        with torch.no_grad():
            goal = measure(image)
        reached = (
            k
            for k, losses in enumerate(runs[weight].losses)
            if losses["content"] <= goal["content"] and losses["style"] / weight <= goal["style"]
        )
        return next(reached, None)

    weights = (30.0, 3.0, 100.0)
    runs = {weight: trajectory(weight) for weight in weights}
    images = [*runs[30.0].images.values(), runs[3.0].images[5], content * 0.5]
    made = [worse(image) for image in images]
    wanted = [
        min((k for weight in weights if (k := first(weight, each)) is not None), default=None)
        for each in made
    ]
    assert strict_iterations(loss, content, made, iterations=10, style_weights=weights) == wanted
    # The order of the weights and the company of other filters only change how long it takes.
    alone = strict_iterations(loss, content, made[1:2], iterations=10, style_weights=weights[::-1])
    assert alone == wanted[1:2]


def test_strict_needs_both_losses_at_once(loss: PerceptualLoss, content: Tensor) -> None:
    # The content has no content loss, which no image with less style loss has.
    style_only = blocks(48, 0)
    found = strict_iterations(loss, content, [content, style_only], iterations=4)
    assert found[0] == 0
    assert found[1] is None


@pytest.mark.parametrize(
    ("counts", "median"),
    [
        ([3, 1, 2], 2),
        ([4, 1, 2, 3], 2),
        ([None, 1, 2], 2),
        ([None, None, 2], None),
        ([None, 5], 5),
        ([], None),
    ],
)
def test_medians_take_what_was_not_reached_for_more_than_anything(
    counts: list[int | None], median: int | None
) -> None:
    assert median_iterations(counts) == median
