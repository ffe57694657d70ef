"""Metadata of image files, EXIF, XMP and resolution: the part that a stylized image keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from PIL import ExifTags, Image

from fast_nst.image.resolution import Resolution, read_resolution, resolution_tags

# Tags that are also true of a stylized image, and that do not make private data public. All others
# are dropped, among them orientation (already applied), thumbnails (they show the original), the
# GPS position, serial numbers and maker notes.
_KEPT = ("ImageDescription", "Make", "Model", "DateTime", "Artist", "Copyright")
_KEPT_OF_WINDOWS = ("XPTitle", "XPComment", "XPAuthor", "XPKeywords", "XPSubject")
_KEPT_OF_CAMERA = (
    *("ExposureTime", "FNumber", "ISOSpeedRatings", "FocalLength", "FocalLengthIn35mmFilm"),
    *("DateTimeOriginal", "OffsetTimeOriginal", "SubsecTimeOriginal", "OffsetTime", "SubsecTime"),
    *("DateTimeDigitized", "OffsetTimeDigitized", "SubsecTimeDigitized", "LensMake", "LensModel"),
)
_FROM_PNG_TEXT = {"Author": "Artist", "Copyright": "Copyright", "Description": "ImageDescription"}

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_XMP_NAMESPACES = (
    _DC,
    "{http://ns.adobe.com/xap/1.0/rights/}",
    "{http://ns.useplus.org/ldf/xmp/1.0/}",
    "{http://creativecommons.org/ns#}",
)
_XMP_PROPERTIES = {
    "{http://ns.adobe.com/xap/1.0/}CreateDate",
    "{http://ns.adobe.com/xap/1.0/}Rating",
    "{http://ns.adobe.com/photoshop/1.0/}DateCreated",
    "{http://ns.adobe.com/photoshop/1.0/}Headline",
    "{http://ns.adobe.com/photoshop/1.0/}Credit",
    "{http://ns.adobe.com/photoshop/1.0/}Source",
}
_MAX_BYTES = 60_000  # bytes: what fits into one segment of a JPEG file


@dataclass(frozen=True)
class Metadata:
    """EXIF with its header, and XMP; each small enough for a JPEG, and empty if there is none.

    Attributes:
        exif: without the resolution.
        xmp: a packet.
        dpi: dots per inch along rows and columns; None if it is unknown.
    """

    exif: bytes = b""
    xmp: bytes = b""
    dpi: Resolution | None = None


def read_metadata(image: Image.Image) -> Metadata | None:
    """Read the metadata of an opened image that are also true of a stylized one.

    Kept are author, copyright, descriptions, dates, camera, lens, exposure and the resolution on
    paper. Damaged parts are skipped: metadata is no reason to refuse an image.

    Returns:
        The metadata, or None if there are none to keep.
    """
    exif, xmp = _pick_exif(image), _pick_xmp(image.info.get("xmp"))
    kept = Metadata(
        exif if len(exif) <= _MAX_BYTES else b"",
        xmp if len(xmp) <= _MAX_BYTES else b"",
        read_resolution(image),
    )
    return None if kept == Metadata() else kept


def exif_with_resolution(metadata: Metadata) -> bytes:
    """EXIF for formats that have no other place for the resolution; empty if there is nothing."""
    if metadata.dpi is None:
        return metadata.exif
    exif = Image.Exif()
    if metadata.exif:
        exif.load(metadata.exif)
    for tag, value in exif.items():
        exif[tag] = _to_bytes(value)
    if camera := exif.get_ifd(ExifTags.IFD.Exif):
        exif[ExifTags.IFD.Exif] = {tag: _to_bytes(value) for tag, value in camera.items()}
    for tag, value in resolution_tags(metadata.dpi).items():
        exif[tag] = value
    return exif.tobytes()


def tiff_exif(metadata: Metadata) -> Image.Exif:
    """The tags of a TIFF file: XMP is one of them, and the camera's settings are left out."""
    exif = Image.Exif()
    if metadata.exif:
        exif.load(metadata.exif)
        exif.pop(ExifTags.IFD.Exif, None)  # Pillow cannot write these to a compressed file
        for tag, value in exif.items():
            exif[tag] = _to_bytes(value)
    if metadata.xmp:
        exif[700] = metadata.xmp
    return exif


def _pick_exif(image: Image.Image) -> bytes:
    picked = Image.Exif()
    try:
        found = image.getexif()
        camera = found.get_ifd(ExifTags.IFD.Exif)
    except Exception:  # for damaged bytes, Pillow raises errors of many types
        found, camera = Image.Exif(), {}
    top = _pick(found, (*_KEPT, *_KEPT_OF_WINDOWS))
    for name, tag in _FROM_PNG_TEXT.items():
        if isinstance(text := image.info.get(name), str):
            top.setdefault(ExifTags.Base[tag].value, text.encode())
    for number, value in top.items():
        picked[number] = value
    if inner := _pick(camera, _KEPT_OF_CAMERA):
        picked[ExifTags.IFD.Exif] = inner
    return picked.tobytes() if top or inner else b""


def _pick(tags: Mapping[int, Any], names: tuple[str, ...]) -> dict[int, Any]:
    """Copy the tags with these names, except those that cannot be written."""
    picked: dict[int, Any] = {}
    for number in (ExifTags.Base[name].value for name in names):
        if number in tags:
            value = _to_bytes(tags[number])
            alone = Image.Exif()
            try:
                alone[number] = value
                alone.tobytes()
            except Exception:  # for a damaged value, too
                # Skipped without a warning: the image and its other tags do not need it.
                continue
            picked[number] = value
    return picked


def _to_bytes(value: object) -> object:
    """Undo Pillow's decoding: it reads Latin-1 and writes ASCII, but most programs use UTF-8."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("latin-1", "replace")
    return value


def _pick_xmp(packet: object) -> bytes:
    if isinstance(packet, str):
        packet = packet.encode()
    # XMP has no document type declaration, which could define entities that expand without limit.
    if not isinstance(packet, bytes) or b"<!" in packet:
        return b""
    try:
        root = ElementTree.fromstring(packet.strip(b"\0 \t\r\n"))
    except (ElementTree.ParseError, ValueError, LookupError):
        return b""
    kept = ElementTree.Element(f"{_RDF}Description", {f"{_RDF}about": ""})
    for description in root.iter(f"{_RDF}Description"):
        for name, value in description.attrib.items():
            if _is_kept(name):
                kept.set(name, value)
        kept.extend(child for child in description if _is_kept(child.tag))
    if len(kept) == 0 and len(kept.attrib) == 1:
        return b""
    rdf = ElementTree.Element(f"{_RDF}RDF")
    rdf.append(kept)
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        + ElementTree.tostring(rdf)
        + b'</x:xmpmeta><?xpacket end="w"?>'
    )


def _is_kept(name: str) -> bool:
    return name in _XMP_PROPERTIES or (name.startswith(_XMP_NAMESPACES) and name != f"{_DC}format")
