"""Iterative style transfer, as a function."""

from typing import Any

import pytest
import torch
from torch import Tensor

from fast_nst.encoders import Encoder, create_encoder
from fast_nst.errors import ConfigError, FastNSTError, LayerError
from fast_nst.image.color import luminance
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.optimize import gatys
from fast_nst.optimize.gatys import TransferProgress, plan_levels, stylize_iteratively
from fast_nst.optimize.options import TransferOptions


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return create_encoder("vgg_lite")


def blocks(height: int, width: int, seed: int = 0, cell: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    cells = torch.rand(1, 3, height // cell, width // cell, generator=generator)
    return cells.repeat_interleave(cell, 2).repeat_interleave(cell, 3)


def scene() -> Tensor:
    """A smooth image with one edge, 40x56 px."""
    content = torch.linspace(0.2, 0.7, 56).repeat(1, 3, 40, 1)
    content[:, 0] *= 0.5
    content[..., 20:, :] = 0.2 + 0.5 * content[..., 20:, :]
    return content


def quick(**choices: Any) -> TransferOptions:
    return TransferOptions(**{"size": 40, "iterations": 12, "precision": "float32", **choices})


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("init", ["content", "noise", "style"])
def test_the_result_is_much_nearer_to_content_and_style_together(
    encoder: Encoder, optimizer: str, init: str
) -> None:
    content, style = scene(), blocks(40, 40)
    options = quick(optimizer=optimizer, init=init, iterations=25)
    result = stylize_iteratively(content, [style], encoder, options)
    loss = PerceptualLoss(encoder, style, content_weight=1, style_weight=50)
    targets = loss.content_targets(content)
    with torch.no_grad():
        before, after = (sum(loss(each, targets).values()) for each in (content, result))
    assert after < 0.35 * before
    assert result.min() >= 0
    assert result.max() <= 1


def test_from_a_good_painting_it_gets_better_and_further_than_from_noise(encoder: Encoder) -> None:
    content, style = scene(), blocks(40, 40)
    painting = stylize_iteratively(content, [style], encoder, quick(iterations=30))
    loss = PerceptualLoss(encoder, style, content_weight=1, style_weight=50)
    targets = loss.content_targets(content)

    def measure(image: Tensor) -> float:
        with torch.no_grad():
            return float(sum(loss(image, targets).values()))

    few, more = quick(iterations=3), quick(iterations=20)
    noise = stylize_iteratively(content, [style], encoder, quick(iterations=20, init="noise"))
    soon, later = (
        stylize_iteratively(content, [style], encoder, options, start=lambda _: painting)
        for options in (few, more)
    )
    assert measure(later) < measure(soon) < measure(painting)
    assert measure(later) < measure(noise)


def test_it_starts_as_the_painting_of_the_content_at_the_results_size(encoder: Encoder) -> None:
    seen, first = [], list[Tensor]()

    def paint(image: Tensor) -> Tensor:
        seen.append(tuple(image.shape))
        return image.flip(1)

    def keep(progress: TransferProgress) -> None:
        first.append(progress.best())

    options = quick(size=128, iterations=2)
    stylize_iteratively(scene(), [blocks(64, 64)], encoder, options, start=paint, on_progress=keep)
    assert seen == [(1, 3, 128, 179)]
    assert torch.equal(first[0], resize_short_side(scene(), 128).flip(1))
    gray = quick(size=0, iterations=1, preserve_color="luminance")
    stylize_iteratively(scene(), [blocks(40, 40)], encoder, gray, start=paint, on_progress=keep)
    torch.testing.assert_close(luminance(first[-1]), luminance(scene().flip(1)))


def test_a_start_of_another_size_is_refused(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match=r"start returned \(1, 3, 40, 50\); expected"):
        stylize_iteratively(
            scene(), [blocks(40, 40)], encoder, quick(), start=lambda image: image[..., :50]
        )


def test_arguments_are_not_changed_and_runs_repeat(encoder: Encoder) -> None:
    content, style = scene(), blocks(40, 40)
    copies = content.clone(), style.clone()
    options = quick(init="noise", iterations=5)
    first, second = (stylize_iteratively(content, [style], encoder, options) for _ in range(2))
    assert torch.equal(content, copies[0])
    assert torch.equal(style, copies[1])
    assert torch.equal(first, second)
    assert not first.requires_grad


@pytest.mark.parametrize(("size", "shape"), [(32, (32, 45)), (0, (40, 56)), (64, (64, 90))])
def test_the_size_is_the_short_side_and_0_keeps_the_contents_own(
    encoder: Encoder, size: int, shape: tuple[int, int]
) -> None:
    options = quick(size=size, iterations=1)
    result = stylize_iteratively(scene(), [blocks(40, 40)], encoder, options)
    assert result.shape == (1, 3, *shape)


def test_luminance_keeps_the_contents_hues(encoder: Encoder) -> None:
    content = scene()
    options = quick(preserve_color="luminance")
    result = stylize_iteratively(content, [blocks(40, 40)], encoder, options)
    assert (luminance(result) - luminance(content)).abs().max() > 0.05
    before, after = content - luminance(content), result - luminance(result)
    along = (before * after).sum(1, keepdim=True) / before.square().sum(1, keepdim=True)
    torch.testing.assert_close(after, before * along, atol=1e-4, rtol=0)


def test_match_brings_the_contents_palette(encoder: Encoder) -> None:
    content, style = scene(), blocks(40, 40)
    style[:, 2] *= 0.2  # a style without blue
    blue = {
        how: stylize_iteratively(content, [style], encoder, quick(preserve_color=how))[:, 2].mean()
        for how in ("none", "match")
    }
    assert abs(blue["match"] - content[:, 2].mean()) < 0.03
    assert blue["none"] < content[:, 2].mean() - 0.1


def test_a_region_takes_the_colors_of_its_own_region(encoder: Encoder) -> None:
    content, style = torch.full((1, 3, 40, 80), 0.5), blocks(40, 80)
    style[:, 1:, :, :40] = 0  # red on the left, blue on the right
    style[:, :2, :, 40:] = 0
    mask = torch.zeros_like(content)
    mask[..., :40] = 1

    def red_on_the_left(style_mask: Tensor) -> float:
        result = stylize_iteratively(
            content, [style], encoder, quick(), content_mask=mask, style_masks=[style_mask]
        )
        redness = (result[:, 0] - result[:, 2]).mean(1)[0]
        return float(redness[:32].mean() - redness[48:].mean())

    assert red_on_the_left(mask) > 0.1
    assert red_on_the_left(1 - mask) < -0.1


def test_progress_counts_over_all_levels_and_gives_the_best_image_at_full_size(
    encoder: Encoder,
) -> None:
    seen: list[TransferProgress] = []
    options = quick(size=128, iterations=5, levels=2)
    result = stylize_iteratively(
        scene(), [blocks(64, 64)], encoder, options, on_progress=seen.append
    )
    assert [each.iteration for each in seen] == [1, 2, 3, 4, 5]
    assert [each.size[0] for each in seen] == [64, 64, 128, 128, 128]
    fractions = [each.fraction for each in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert seen[0].losses.keys() == {"content", "style"}
    assert {tuple(each.best().shape) for each in seen} == {tuple(result.shape)}


def test_an_interruption_reaches_the_caller_who_has_the_best_image(encoder: Encoder) -> None:
    latest: list[TransferProgress] = []

    def stop(progress: TransferProgress) -> None:
        latest.append(progress)
        if progress.iteration == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stylize_iteratively(scene(), [blocks(40, 40)], encoder, quick(), on_progress=stop)
    assert latest[-1].best().shape == (1, 3, 40, 56)


def test_levels_double_and_share_the_iterations(encoder: Encoder) -> None:
    options = TransferOptions(iterations=11)
    assert plan_levels(512, encoder, options) == [(128, 3), (256, 4), (512, 4)]
    assert plan_levels(100, encoder, options) == [(100, 11)]  # 50 px would be too small
    assert plan_levels(512, encoder, TransferOptions(iterations=2)) == [(256, 1), (512, 1)]
    small_styles = TransferOptions(iterations=11, style_scale=0.3)
    assert plan_levels(512, encoder, small_styles) == [(256, 5), (512, 6)]


def test_a_batch_is_refused(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match=r"\(2, 3, 40, 56\); expected \(1, 3, H, W\)"):
        stylize_iteratively(scene().repeat(2, 1, 1, 1), [blocks(40, 40)], encoder, quick())


def test_every_choice_of_an_optimizer_exists() -> None:
    from fast_nst.optimize.options import OPTIMIZERS

    assert tuple(gatys.OPTIMIZERS) == OPTIMIZERS


FLAT = torch.full((1, 3, 40, 40), 0.3)
MASK = torch.zeros(1, 3, 40, 56)


@pytest.mark.parametrize(
    ("arguments", "choices", "message"),
    [
        ({}, {"size": 12}, "the content is too small at 17x12 px; relu4_1 needs at least 16x16"),
        ({}, {"style_scale": 0.2}, "style 1 is too small at 8x8 px"),
        ({"content": torch.rand(1, 3, 2, 9000)}, {"size": 512}, "the content would be 2304000x512"),
        ({"styles": [FLAT]}, {}, "style 1 is one flat color"),
        ({"styles": []}, {}, "there is no style"),
        (
            {"content": FLAT},
            {"preserve_color": "match"},
            "becomes flat when it takes on the colors",
        ),
        ({"content": FLAT}, {"preserve_color": "luminance"}, "becomes flat"),
        ({}, {"blend": (1, 2)}, "blend has 2 shares for 1 styles"),
        ({"content_mask": MASK}, {}, "1 content masks and 0 style masks for 1 styles"),
        ({"style_masks": [MASK]}, {}, "0 content masks and 1 style masks"),
        (
            {"content_mask": MASK[..., :50], "style_masks": [MASK[..., :40]]},
            {},
            "the mask of the content is 50x40 px, and the content is 56x40 px",
        ),
        (
            {"content_mask": MASK, "style_masks": [MASK], "names": ("a.jpg", "b.jpg")},
            {},
            "the mask of b.jpg is 56x40 px, and b.jpg is 40x40 px",
        ),
        ({}, {"style_layers": ("relu9_1",)}, "no layer 'relu9_1'"),
    ],
)
def test_what_cannot_work_is_said_before_the_first_iteration(
    encoder: Encoder, arguments: dict[str, Any], choices: dict[str, Any], message: str
) -> None:
    given = {"content": scene(), "styles": [blocks(40, 40)], **arguments}
    with pytest.raises((ConfigError, LayerError)) as error:
        stylize_iteratively(**given, encoder=encoder, options=quick(**choices))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"optimizer": "lbgfs"}, "did you mean 'lbfgs'"),
        ({"init": "black"}, "Choices: content, noise, style"),
        ({"preserve_color": "yes"}, "no preserve_color 'yes'"),
        ({"precision": "half"}, "no precision 'half'"),
        ({"iterations": 0}, "iterations is 0; it must be 1 or more"),
        ({"size": -1}, "size is -1"),
        ({"tile": 8}, "tile is 8; it must be 64 or more"),
        ({"style_weight": -1}, "style_weight is -1"),
        ({"style_weight": float("nan")}, "style_weight is nan"),
        ({"content_weight": 0, "style_weight": 0}, "are both 0"),
        ({"style_layers": ()}, "no layer is named"),
        ({"style_scale": 0}, "style_scale is 0"),
        ({"blend": (1, -1)}, "each share must be 0 or more"),
        ({"blend": (0, 0)}, "only zeros"),
    ],
)
def test_an_option_that_cannot_work_is_named(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(FastNSTError) as error:
        TransferOptions(**choices)
    assert message in str(error.value)
