"""A stylized image says whose it is, and not where it was taken."""

from __future__ import annotations

import io

import pytest
from PIL import Image, PngImagePlugin

from fast_nst.image.formats import encode
from fast_nst.image.metadata import Metadata, read_metadata

ARTIST, COPYRIGHT, ORIENTATION, CAMERA, GPS, WHEN = 0x013B, 0x8298, 0x0112, 0x8769, 0x8825, 0x9003
XMP = """<?xpacket begin="" id="x"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 exif:GPSLatitude="52,31N" tiff:Orientation="6" xmp:CreateDate="2020-01-02">
<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© Ann</rdf:li></rdf:Alt></dc:rights>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>""".encode()


def photo(xmp: bytes = XMP) -> Image.Image:
    exif = Image.Exif()
    exif[ARTIST], exif[COPYRIGHT], exif[ORIENTATION] = "Ann", "© Jörg".encode(), 6
    exif[CAMERA] = {WHEN: "2020:01:02 03:04:05", 0xA431: "SERIAL-1", 0x829A: 0.01}
    exif[GPS] = {1: "N", 2: (52.0, 31.0, 0.0)}
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif, xmp=xmp)
    return Image.open(file)


def written(kind: str) -> tuple[Image.Image, bytes]:
    content = encode([Image.new("RGB", (8, 8))], kind, metadata=read_metadata(photo()))
    return Image.open(io.BytesIO(content)), content


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_author_and_copyright_are_kept_and_the_place_is_not(kind: str) -> None:
    image, content = written(kind)
    image.load()
    exif = image.getexif()
    assert exif[ARTIST] == "Ann"
    assert exif[COPYRIGHT].encode("latin-1").decode() == "© Jörg"
    assert ORIENTATION not in exif
    assert not exif.get_ifd(GPS)
    for secret in (b"SERIAL", b"GPSLatitude", b"tiff:Orientation"):
        assert secret not in content
    again = read_metadata(image)
    assert again is not None
    assert b"Ann" in again.xmp
    assert b"2020-01-02" in again.xmp


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_the_date_is_kept(kind: str) -> None:
    image, _ = written(kind)
    assert image.getexif().get_ifd(CAMERA) == {WHEN: "2020:01:02 03:04:05", 0x829A: 0.01}


def test_the_texts_of_a_png_are_understood() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "Ann")
    texts.add_text("Copyright", "CC0")
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=texts)
    metadata = read_metadata(Image.open(file))
    content = encode([Image.new("RGB", (8, 8))], "JPEG", metadata=metadata)
    exif = Image.open(io.BytesIO(content)).getexif()
    assert (exif[ARTIST], exif[COPYRIGHT]) == ("Ann", "CC0")


def test_an_image_that_says_nothing_has_no_metadata() -> None:
    assert read_metadata(Image.new("RGB", (8, 8))) is None


@pytest.mark.parametrize(
    "xmp",
    [
        b"<x:xmpmeta",
        b"",
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
        "<x/>".encode("utf-16"),
    ],
)
def test_damaged_or_hostile_xmp_is_passed_over(xmp: bytes) -> None:
    image = photo(xmp)
    metadata = read_metadata(image)
    assert metadata is not None
    assert metadata.xmp == b""
    assert metadata.exif


def test_damaged_exif_is_passed_over() -> None:
    image = photo()
    image.info["exif"] = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x13" * 40
    metadata = read_metadata(Image.open(io.BytesIO(encode([image], "PNG"))))
    assert metadata is None


def test_metadata_too_long_for_a_jpeg_are_left_out() -> None:
    image = photo(XMP.replace(b"Ann", b"A" * 60_000))
    metadata = read_metadata(image)
    assert metadata is not None
    assert metadata.xmp == b""
    encode([Image.new("RGB", (8, 8))], "JPEG", metadata=metadata)


@pytest.mark.parametrize("kind", ["GIF", "BMP"])
def test_formats_without_metadata_are_written_all_the_same(kind: str) -> None:
    image, _ = written(kind)
    assert read_metadata(image) is None


def test_nothing_is_written_of_nothing() -> None:
    assert encode([Image.new("RGB", (8, 8))], "JPEG", metadata=Metadata()) == encode(
        [Image.new("RGB", (8, 8))], "JPEG"
    )
