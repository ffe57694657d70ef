"""Makes image files of awkward kinds, each with the values that are right for it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image, ImageCms

Values = npt.NDArray[np.float64]

HEIGHT, WIDTH = 40, 56
TOP = 65535


@dataclass(frozen=True)
class Right:
    """What is right for a file.

    Attributes:
        pages: (H, W, 3 or 4) in [0, 1], sRGB and opacity; one, or several.
        result: ending of the file to write.
        bits: per channel, of the result.
        steps: how far values may be off, in steps of 1/65535.
        dpi: of the result.
        notes: what standard error says, in parts.
    """

    pages: tuple[Values, ...]
    result: str = ".png"
    bits: int = 16
    steps: float = 1.0
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def picture(seed: int = 0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> npt.NDArray[np.uint16]:
    """(H, W, 3): smooth, with noise in the bits that 8 do not hold, and both ends of the range."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    slopes = (columns / (size[1] - 1), rows / (size[0] - 1), 1 - columns / (size[1] - 1))
    smooth = np.stack(slopes, axis=2) * TOP
    noise = np.random.default_rng(seed).integers(-300, 300, smooth.shape)
    values = (smooth + noise).clip(0, TOP).round().astype(np.uint16)
    values[0, 0], values[-1, -1] = 0, TOP
    return values


