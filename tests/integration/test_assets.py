"""What is bundled is as good as scripts/make_assets.py and scripts/distill_encoder.py say."""

from pathlib import Path

import pytest
import torch

from fast_nst.config import list_styles
from fast_nst.encoders import Encoder, create_encoder
from fast_nst.image.io import read_image
from fast_nst.image.resize import resize_short_side
from fast_nst.losses.functional import relative_squared_error
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.paths import asset_path

pytestmark = pytest.mark.shared
# Paintings that predictors were trained with.
ELSEWHERE = {
    "irises": "vangogh_irises",
    "pink_cloud": "cross_the_pink_cloud",
    "red_and_blue_horse": "marc_rotes_und_blaues_pferd",
    "red_fuji": "hokusai_red_fuji",
    "roman_mosaic": "roman_mosaic_ducks_massimo",
    "the_kiss": "klimt_the_kiss",
}


@pytest.fixture(scope="module")
def encoders(shared_data: Path) -> list[Encoder]:
    teacher = shared_data / "teacher" / "vgg19_distilled_16x.safetensors"
    return [create_encoder("vgg_lite"), create_encoder("vgg19_distilled", teacher)]


@pytest.mark.parametrize("name", [style.name for style in list_styles()])
def test_a_bundled_texture_stands_in_for_its_painting_at_every_size(
    name: str, shared_data: Path, encoders: list[Encoder]
) -> None:
    file = f"styles_train/{ELSEWHERE[name]}" if name in ELSEWHERE else f"styles/{name}"
    painting = read_image(shared_data / f"{file}.jpg").rgb[None]
    texture = read_image(asset_path(f"styles/{name}.webp")).rgb[None]
    for size in (256, 512, 1024):
        for encoder in encoders:
            loss = PerceptualLoss(encoder, resize_short_side(painting, size), style_weight=1)
            with torch.no_grad():
                assert float(loss(resize_short_side(texture, size))["style"]) <= 0.01, size


def test_the_bundled_encoder_sees_held_out_photos_as_its_teacher_does(
    shared_data: Path, encoders: list[Encoder]
) -> None:
    files = sorted((shared_data / "heldout").iterdir())[:5]
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
    for file in files:
        photo = read_image(file).rgb[None]
        with torch.no_grad():
            ours, theirs = (encoder(photo, layers) for encoder in encoders)
        for layer in layers:
            assert relative_squared_error(ours[layer], theirs[layer]) < 0.1, layer
