"""Tiles change memory, not results."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.encoders import Encoder, create_encoder
from fast_nst.optimize.options import TransferOptions
from fast_nst.optimize.statistics import Comparison, TiledEncoder
from fast_nst.optimize.tiles import split

STYLE_LAYERS = TransferOptions.style_layers


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


class Deep(Encoder):
    """Five blocks, padded with zeros as torchvision's networks are, a few channels wide."""

    convs_per_block = (2, 2, 4, 4, 1)

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.convs = nn.ModuleDict(
                {
                    name: nn.Conv2d(3 if name == "relu1_1" else 4, 4, 3, padding=1)
                    for name in self.layers
                }
            )
        self.double().freeze()

    def _features(self, normalized: Tensor, requested: set[str]) -> dict[str, Tensor]:
        features, hidden = {}, normalized
        for name, conv in self.convs.items():
            if name.endswith("_1") and name != "relu1_1":
                hidden = F.max_pool2d(hidden, 2)
            hidden = torch.relu(2 * conv(hidden))
            if name in requested:
                features[name] = hidden
        return features


@pytest.mark.parametrize(("height", "width"), [(64, 64), (65, 200), (133, 71), (511, 16)])
def test_tiles_cover_every_pixel_once_and_no_tile_is_much_larger_than_asked(
    height: int, width: int
) -> None:
    encoder = create_encoder("vgg_lite")
    seen = torch.zeros(height, width, dtype=torch.int64)
    for tile in split(height, width, 64, encoder, STYLE_LAYERS):
        seen[tile.core] += 1
        assert all(side.stop - side.start <= 64 + 8 for side in tile.core)
    assert (seen == 1).all()


def test_an_image_no_larger_than_a_tile_is_one() -> None:
    (tile,) = split(64, 48, 64, create_encoder("vgg_lite"), STYLE_LAYERS)
    assert tile.core == tile.outer == (slice(0, 64), slice(0, 48))


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize(
    ("encoder", "layers"),
    [(create_encoder("vgg_lite").double(), STYLE_LAYERS), (Deep(), ("relu1_2", "relu5_1"))],
    ids=["vgg_lite", "deep"],
)
def test_tiles_give_the_same_statistics_and_gradients_as_the_whole_image(
    encoder: Encoder, layers: tuple[str, ...], guided: bool
) -> None:
    image = noise(1, 3, 72, 104).requires_grad_(True)
    found = []
    for size in (1024, 64):
        tiled = TiledEncoder(encoder, None, size)
        targets = tiled.content(noise(1, 3, 72, 104, seed=1), ("relu3_1",))
        guides = {
            layer: noise(2, 1, *feature.shape[-2:], seed=2)
            for layer, feature in tiled.content(image.detach(), layers).items()
            if guided
        }
        compare = Comparison(tiled, layers, guides, targets)
        grams, distances = compare(image)
        parts = [*grams.values(), *distances.values()]
        total = torch.stack([part.square().sum() for part in parts]).sum()
        found.append([*targets.values(), *parts, *torch.autograd.grad(total, image)])
    assert len(tiled.tiles(image, compare.layers)) == 4
    for whole, tiled in zip(*found, strict=True):
        assert (tiled - whole).abs().max() < 1e-11 * whole.abs().max()


def test_tiles_agree_in_float32_too() -> None:
    image = noise(1, 3, 96, 130).float().requires_grad_(True)
    gradients = []
    for size in (1024, 64):
        compare = Comparison(TiledEncoder(create_encoder("vgg_lite"), None, size), STYLE_LAYERS)
        grams, _ = compare(image)
        total = torch.stack([gram.square().mean() for gram in grams.values()]).sum()
        gradients += torch.autograd.grad(total, image)
    difference = torch.linalg.norm(gradients[0] - gradients[1])
    assert difference < 1e-4 * torch.linalg.norm(gradients[0])


def test_gram_matrices_and_distances_are_float32_whatever_the_precision() -> None:
    image = noise(1, 3, 32, 32).float()
    tiled = TiledEncoder(create_encoder("vgg_lite"), torch.bfloat16)
    targets = tiled.content(image, ("relu3_1",))
    grams, distances = Comparison(tiled, STYLE_LAYERS, {}, targets)(image)
    assert targets["relu3_1"].dtype == torch.bfloat16
    assert {each.dtype for each in (*grams.values(), *distances.values())} == {torch.float32}
