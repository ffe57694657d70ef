import itertools

import pytest
import torch
from torch import Tensor

from fast_nst.losses.functional import gram_matrix
from fast_nst.losses.strength import content_agreement, normalized_style_error, style_left


def features(seed: int, batch: int = 2, channels: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, channels, 6, 7, generator=generator).double()


def test_the_error_is_zero_for_equal_matrices_and_one_for_those_with_nothing_in_common() -> None:
    one, other = (torch.diag(torch.tensor(each))[None] for each in ([2.0, 0.0], [0.0, 3.0]))
    assert normalized_style_error(one, one) == 0
    assert normalized_style_error(one, other) == 1


def test_the_error_of_a_hand_computed_case() -> None:
    one, other = torch.eye(2)[None], torch.tensor([[[1.0, 1.0], [1.0, 1.0]]])
    # The distance is 2; the bound 2 + 4.
    assert normalized_style_error(one, other).item() == pytest.approx(2 / 6)


@pytest.mark.parametrize("seed", range(5))
def test_the_error_of_gram_matrices_is_never_above_its_bound(seed: int) -> None:
    # Features of both signs as well: the bound needs no more than semidefinite matrices.
    one, other = (gram_matrix(features(2 * seed + n) - 0.5) for n in (0, 1))
    error = normalized_style_error(one, other)
    assert error.shape == (2,)
    assert ((error > 0) & (error <= 1)).all()
    torch.testing.assert_close(error, normalized_style_error(other, one))


def test_the_error_is_the_same_for_styles_with_strong_and_weak_features() -> None:
    one, other = gram_matrix(features(0)), gram_matrix(features(1, batch=1))
    error = normalized_style_error(one, other)
    torch.testing.assert_close(error, normalized_style_error(1e6 * one, 1e6 * other))
    assert normalized_style_error(one.half(), other.half()).dtype == torch.float32


def test_two_images_without_features_are_equal() -> None:
    assert normalized_style_error(torch.zeros(1, 3, 3), torch.zeros(1, 3, 3)) == 0


def test_the_gradient_leads_to_the_style() -> None:
    target = gram_matrix(features(1))
    gram = gram_matrix(features(0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda each: normalized_style_error(each, target), gram)


def test_what_is_left_is_the_mean_over_layers_and_falls_on_the_way() -> None:
    photo = {"a": gram_matrix(features(0)), "b": gram_matrix(features(1))}
    style = {"a": gram_matrix(features(2, 1)), "b": gram_matrix(features(3, 1))}
    errors = [normalized_style_error(photo[layer], style[layer]) for layer in "ab"]
    torch.testing.assert_close(style_left(photo, style), (errors[0] + errors[1]) / 2)
    ways = [
        style_left({each: photo[each].lerp(style[each], share) for each in "ab"}, style)
        for share in (0.0, 0.3, 0.6, 1.0)
    ]
    assert all((later < earlier).all() for earlier, later in itertools.pairwise(ways))
    assert (ways[-1] == 0).all()


def test_layers_that_differ_are_refused() -> None:
    gram = gram_matrix(features(0))
    with pytest.raises(ValueError, match="layers must be the same"):
        style_left({"a": gram}, {"b": gram})
    with pytest.raises(ValueError, match="at least one"):
        style_left({}, {})


def test_agreement_is_one_for_the_photo_whatever_the_contrast_and_the_colors() -> None:
    content = features(0)
    colors = torch.linspace(-3, 3, 5).view(5, 1, 1)
    ones = torch.ones(2).double()
    torch.testing.assert_close(content_agreement(content, content), ones)
    torch.testing.assert_close(content_agreement(0.2 * content + colors, content), ones)
    torch.testing.assert_close(content_agreement(-content, content), -ones)


def test_agreement_is_about_zero_for_another_image_and_for_a_flat_one() -> None:
    content, other = (torch.randn(1, 8, 40, 40, generator=torch.Generator().manual_seed(n))
                      for n in (0, 1))  # fmt: skip
    assert content_agreement(other, content).abs() < 0.05
    assert content_agreement(torch.ones_like(content), content) == 0


def test_agreement_falls_as_a_texture_takes_over() -> None:
    content, texture = features(0), features(1)
    steps = [content_agreement(content.lerp(texture, n / 4), content) for n in range(5)]
    assert all((later < earlier).all() for earlier, later in itertools.pairwise(steps))
