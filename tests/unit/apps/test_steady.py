"""Frames that stand still, move, change and begin anew, through a filter that flickers."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fast_nst.apps.video.filtering import Controlled
from fast_nst.errors import ConfigError, VideoError
from fast_nst.inference import Stylizer
from fast_nst.networks import create_network
from fast_nst.networks.norm import measure, record_statistics

pytest.importorskip("cv2")

from fast_nst.apps.video.motion import Tracker
from fast_nst.apps.video.steady import Steady, carry, keep_contrast, steadied

CPU = torch.device("cpu")


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def scene(height: int = 96, width: int = 128, seed: int = 0) -> Tensor:
    """Smooth blobs with detail that flow can follow."""
    coarse = F.interpolate(noise(1, 3, height // 8, width // 8, seed=seed), size=(height, width))
    fine = F.interpolate(
        noise(1, 3, height // 4, width // 4, seed=seed + 1), size=(height, width), mode="bicubic"
    )
    mixed = F.avg_pool2d(0.5 * coarse + 0.5 * fine, 3, 1, 1)
    return mixed[0].clamp(0, 1)


class Flickering:
    """Adds other noise to every frame, as a network that is not stable does."""

    device = CPU

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, frame: Tensor, /) -> Tensor:
        self.calls += 1
        return (0.5 * frame + 0.4 * noise(*frame.shape, seed=100 + self.calls)).clamp(0, 1)


def run(filter_: object, frames: list[Tensor]) -> list[Tensor]:
    return [filter_(frame) for frame in frames]  # type: ignore[operator]


def flicker(images: list[Tensor]) -> float:
    steps = [(b - a).abs().mean() for a, b in pairwise(images)]
    return float(torch.stack(steps).mean())


def test_where_nothing_moves_the_noise_of_a_filter_stands_still_at_its_own_contrast() -> None:
    frames = [(scene() + 0.02 * (noise(3, 96, 128, seed=i) - 0.5)).clamp(0, 1) for i in range(8)]
    plain, steady = run(Flickering(), frames), run(Steady(Flickering(), 0.9), frames)
    assert torch.equal(plain[0], steady[0])
    assert flicker(steady[1:]) < 0.3 * flicker(plain[1:])
    # A mean of eight frames of such noise would have lost most of its variance.
    assert steady[-1].var() == pytest.approx(float(plain[-1].var()), rel=0.1)


def test_what_comes_new_into_sight_is_as_without() -> None:
    behind = scene()
    frames = []
    for at in range(0, 128, 16):  # a square that jumps by its own width, then is gone
        frame = behind.clone()
        frame[:, 40:56, at : at + 16] = torch.tensor([0.9, 0.1, 0.1]).view(3, 1, 1)
        frames.append(frame)
    plain, steady = run(Flickering(), frames), run(Steady(Flickering(), 0.9), frames)
    for index in range(1, len(frames)):
        for left in (16 * index, 16 * index - 16):  # where it is, and where it was
            square = (..., slice(44, 52), slice(left + 4, left + 12))
            # Contrast is that of the surroundings, so not equal to the last bit.
            torch.testing.assert_close(steady[index][square], plain[index][square], atol=0.04,
                                       rtol=0)  # fmt: skip


def test_a_scene_that_moves_takes_its_image_along() -> None:
    whole = scene(128, 192)
    frames = [whole[:, 10:106, 3 * i : 3 * i + 128] for i in range(8)]
    plain, steady = run(Flickering(), frames), run(Steady(Flickering(), 0.9), frames)

    def error(images: list[Tensor]) -> float:
        moved = [
            (b[..., 16:-32, 16:-35] - a[..., 16:-32, 19:-32]).abs().mean()
            for a, b in pairwise(images[2:])
        ]
        return float(torch.stack(moved).mean())

    assert error(steady) < 0.5 * error(plain)


def test_a_cut_begins_anew() -> None:
    other = 1 - scene(seed=7)
    filter_ = Steady(Flickering(), 1.0)
    run(filter_, [scene()] * 3)
    expected = Flickering()
    expected.calls = 3
    torch.testing.assert_close(filter_(other), expected(other), atol=1e-5, rtol=0)


def test_a_slow_fade_is_followed() -> None:
    class Same:
        device = CPU

        def __call__(self, frame: Tensor, /) -> Tensor:
            return frame

    frames = [scene() * (1 - i / 60) for i in range(60)]
    steady = run(Steady(Same(), 1.0), frames)
    for frame, shown in zip(frames, steady, strict=True):
        assert (shown - frame).abs().mean() < 4 / 255


def test_statistics_are_carried_by_the_share_of_the_past_and_not_over_a_cut() -> None:
    network = create_network("johnson", width=4, blocks=1)
    stylizer = Stylizer(network)
    first = scene()
    second = first.clone()
    second[:, 20:60, 20:60] = 1.0  # something large and bright comes in
    with torch.inference_mode():
        found = []
        for frame in (first, second):
            with record_statistics(network) as statistics:
                network(frame[None])
            found.append(statistics["down.0.norm"])
        filter_ = Steady(Controlled(stylizer, {}), 0.9)
        run(filter_, [first, second])
        carried = filter_._statistics["down.0.norm"]
        before, alone = found[0].mean, found[1].mean
        share = float(((carried.mean - alone) / (before - alone)).median())
        assert 0.9 * 0.7 < share < 0.9
        other = 1 - scene(seed=5)
        filter_(other)
        x = network.down[0].conv(F.pad((other[None] - 0.5), (4, 4, 4, 4), mode="reflect"))
        anew = filter_._statistics["down.0.norm"]
        torch.testing.assert_close(anew.mean, measure(x).mean, atol=1e-5, rtol=1e-4)
    assert all(norm.choose is None for norm in network.modules() if hasattr(norm, "choose"))


def test_both_of_two_mixed_filters_carry_their_statistics() -> None:
    pair = [Stylizer(create_network("johnson", width=4, blocks=0)) for _ in range(2)]
    filter_ = Steady(Controlled(Stylizer.blend(*pair, 0.5), {"strength": 0.5}))
    filter_(scene())
    assert {name.split(".")[0] for name in filter_._statistics} == {"first", "second"}


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 5), (17, 9), (40, 30)])
def test_small_frames_are_taken(size: tuple[int, int]) -> None:
    filter_ = Steady(Flickering())
    for seed in (0, 0, 1, 2):
        shown = filter_(noise(3, *size, seed=seed))
        assert shown.shape == (3, *size)
        assert shown.isfinite().all()


def test_frames_of_another_size_begin_anew() -> None:
    filter_ = Steady(Flickering())
    filter_(scene())
    assert filter_(scene(96, 64)).shape == (3, 96, 64)


def test_flow_points_to_where_a_part_was() -> None:
    whole = scene(128, 192)
    tracker = Tracker()
    assert tracker.follow(whole[:, 16:112, 8:136]) is None
    tracker.keep(0.9, None)
    past = tracker.follow(whole[:, 16:112, 12:140])
    assert past is not None
    assert past.flow is not None
    assert past.share > 0.8
    middle = past.flow[:, 30:-30, 30:-30].mean((1, 2))
    torch.testing.assert_close(middle, torch.tensor([4.0, 0.0]), atol=0.3, rtol=0)
    last, known = carry(whole[:, 16:112, 8:136], past)
    now = whole[:, 16:112, 12:140]
    assert ((last - now).abs() * known)[..., 10:-10, 10:-10].mean() < 0.02
    assert known[..., -2:].max() < known.mean()  # nothing is known of what came in


def test_contrast_is_raised_part_by_part_and_hardly_lowered() -> None:
    strong, weak = noise(3, 64, 64), 0.5 + 0.2 * (noise(3, 64, 64, seed=1) - 0.5)
    faded = 0.5 + 0.6 * (strong - 0.5)
    raised = keep_contrast(faded, strong)
    assert raised[:, 8:-8, 8:-8].std() == pytest.approx(float(strong.std()), rel=0.05)
    assert keep_contrast(strong, weak).std() == pytest.approx(float(strong.std()), rel=0.02)
    torch.testing.assert_close(keep_contrast(strong, strong), strong)


def test_contrast_is_kept_octave_by_octave() -> None:
    """Resampling takes the finest strokes alone; raising all that is left would miss them."""
    coarse = F.interpolate(noise(1, 3, 9, 9), size=(97, 96), mode="bicubic")[0]
    sharp = (coarse + 0.2 * (noise(3, 97, 96, seed=1) - 0.5)).clamp(0, 1)
    soft = coarse.lerp(sharp, 0.6).clamp(0, 1)

    def finest(image: Tensor) -> float:
        return float((image - F.avg_pool2d(image[None], 3, 1, 1)[0])[:, 8:-8, 8:-8].std())

    assert finest(soft) < 0.7 * finest(sharp)
    assert 0.85 * finest(sharp) < finest(keep_contrast(soft, sharp)) < 1.05 * finest(sharp)


@pytest.mark.parametrize("steady", [-0.1, 1.1, float("nan")])
def test_a_number_out_of_range_is_named(steady: float) -> None:
    with pytest.raises(VideoError, match=r"expected 0 \(off\) to 1"):
        steadied(Flickering(), steady)


def test_zero_leaves_the_filter_as_it_is() -> None:
    filter_ = Flickering()
    assert steadied(filter_, 0) is filter_


def test_without_opencv_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ConfigError, match=r"pip install 'fast-nst\[video\]'"):
        steadied(Flickering(), 0.5)


def test_of_a_network_of_light_its_curves_are_carried_and_no_images() -> None:
    network = create_network("photo", width=4, blocks=0).eval()
    torch.manual_seed(0)
    torch.nn.init.normal_(network.change)  # type: ignore[arg-type]
    first = scene()
    second = first.clone()
    second[:, 20:60, 20:60] = 1.0  # something large and bright comes in
    with torch.inference_mode():
        before, alone = (network.predict(network.look(f[None], 0, 96)) for f in (first, second))  # type: ignore[operator]
        filter_ = Steady(Stylizer(network), 0.9)
        shown = run(filter_, [first, second])[1]
        carried = filter_._guides[""]
        share = ((carried - alone).abs().sum() / (before - alone).abs().sum()).item()
        assert 0.5 < share < 0.9
        torch.testing.assert_close(carried, torch.lerp(alone, before, share), atol=1e-4, rtol=0)
        assert torch.equal(shown, network.render(second[None], carried, 0, 96)[0])  # type: ignore[operator]
        filter_(1 - scene(seed=7))  # a cut begins anew
        cut = network.predict(network.look(1 - scene(seed=7)[None], 0, 96))  # type: ignore[operator]
        assert torch.equal(filter_._guides[""], cut)
