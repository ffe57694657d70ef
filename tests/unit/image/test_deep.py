"""Pixels of more than 8 bits: depths, metadata that is added, turns, and resolution."""

from __future__ import annotations

import io
from contextlib import closing

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from fast_nst.errors import ImageError
from fast_nst.image.deep import Samples, to_16_bits, turned, unpremultiply
from fast_nst.image.deep_read import read_samples
from fast_nst.image.deep_write import TiffPages, save_deep, to_top
from fast_nst.image.depths import choose_depth, lost_depth
from fast_nst.image.isobmff import add_metadata
from fast_nst.image.metadata import Metadata, read_metadata
from fast_nst.image.resolution import read_resolution


@pytest.mark.parametrize(
    ("kind", "source", "asked", "chosen"),
    [
        ("PNG", 8, None, 8),
        ("PNG", 10, None, 16),
        ("PNG", 32, None, 16),
        ("PNG", 16, 8, 8),
        ("TIFF", 8, 10, 16),
        ("AVIF", 10, None, 10),
        ("AVIF", 12, None, 12),
        ("AVIF", 16, None, 10),
        ("AVIF", 8, 10, 10),
        ("JPEG", 16, None, 8),
        ("EXR", 8, None, 32),
        ("EXR", 8, 16, 16),
    ],
)
def test_a_result_has_the_fewest_bits_that_hold_what_is_wanted(
    kind: str, source: int, asked: int | None, chosen: int
) -> None:
    assert choose_depth(kind, source, asked) == chosen


@pytest.mark.parametrize(("kind", "asked"), [("JPEG", 10), ("GIF", 16), ("AVIF", 16)])
def test_more_bits_than_a_format_holds_are_refused(kind: str, asked: int) -> None:
    with pytest.raises(ImageError, match=f"{kind} holds .* and {asked} are asked for"):
        choose_depth(kind, 8, asked)


def test_bits_are_lost_only_where_nobody_asked_for_fewer() -> None:
    assert lost_depth("JPEG", 16, None) == "has 16 bits per channel, and JPEG holds 8 bits"
    assert lost_depth("AVIF", 32, None) == "has floating point, and AVIF holds 10 bits"
    assert not lost_depth("PNG", 16, 8)
    assert not lost_depth("PNG", 32, None)
    assert not lost_depth("EXR", 16, None)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("exif", [False, True])
def test_metadata_are_added_to_an_avif_and_its_pixels_stay(alpha: bool, exif: bool) -> None:
    values = np.random.default_rng(0).integers(0, 1024, (20, 30, 4 if alpha else 3))
    bare = bytes(imagecodecs.avif_encode(values.astype(np.uint16), bitspersample=10))
    tags = Image.Exif()
    tags[0x013B] = "Ann"
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    full = add_metadata(bare, tags.tobytes() if exif else b"", packet)
    np.testing.assert_array_equal(imagecodecs.avif_decode(full), imagecodecs.avif_decode(bare))
    with Image.open(io.BytesIO(full)) as image:
        assert image.info["xmp"] == packet
        assert image.getexif().get(0x013B) == ("Ann" if exif else None)


def test_an_avif_without_metadata_stays_as_it_is() -> None:
    assert add_metadata(b"anything", b"", b"") == b"anything"


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "AVIF"])
def test_deep_files_have_author_and_resolution(kind: str) -> None:
    tags = Image.Exif()
    tags[0x013B] = "Ann"
    metadata = Metadata(tags.tobytes(), dpi=(300.0, 150.0))
    file = io.BytesIO()
    save_deep(
        np.zeros((8, 8, 3), np.uint16), kind, 10 if kind == "AVIF" else 16, file, metadata=metadata
    )
    with Image.open(file) as image:
        found = read_metadata(image)
    assert found is not None
    assert b"Ann" in found.exif
    assert found.dpi == pytest.approx((300, 150), rel=1e-3)


def test_pages_may_differ_in_size_and_depth() -> None:
    file = io.BytesIO()
    with closing(TiffPages(file)) as pages:
        pages.add(np.full((4, 6, 3), 7, np.uint8), Metadata(dpi=(100.0, 100.0)))
        pages.add(np.full((5, 3, 4), 0.5, np.float32))
    with Image.open(file) as image:
        assert (image.size, read_resolution(image)) == ((6, 4), (100, 100))
        image.seek(1)
        assert (image.size, read_resolution(image)) == ((3, 5), None)
        samples = read_samples(image)
    assert samples is not None
    assert samples.depth == 16
    assert samples.alpha is not None
    assert (samples.color == 32768).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_pixels_are_turned_as_pillow_turns_those_of_8_bits(orientation: int) -> None:
    values = np.arange(2 * 3 * 3, dtype=np.uint16).reshape(2, 3, 3)
    upright = turned(Samples(values, values[..., 0], 16), orientation)
    file, tags = io.BytesIO(), Image.Exif()
    tags[0x0112] = orientation
    Image.fromarray(values.astype(np.uint8)).save(file, "PNG", exif=tags)
    from fast_nst.image.pixels import read_pixels

    right = np.asarray(read_pixels(Image.open(file)).color)
    np.testing.assert_array_equal(upright.color, right)
    assert upright.alpha is not None
    np.testing.assert_array_equal(upright.alpha, right[..., 0])


def test_every_depth_scales_to_the_whole_range() -> None:
    for depth in (10, 12, 16):
        scaled = to_16_bits(np.array([[0, 2**depth - 1]], np.uint16), depth)
        assert scaled.tolist() == [[0, 65535]]
        back = to_top(scaled[..., None], 2**depth - 1)
        assert back[..., 0].tolist() == [[0, 2**depth - 1]]
    assert to_16_bits(np.array([[0, 255]], np.uint8)).tolist() == [[0, 65535]]


def test_premultiplied_colors_are_divided_and_hidden_ones_black() -> None:
    color = np.array([[[100], [100], [100]]], np.uint16)
    alpha = np.array([[65535, 32768, 0]], np.uint16)
    assert unpremultiply(color, alpha)[0, :, 0].tolist() == [100, 200, 0]
