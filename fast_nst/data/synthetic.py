"""data=synthetic: an endless stream of drawn images and photographs, with nothing to download."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from fast_nst.data.leaves import draw_image
from fast_nst.data.photos import bundled_photos
from fast_nst.data.stream import ImageStream
from fast_nst.data.workers import consumer
from fast_nst.errors import ConfigError
from fast_nst.image.eight_bit import from_bytes, to_bytes

__all__ = ["SyntheticImages", "draw_image"]

_GRAY = np.array((0.299, 0.587, 0.114), np.float32)
_FIXED = 0x5EED  # sets the fixed images' randomness apart from every training stream


class SyntheticImages(ImageStream):
    """Random crops of a small pool of drawn images that is renewed as it is used.

    Drawing an image costs as much as some thirty crops of it, so several are taken from each, all
    different in place, scale, proportions, color and contrast.

    Args:
        size: Height and width of what comes out, px, at least 16.
        seed: The same seed gives the same stream, in each worker and rank a different one.
        photo_share: How many of the crops are of scikit-image's photographs, in [0, 1].

    Yields:
        (3, size, size), uint8, RGB, for ever.

    Raises:
        ConfigError: If an argument is out of its range.
        DataError: If photographs are wanted and scikit-image carries none.
    """

    _POOL = 6
    _CROPS_PER_DRAWING = 32

    def __init__(self, size: int, seed: int = 0, photo_share: float = 0.35) -> None:
        super().__init__(size, seed)
        if size < 16:
            raise ConfigError(f"size is {size} px; images are drawn from 16 px up.")
        if not 0.0 <= photo_share <= 1.0:
            raise ConfigError(f"photo_share is {photo_share}; it is a share, from 0 to 1.")
        self.photo_share = photo_share
        # Large enough for crops at several scales; a drawing's cost grows with its area.
        self._canvas = int(np.clip(3 * size, 256, max(640, 1.5 * size)))
        self._photos: list[NDArray[np.uint8]] = []
        self._shares: NDArray[np.float64] = np.ones(0)
        if photo_share > 0.0:
            self._photos, self._shares = bundled_photos()

    def __iter__(self) -> Iterator[Tensor]:
        """Start the stream of this epoch, worker and rank."""
        index, _ = consumer()
        rng = np.random.default_rng((self.seed, self.epoch, index))
        drawn: list[Image.Image] = []
        photos: list[Image.Image] = []
        crops_left = 0
        while True:
            if self._photos and rng.random() < self.photo_share:
                if not photos:
                    photos = [Image.fromarray(photo) for photo in self._photos]
                which = int(rng.choice(len(photos), p=self._shares))
                if rng.random() < 0.05:  # tilted, or straight again
                    photos[which] = _tilted(rng, self._photos[which])
                yield _crop(rng, photos[which], self.size, from_photo=True)
                continue
            if crops_left == 0:
                image = Image.fromarray(draw_image(rng, self._canvas, self._photos))
                drawn = [*drawn, image][-self._POOL :]
                # The pool fills quickly at first, so that a short training is varied, too.
                crops_left = self._CROPS_PER_DRAWING if len(drawn) == self._POOL else 4
            crops_left -= 1
            yield _crop(rng, drawn[rng.integers(len(drawn))], self.size)

    def fixed_images(self, count: int, size: int) -> Tensor:
        """Return images to watch a training by: the same at every call, whatever the seed.

        The first half are whole photographs, cropped square, the others drawn ones that no
        training stream draws.

        Returns:
            (count, 3, size, size), in [0, 1].
        """
        rng = np.random.default_rng(_FIXED)
        photos = [Image.fromarray(photo) for photo in self._photos[: (count + 1) // 2]]
        images = [_square(photo) for photo in photos]
        while len(images) < count:
            images.append(Image.fromarray(draw_image(rng, max(2 * size, 256), self._photos)))
        resized = [p.resize((size, size), Image.Resampling.BOX) for p in images]
        return torch.stack([_to_tensor(np.asarray(p)) for p in resized])


def _crop(
    rng: np.random.Generator, image: Image.Image, size: int, *, from_photo: bool = False
) -> Tensor:
    """Cut a random part, flip it and change its colors; (3, size, size), uint8."""
    short = min(image.size)
    least = min(max(0.35 * short, size), short)
    side = float(np.exp(rng.uniform(np.log(least), np.log(short))))
    proportion = float(np.exp(rng.uniform(-0.15, 0.15)))
    width, height = min(side * proportion, image.width), min(side / proportion, image.height)
    left, top = rng.uniform(0, image.width - width), rng.uniform(0, image.height - height)
    box = (left, top, left + width, top + height)
    pixels = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    if not from_photo and rng.random() < 0.4:  # drawings have no up and down
        pixels = np.rot90(pixels, int(rng.integers(1, 4)))
    # Exposure, contrast and gamma are one table a channel; hue and saturation one matrix.
    variety = 1.5 if from_photo else 1.0
    levels = np.linspace(0.0, 1.0, 256, dtype=np.float32)[:, None]
    levels = levels ** np.exp(rng.normal(0.0, 0.12 * variety))
    gains = np.exp(rng.normal(0.0, 0.05 * variety, 3) + rng.normal(0.0, 0.08 * variety))
    contrast = np.exp(rng.normal(0.0, 0.12 * variety))
    table = (((levels - 0.45) * contrast + 0.45) * gains).astype(np.float32)
    values = np.stack([table[:, k][pixels[..., k]] for k in range(3)])
    values = np.tensordot(_color_change(rng, variety), values, axes=1)
    return to_bytes(torch.from_numpy(values))


def _color_change(rng: np.random.Generator, variety: float) -> NDArray[np.float32]:
    """Return a (3, 3) matrix that keeps gray gray, turns hue and scales saturation."""
    turn = rng.normal(0.0, 0.15 * variety)
    cos, sin = np.cos(turn), np.sin(turn) / 3.0**0.5
    third = (1.0 - cos) / 3.0
    hue = np.full((3, 3), third) + np.eye(3) * cos
    hue += np.array(((0, -sin, sin), (sin, 0, -sin), (-sin, sin, 0)))
    saturation = 0.0 if rng.random() < 0.03 else np.exp(rng.normal(-0.1, 0.2) * variety)
    gray = np.broadcast_to(_GRAY, (3, 3))
    change = (saturation * np.eye(3) + (1.0 - saturation) * gray) @ hue
    return change.astype(np.float32)  # type: ignore[no-any-return]


def _tilted(rng: np.random.Generator, photo: NDArray[np.uint8]) -> Image.Image:
    """Rotate a photograph a little and cut away the corners that this leaves empty."""
    angle = float(np.clip(rng.normal(0.0, 7.0), -20.0, 20.0))
    image = Image.fromarray(photo).rotate(angle, Image.Resampling.BILINEAR)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(abs(angle)))
    keep = 1.0 / (cos + sin * max(image.size) / min(image.size))
    width, height = int(image.width * keep), int(image.height * keep)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _to_tensor(image: NDArray[np.uint8]) -> Tensor:
    return from_bytes(torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))))
