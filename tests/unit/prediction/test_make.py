import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from fast_nst import Stylizer
from fast_nst.data.photos import scenes
from fast_nst.encoders import create_encoder
from fast_nst.errors import ConfigError
from fast_nst.losses.strength import OVER_STYLIZED
from fast_nst.prediction.make import make_filter, measure_style, notes, predict_network
from fast_nst.prediction.reach import measure_reach


class Identity(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


def photos() -> torch.Tensor:
    return torch.stack([torch.tensor(each).permute(2, 0, 1) / 255 for each in scenes(2, 96)])


def noise(side: int = 96) -> torch.Tensor:
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(0))


def test_a_filter_that_does_nothing_keeps_everything_and_gets_nowhere() -> None:
    style = measure_style([noise()])
    reach = measure_reach(Identity(), create_encoder("vgg_lite"), style, photos())
    assert reach.style_left == pytest.approx(reach.photo_left)
    assert reach.content_kept == pytest.approx(1, abs=1e-4)
    assert reach.photo_left > 0.1


def test_a_predicted_filter_is_on_its_way() -> None:
    image = torch.tensor(astronaut()).permute(2, 0, 1)[:, :256, :256] / 255
    style = measure_style([image])
    network = predict_network([image])
    reach = measure_reach(network, create_encoder("vgg_lite"), style, photos())
    assert reach.style_left < reach.photo_left


def test_what_the_filter_reaches_is_written_and_photos_stay_readable() -> None:
    made = make_filter([noise(256)], name="noise")
    found = made.metadata.config["predicted"]
    assert found["content_kept"] >= OVER_STYLIZED or found["photo_share"] == 0.6
    assert found["style_left"] < found["photo_left"]
    assert made.metadata.style == "noise"


@pytest.mark.parametrize(
    ("figures", "messages"),
    [
        ({"style_left": 0.005, "content_kept": 0.6, "photo_share": 0.0}, []),
        ({"style_left": 0.05, "content_kept": 0.6, "photo_share": 0.0}, ["--refine"]),
        ({"style_left": 0.005, "content_kept": 0.5, "photo_share": 0.3}, ["mixed with 30%"]),
        ({"style_left": 0.05, "content_kept": 0.2, "photo_share": 0.6}, ["--refine", "--strength"]),
    ],
)
def test_the_user_is_told_what_is_not_enough(
    figures: dict[str, float], messages: list[str]
) -> None:
    found = make_filter(["starry_night"]).metadata.config["predicted"]
    lines = notes({**found, **figures})
    assert len(lines) == len(messages)
    assert all(message in line for message, line in zip(messages, lines, strict=True))


def test_every_kind_of_picture_gives_the_same_filter() -> None:
    picture = Image.fromarray(astronaut())
    tensor = torch.tensor(astronaut()).permute(2, 0, 1) / 255
    first, second = (Stylizer.from_style(each).network for each in (picture, tensor))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(
        Stylizer.from_style([tensor, "great_wave"]).network.head.bias, first.head.bias
    )


@pytest.mark.parametrize("size", [0.4, 3.1, float("nan")])
def test_a_size_of_strokes_out_of_range_is_refused(size: float) -> None:
    with pytest.raises(ConfigError, match=r"expected 0\.5 to 3"):
        Stylizer.from_style("starry_night", stroke_size=size)


def test_no_picture_is_no_style() -> None:
    with pytest.raises(ConfigError, match="no picture"):
        make_filter([])
