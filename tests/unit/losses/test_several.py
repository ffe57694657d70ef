"""The losses of several styles: each image is compared with its own style."""

import pytest
import torch

from fast_nst.encoders import create_encoder
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.losses.several import SeveralLosses
from fast_nst.networks import create_network

SETTINGS = {"content_weight": 1.0, "style_weight": 100.0, "grid_weight": 20.0}
SIZES = (0.5, 1.0, 2.0)


def image(seed: int, side: int = 64) -> torch.Tensor:
    noise = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=(side, side), mode="bicubic").clamp(0, 1)[0]


STYLES = {name: {size: image(seed, int(64 * size)) for size in SIZES}
          for seed, name in enumerate(("a", "b"))}  # fmt: skip
CONTENT = torch.stack([image(2), image(3)])
STYLIZED = torch.stack([image(4), image(5)])


def several(**more: float) -> SeveralLosses:
    return SeveralLosses(create_encoder("vgg_lite"), STYLES, {**SETTINGS, **more})


def terms(loss: SeveralLosses, *aims: tuple[int, int, float]) -> dict[str, torch.Tensor]:
    network = create_network("mobile", width=4, blocks=1)
    return loss(STYLIZED, loss.content_targets(CONTENT), [network] * len(aims), aims)


def test_it_is_the_mean_of_the_losses_of_each_image_in_its_own_style() -> None:
    found = terms(several(), (1, 1, 1.0), (0, 1, 1.0))
    network = create_network("mobile", width=4, blocks=1)
    expected = dict.fromkeys(found, 0.0)
    for number, name in enumerate("ba"):
        loss = PerceptualLoss(create_encoder("vgg_lite"), STYLES[name][1.0][None], **SETTINGS)
        one = slice(number, number + 1)
        for term, value in loss(STYLIZED[one], loss.content_targets(CONTENT[one]), network).items():
            expected[term] += float(value) / 2
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected)


def test_a_weaker_style_has_less_weight_against_the_content() -> None:
    full = terms(several(), (0, 1, 1.0), (1, 1, 1.0))
    weak = terms(several(), (0, 1, 0.25), (1, 1, 0.25))
    assert float(weak["content"]) == pytest.approx(2 * float(full["content"]))
    assert float(weak["style"]) == pytest.approx(0.5 * float(full["style"]))
    assert float(weak["grid"]) == pytest.approx(float(full["grid"]))


def test_larger_strokes_are_compared_with_a_larger_picture_at_half_the_size_as_well() -> None:
    usual, larger = several().of(0), several().of(0, size=2)
    assert usual.weights["style"] == 100
    assert "coarse" not in usual.weights
    assert larger.weights["style"] == larger.weights["coarse"] == 50
    # The style itself at twice the size has nothing left, at the usual size it has.
    itself = STYLES["a"][2.0][None]
    network = create_network("mobile", width=4, blocks=1)
    errors = [
        float(loss(itself, loss.content_targets(itself), network)["style"])
        for loss in (larger, usual)
    ]
    assert errors[0] < 1e-3 < errors[1]


def test_styles_that_lost_weight_are_named() -> None:
    loss = several(min_content_kept=0.4)
    assert loss.balanced() == {}
    for _ in range(60):
        terms(loss, (1, 1, 1.0), (1, 1, 1.0))
    assert list(loss.balanced()) == ["b"]
    asked, found = loss.balanced()["b"]["style"]
    assert asked == 100
    assert found < 90