def opacity() -> npt.NDArray[np.uint16]:
    """(H, W): opaque on the left, half in the middle, clear on the right."""
    alpha = np.full((HEIGHT, WIDTH), TOP, np.uint16)
    alpha[:, WIDTH // 3 :] = 32001
    alpha[:, 2 * WIDTH // 3 :] = 0
    return alpha


def _of(values: npt.NDArray[Any], alpha: npt.NDArray[Any] | None = None) -> Values:
    values = values if values.ndim == 3 else values[..., None]
    color = np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values
    planes = color if alpha is None else np.concatenate([color, alpha[..., None]], axis=2)
    return planes.astype(np.float64) / (255 if values.dtype == np.uint8 else TOP)


def _eight(values: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    return (values / 257).round().astype(np.uint8)


def _chunk(name: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def _png(file: Path, values: npt.NDArray[Any], *chunks: bytes) -> None:
    encoded = bytes(imagecodecs.png_encode(np.ascontiguousarray(values)))
    file.write_bytes(encoded[:33] + b"".join(chunks) + encoded[33:])


def _tiff(file: Path, values: npt.NDArray[Any], **options: Any) -> None:
    tifffile.imwrite(file, values, metadata=None, **options)


def white_is_zero_16(file: Path) -> Right:
    gray = picture()[..., 0]
    _tiff(file, np.uint16(TOP) - gray, photometric="miniswhite")
    return Right((_of(gray),), ".tif")


def white_is_zero_16_big_endian(file: Path) -> Right:
    gray = picture()[..., 0]
    _tiff(file, np.uint16(TOP) - gray, photometric="miniswhite", byteorder=">")
    return Right((_of(gray),))


def white_is_zero_8(file: Path) -> Right:
    gray = _eight(picture()[..., 0])
    _tiff(file, 255 - gray, photometric="miniswhite")
    return Right((_of(gray),), bits=8)


def rgb_16(file: Path) -> Right:
    _png(file, picture())
    return Right((_of(picture()),))


def rgba_16(file: Path) -> Right:
    _png(file, np.dstack([picture(), opacity()]))
    return Right((_of(picture(), opacity()),))


def gray_16(file: Path) -> Right:
    gray = picture()[..., 0]
    _png(file, gray)
    return Right((_of(gray),), ".tif")


def gray_alpha_16(file: Path) -> Right:
    gray = picture()[..., 0]
    _png(file, np.dstack([gray, opacity()]))
    return Right((_of(gray, opacity()),), ".tif")


def one_clear_color_16(file: Path) -> Right:
    values = picture()
    values[10:20, 10:20] = (1000, 2001, 3002)
    _png(file, values, _chunk(b"tRNS", struct.pack(">3H", 1000, 2001, 3002)))
    alpha = np.full((HEIGHT, WIDTH), TOP, np.uint16)
    alpha[10:20, 10:20] = 0
    return Right((_of(values, alpha),))


def lzw_16(file: Path) -> Right:
    _tiff(file, picture(), photometric="rgb", compression="lzw", predictor=True)
    return Right((_of(picture()),), ".tif")


def planes_16(file: Path) -> Right:
    planes = np.ascontiguousarray(picture().transpose(2, 0, 1))
    _tiff(file, planes, photometric="rgb", planarconfig="separate", compression="zlib")
    return Right((_of(picture()),), ".tif")


def tiles_16(file: Path) -> Right:
    _tiff(file, picture(), photometric="rgb", tile=(16, 16), byteorder=">")
    return Right((_of(picture()),), ".tif")


def premultiplied_16(file: Path) -> Right:
    alpha = opacity()
    light = (picture() * (alpha[..., None] / TOP)).round().astype(np.uint16)
    stored = np.dstack([light, alpha])
    _tiff(file, stored, photometric="rgb", extrasamples=["assocalpha"])
    return Right((_of(picture(), alpha),), ".tif", steps=3)


def inks_16(file: Path) -> Right:
    ink = np.dstack([picture(), picture(1)[..., 0] // 2])
    _tiff(file, ink, photometric="separated")
    light = TOP - ink.astype(np.float64)
    return Right((light[..., :3] * light[..., 3:] / TOP**2,), ".tif")


def floating_point(file: Path) -> Right:
    _tiff(file, (picture() / TOP).astype(np.float32), photometric="rgb")
    return Right((_of(picture()),), ".tif")


def turned_16(file: Path) -> Right:
    tags = [(274, "H", 1, 6, True)]
    resolution = {"resolution": (300, 150), "resolutionunit": "INCH"}
    _tiff(file, picture(), photometric="rgb", extratags=tags, **resolution)
    return Right((_of(np.rot90(picture(), -1)),), ".tif", dpi=(150, 300))


def pages(file: Path) -> Right:
    small = picture(1, (24, 30))
    with tifffile.TiffWriter(file) as writer:
        for values in (_eight(picture()), small, _eight(picture(2))):
            writer.write(values, photometric="rgb", metadata=None, resolution=(200, 200))
    right = (_of(_eight(picture())), _of(small), _of(_eight(picture(2))))
    return Right(right, ".tif", bits=8)


def pages_into_one(file: Path) -> Right:
    made = pages(file)
    return Right(made.pages[:1], ".png", 8, notes=("has 3 pages, and PNG holds one",))


def smaller_copy(file: Path) -> Right:
    with tifffile.TiffWriter(file) as writer:
        writer.write(_eight(picture()), photometric="rgb", metadata=None)
        half = _eight(picture())[::2, ::2]
        writer.write(half, photometric="rgb", metadata=None, subfiletype=1)
    return Right((_of(_eight(picture())),), ".tif", 8)


def bmp_of_300_dpi(file: Path) -> Right:
    Image.fromarray(_eight(picture())).save(file, dpi=(300, 300))
    return Right((_of(_eight(picture())),), ".bmp", 8, dpi=(300, 300))


def webp_of_300_dpi(file: Path) -> Right:
    exif = Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 300.0, 2
    Image.fromarray(_eight(picture())).save(file, lossless=True, exif=exif)
    return Right((_of(_eight(picture())),), ".png", 8, dpi=(300, 300))


def jpeg_of_118_per_cm(file: Path) -> Right:
    Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90)).save(file, "JPEG", quality=100, dpi=(118, 118))
    content = bytearray(file.read_bytes())
    content[content.index(b"JFIF\0") + 7] = 2
    file.write_bytes(content)
    dpi = 118 * 2.54
    return Right((np.full((HEIGHT, WIDTH, 3), 90 / 255),), ".tif", 8, dpi=(dpi, dpi))


def jpeg_without_resolution(file: Path) -> Right:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    gray = Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90))
    gray.save(file, "JPEG", quality=100, exif=exif)
    return Right((np.full((HEIGHT, WIDTH, 3), 90 / 255),), ".tif", 8)


def avif_of_10_bits(file: Path) -> Right:
    ten = (picture() / TOP * 1023).round().astype(np.uint16)
    file.write_bytes(imagecodecs.avif_encode(ten, bitspersample=10, pixelformat="444"))
    return Right((ten / 1023,))


def avif_of_10_bits_into_jpeg(file: Path) -> Right:
    ten = np.full((HEIGHT, WIDTH, 3), 512, np.uint16)
    file.write_bytes(imagecodecs.avif_encode(ten, bitspersample=10, pixelformat="444"))
    said = ("has 10 bits per channel, and JPEG holds 8 bits",)
    return Right((ten / 1023,), ".jpg", 8, steps=257, notes=said)


def wide_gamut_16(file: Path) -> Right:
    """A profile whose colors are wider than those of sRGB."""
    profile = imagecodecs.cms_profile("adobergb")
    content = b"icc\0\0" + zlib.compress(profile)
    eight = _eight(picture())  # so that Pillow, which converts 8 bits, knows the right values
    _png(file, eight.astype(np.uint16) * 257, _chunk(b"iCCP", content))
    right = ImageCms.profileToProfile(
        Image.fromarray(eight),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.PERCEPTUAL,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert right is not None
    return Right((_of(np.asarray(right)),), steps=257)


def gain_map(file: Path) -> Right:
    """Ultra HDR, as far as readers tell it by: a second picture, and a word in the first's XMP."""
    base, gain = Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90)), Image.new("L", (28, 20), 128)
    word = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a hdrgm:Version="1.0"/></x:xmpmeta>'
    base.save(file, "MPO", save_all=True, append_images=[gain], xmp=word, quality=100)
    right = np.full((HEIGHT, WIDTH, 3), 90 / 255)
    return Right((right,), ".png", 8, notes=("has a gain map for HDR screens",))


def two_pictures(file: Path) -> Right:
    base, other = (Image.new("RGB", (WIDTH, HEIGHT), (level, 90, 90)) for level in (90, 120))
    base.save(file, "MPO", save_all=True, append_images=[other], quality=100)
    right = np.full((HEIGHT, WIDTH, 3), 90 / 255)
    return Right((right,), "", 8, notes=("has 2 pictures: the first was taken",))


def heic_of_10_bits(file: Path) -> Right:
    import pillow_heif

    values = np.full((HEIGHT, WIDTH, 3), TOP, np.uint16)
    values[:, : WIDTH // 2] = 0
    made = pillow_heif.from_bytes(mode="RGB;16", size=(WIDTH, HEIGHT), data=values.tobytes())
    made.save(file, quality=-1, chroma=444)
    return Right((_of(values),))


def jxl_of_16_bits(file: Path) -> Right:
    """It is labelled as linear light, so that its values are not those of sRGB."""
    encoded = picture() / TOP
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    stored = (light * TOP).round().astype(np.uint16)
    file.write_bytes(imagecodecs.jpegxl_encode(stored, lossless=True))
    return Right((encoded,), steps=450)  # 16 bits of light are coarse near black


def _pq(light: float) -> float:
    """What PQ makes of light, of which paper white, 203 nits, is 1."""
    power = (light * 203 / 10_000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


_DIM, _DIM_IN_SRGB = 0.18, 1.055 * 0.18 ** (1 / 2.4) - 0.055


def _hdr_right(steps: float) -> Right:
    """Gray of 18 % on the left; on the right, light of 4 times white: 1.0 after the shoulder."""
    values = np.full((HEIGHT, WIDTH, 3), _DIM_IN_SRGB)
    values[:, WIDTH // 2 :] = 1.0
    return Right((values,), steps=steps, notes=("is HDR (PQ): its highlights above white",))


def avif_of_pq(file: Path) -> Right:
    ten = np.full((HEIGHT, WIDTH, 3), round(_pq(_DIM) * 1023), np.uint16)
    ten[:, WIDTH // 2 :] = round(_pq(4) * 1023)
    code = {"primaries": 9, "transfer": 16, "matrix": 9}
    file.write_bytes(
        imagecodecs.avif_encode(ten, bitspersample=10, pixelformat="444", level=95, **code)
    )
    return _hdr_right(800)


def avif_of_display_p3(file: Path) -> Right:
    """Gray, which every RGB agrees on, and a red that sRGB has as (1, 0.2, 0.2)."""
    light = np.array((1, 0.0331047, 0.0331047))  # of 1, 0.2 and 0.2
    to_p3 = np.array(
        ((0.822462, 0.177538, 0), (0.033194, 0.966806, 0), (0.017083, 0.072397, 0.91052))
    )
    wide = np.full((HEIGHT, WIDTH, 3), 0.5)
    wide[:, WIDTH // 2 :] = 1.055 * (to_p3 @ light) ** (1 / 2.4) - 0.055
    code = {"primaries": 12, "transfer": 13, "matrix": 1}
    ten = (wide * 1023).round().astype(np.uint16)
    encoded = imagecodecs.avif_encode(ten, bitspersample=10, pixelformat="444", level=98, **code)
    file.write_bytes(encoded)
    right = np.full((HEIGHT, WIDTH, 3), 0.5)
    right[:, WIDTH // 2 :] = (1, 0.2, 0.2)
    return Right((right,), steps=800)


def png_of_pq(file: Path) -> Right:
    values = np.full((HEIGHT, WIDTH, 3), round(_pq(_DIM) * TOP), np.uint16)
    values[:, WIDTH // 2 :] = round(_pq(4) * TOP)
    _png(file, values, _chunk(b"cICP", bytes([9, 16, 0, 1])))
    return _hdr_right(20)


def light_above_white(file: Path) -> Right:
    import OpenEXR

    light = np.full((HEIGHT, WIDTH, 3), _DIM, np.float16)
    light[:, WIDTH // 2 :] = 4
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": light}).write(str(file))
    right = _hdr_right(40)
    return Right(right.pages, steps=40, notes=("holds light up to 4: its highlights",))


def linear_light(file: Path) -> Right:
    import OpenEXR

    encoded = picture() / TOP
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    alpha = opacity()[..., None] / TOP
    channels = {"RGBA": np.concatenate([light * alpha, alpha], axis=2).astype(np.float32)}
    OpenEXR.File({"type": OpenEXR.scanlineimage}, channels).write(str(file))
    return Right((_of(picture(), opacity()),))


def raw_of_a_camera(file: Path) -> Right:
    """A gray wall under a sensor with equal filters, which LibRaw brightens."""
    sensor = np.full((HEIGHT, WIDTH), 4000, np.uint16)
    matrix = (32405, -15371, -4985, -9693, 18760, 416, 556, -2040, 10572)  # of sRGB, in 1/10000
    tags = [
        (50706, "B", 4, bytes([1, 4, 0, 0]), True),
        (50708, "s", 0, "Test Camera", True),
        (271, "s", 0, "Test", True),
        (272, "s", 0, "Camera", True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, bytes([0, 1, 1, 2]), True),
        (50714, "H", 1, 0, True),
        (50717, "H", 1, 4000, True),
        (50721, "2i", 9, tuple(each for n in matrix for each in (n, 10_000)), True),
        (50728, "2I", 3, (1, 1, 1, 1, 1, 1), True),
        (50778, "H", 1, 21, True),
    ]
    tifffile.imwrite(file, sensor, photometric=32803, metadata=None, extratags=tags)
    return Right((np.ones((HEIGHT, WIDTH, 3)),), steps=3000)


def animation_of_16_bits(file: Path) -> Right:
    frames = np.stack([picture(), picture(1)])
    file.write_bytes(imagecodecs.apng_encode(frames, delay=100))
    right = (_of(picture()), _of(picture(1)))
    said = ("is animated: frames have 8 bits per channel, not 16",)
    return Right(right, bits=8, steps=257, notes=said)


# name of the file: what makes it
MAKERS: Mapping[str, Callable[[Path], Right]] = {
    "white_is_zero_16.tif": white_is_zero_16,
    "white_is_zero_16_be.tif": white_is_zero_16_big_endian,
    "white_is_zero_8.tif": white_is_zero_8,
    "rgb_16.png": rgb_16,
    "rgba_16.png": rgba_16,
    "gray_16.png": gray_16,
    "gray_alpha_16.png": gray_alpha_16,
    "one_clear_color_16.png": one_clear_color_16,
    "lzw_16.tif": lzw_16,
    "planes_16.tif": planes_16,
    "tiles_16.tif": tiles_16,
    "premultiplied_16.tif": premultiplied_16,
    "inks_16.tif": inks_16,
    "floating_point.tif": floating_point,
    "turned_16.tif": turned_16,
    "pages.tif": pages,
    "pages_into_one.tif": pages_into_one,
    "smaller_copy.tif": smaller_copy,
    "dpi300.bmp": bmp_of_300_dpi,
    "dpi300.webp": webp_of_300_dpi,
    "per_cm.jpe": jpeg_of_118_per_cm,
    "no_resolution.jfif": jpeg_without_resolution,
    "ten_bits.avif": avif_of_10_bits,
    "ten_bits_into_jpeg.avif": avif_of_10_bits_into_jpeg,
    "wide_gamut_16.png": wide_gamut_16,
    "gain_map.jpg": gain_map,
    "two_pictures.mpo": two_pictures,
    "ten_bits.HEIC": heic_of_10_bits,
    "deep.jxl": jxl_of_16_bits,
    "pq.avif": avif_of_pq,
    "pq.png": png_of_pq,
    "display_p3.avif": avif_of_display_p3,
    "linear_light.exr": linear_light,
    "above_white.exr": light_above_white,
    "camera.dng": raw_of_a_camera,
    "animated_16.png": animation_of_16_bits,
}
NEEDS = {".heic": "pillow_heif", ".jxl": "pillow_jxl", ".exr": "OpenEXR", ".dng": "rawpy"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every test that takes a ``picture`` each of the files."""
    if "picture_name" in metafunc.fixturenames:
        metafunc.parametrize("picture_name", MAKERS)


@pytest.fixture
def picture_file(tmp_path: Path, picture_name: str) -> tuple[Path, Right]:
    """One of the files, and what is right for it."""
    file = tmp_path / "in" / picture_name
    file.parent.mkdir()
    if needed := NEEDS.get(file.suffix.lower()):
        pytest.importorskip(needed)
    return file, MAKERS[picture_name](file)


@pytest.fixture
def make_picture(tmp_path: Path) -> Callable[[str], tuple[Path, Right]]:
    """A function that makes the file of a name."""

    def make(name: str) -> tuple[Path, Right]:
        return tmp_path / name, MAKERS[name](tmp_path / name)

    return make
