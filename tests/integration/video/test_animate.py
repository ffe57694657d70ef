"""Knobs that turn, and styles that change, over a video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import Tensor

from fast_nst import Stylizer
from fast_nst.apps.video import stylize_video
from fast_nst.apps.video.animate import Animated, Animation
from fast_nst.cli.main import main
from fast_nst.errors import ConfigError, VideoError
from fast_nst.filter_metadata import Binding
from fast_nst.filters.checkpoint import load_unbound, save_filter
from fast_nst.prediction.styled import make_styles, save_styles
from fast_nst.style_map import StyleMap

av = pytest.importorskip("av")

FRAME = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_styles(["starry_night", "great_wave"], "mobile")
    return save_styles(tmp_path_factory.mktemp("many") / "many.safetensors", made)


def play(many: Path, animation: Animation, frames: int, binding: Binding | None = None) -> Any:
    """What the same frame becomes again and again."""
    animated = Animated(load_unbound(many), animation, binding or Binding())
    animated.begin(frames)
    return [animated(FRAME) for _ in range(frames)]


def still(many: Path, **bound: Any) -> Tensor:
    return Stylizer.load(many, **bound)(FRAME)


def test_a_knob_goes_from_the_first_value_to_the_last(many: Path) -> None:
    frames = play(many, Animation({"strength": (0, 1)}), 5)
    for frame, strength in zip(frames, (0, 0.25, 0.5, 0.75, 1), strict=True):
        torch.testing.assert_close(frame, still(many, knobs={"strength": strength}))


def test_several_values_follow_each_other_and_other_knobs_stay(many: Path) -> None:
    walk = Animation({"stroke_size": (1, 3, 1)})
    frames = play(many, walk, 5, Binding("great_wave", {"strength": 0.7}))
    for frame, size in zip(frames, (1, 2, 3, 2, 1), strict=True):
        knobs = {"strength": 0.7, "stroke_size": size}
        torch.testing.assert_close(frame, still(many, style="great_wave", knobs=knobs))


def test_a_walk_that_ends_where_it_began_can_be_repeated(many: Path) -> None:
    walk = Animation(styles=("starry_night", "great_wave", "starry_night"))
    frames = play(many, walk, 4)  # a fifth would be the first again
    for frame, share in zip(frames, (0, 0.5, 1, 0.5), strict=True):
        mixed = {"great_wave": share, "starry_night": 1 - share}
        torch.testing.assert_close(frame, still(many, mix=mixed))
    frames = play(many, Animation(styles=("starry_night", "great_wave")), 3)
    torch.testing.assert_close(frames[-1], still(many, style="great_wave"))


def test_the_file_is_not_changed_by_it(many: Path) -> None:
    unbound = load_unbound(many)
    animated = Animated(unbound, Animation({"strength": (0, 1)}))
    animated.begin(2)
    animated(FRAME)
    for key, value in load_unbound(many).network.state_dict().items():
        assert torch.equal(unbound.network.state_dict()[key], value), key


@pytest.mark.parametrize(
    ("animation", "message"),
    [
        (Animation({"strength": (0, 2)}), "strength is 2; expected 0 to 1"),
        (Animation({"boldness": (0, 2)}), "no knob 'boldness'"),
        (Animation(styles=("starry_night", "wave")), "no style 'wave'"),
    ],
)
def test_what_the_filter_has_not_is_refused_before_the_video(
    many: Path, animation: Animation, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Animated(load_unbound(many), animation)


def test_a_filter_without_knobs_and_a_video_without_a_length_are_refused(
    filter_file: Path, many: Path
) -> None:
    with pytest.raises(ConfigError, match="nothing to animate"):
        Animated(load_unbound(filter_file), Animation({"strength": (0, 1)}))
    with pytest.raises(VideoError, match="--frames N"):
        Animated(load_unbound(many), Animation({"strength": (0, 1)})).begin(None)


@pytest.mark.parametrize("steady", [0.0, 0.9])
def test_a_video_changes_from_the_photo_to_the_style(
    many: Path, make_clip: Any, tmp_path: Path, steady: float
) -> None:
    clip = make_clip()
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    stylize_video(Same(), clip, tmp_path / "in" / "%d.png")
    animated = Animated(load_unbound(many), Animation({"strength": (0, 1)}))
    stylize_video(animated, clip, tmp_path / "out" / "%d.png", steady=steady)
    changes = []
    for number in range(1, 9):
        before, after = (
            np.asarray(Image.open(tmp_path / folder / f"{number}.png")).astype(float)
            for folder in ("in", "out")
        )
        changes.append(np.abs(before - after).mean())
    assert changes[0] < 1
    assert changes[-1] > 10
    assert changes[3] < changes[-1]


class Same:
    device = torch.device("cpu")

    def __call__(self, frame: Tensor, /) -> Tensor:
        return frame


def test_the_command_takes_it(many: Path, make_clip: Any, tmp_path: Path) -> None:
    clip, out = make_clip(), tmp_path / "out.mp4"
    line = ["stylize", "--ckpt", str(many), str(clip), "-o", str(out), "--animate"]
    walk = "strength:0..1 style:starry_night..great_wave..starry_night"
    done = CliRunner().invoke(main, [*line, walk])
    assert done.exit_code == 0, done.output
    assert "8 frames" in done.output
    out.unlink()
    refused = CliRunner().invoke(main, [*line, "stroke-size:1..9"])
    assert "stroke_size is 9; expected 0.5 to 3" in refused.output
    assert not out.exists()


def test_a_picture_can_be_animated_too(
    make_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAST_NST_CACHE", str(tmp_path / "cache"))
    clip, out = make_clip(), tmp_path / "out.mp4"
    line = ["stylize", "--style", "great_wave", str(clip), "-o", str(out)]
    done = CliRunner().invoke(main, [*line, "--animate", "strength:0..1"])
    assert done.exit_code == 0, done.output


def test_weights_of_more_than_half_precision_are_kept(many: Path, tmp_path: Path) -> None:
    trained = load_unbound(many)
    with torch.no_grad():
        trained.network.decoder.affine.bias.add_(1e-5)  # type: ignore[union-attr,operator]
    file = save_styles(tmp_path / "trained.safetensors", trained)
    exact = save_filter(tmp_path / "exact.safetensors", trained.network, trained.metadata)
    for key, value in load_unbound(exact).network.state_dict().items():
        assert torch.equal(load_unbound(file).network.state_dict()[key], value), key


def test_a_map_of_styles_stays_where_it_is_over_a_video(many: Path, tmp_path: Path) -> None:
    """Also where statistics are carried from frame to frame."""
    picture = Image.fromarray((FRAME.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
    with av.open(str(tmp_path / "clip.mkv"), "w") as clip:
        stream = clip.add_stream("ffv1", rate=5)
        stream.width, stream.height, stream.pix_fmt = 52, 40, "bgr0"
        for shown in (picture, picture.rotate(1), picture.rotate(2)):
            frame = av.VideoFrame.from_image(shown).reformat(format="bgr0")
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode())
    style_map = StyleMap(("starry_night", "great_wave"), gradient="horizontal")
    line = ["stylize", "--ckpt", many, "--mix", "starry_night..great_wave", "--mix-gradient"]
    wanted = Stylizer.load(many, mix=style_map)(np.asarray(picture))
    for steady in ("0", "0.9"):
        target = tmp_path / steady / "%03d.png"
        target.parent.mkdir()
        full = [*line, "horizontal", tmp_path / "clip.mkv", "--steady", steady, "-o", target]
        done = CliRunner().invoke(main, [*map(str, full)])
        assert done.exit_code == 0, done.output
        frames = [np.asarray(Image.open(each)) for each in sorted(target.parent.iterdir())]
        assert len(frames) == 3
        assert np.abs(frames[0].astype(float) - wanted).mean() < 1
        assert np.abs(frames[2].astype(float) - wanted).mean() > 2
    with pytest.raises(ConfigError, match="cannot be animated"):
        Animated(load_unbound(many), Animation({"strength": (0, 1)}), Binding.of(mix=style_map))
