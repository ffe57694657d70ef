"""Add EXIF and XMP to an AVIF file: boxes of ISO/IEC 14496-12 and 23008-12.

The encoder for more than 8 bits writes none, and no library of those at hand adds them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_XMP_TYPE = b"application/rdf+xml\0"


def add_metadata(avif: bytes, exif: bytes, xmp: bytes) -> bytes:
    """Add metadata to an AVIF that has none.

    Args:
        avif: as libavif writes it: the boxes ``ftyp``, ``meta``, ``mdat``, in this order.
        exif: with its header; empty for none.
        xmp: a packet; empty for none.

    Raises:
        ValueError: If the file is built in another way.
    """
    items: list[tuple[bytes, bytes]] = []
    if exif:
        tiff = exif.removeprefix(b"Exif\0\0")
        items.append((b"Exif\0", struct.pack(">I", 0) + tiff))
    if xmp:
        items.append((b"mime\0" + _XMP_TYPE, xmp))
    if not items:
        return avif
    boxes = list(_boxes(avif, 0, len(avif)))
    meta = next((box for box in boxes if box[0] == b"meta"), None)
    if meta is None or boxes[-1][0] != b"mdat" or boxes[-1][1] < meta[2]:
        raise ValueError("an AVIF of an unknown structure")
    _, begin, end = meta
    children = {name: avif[at:to] for name, at, to in _boxes(avif, begin + 12, end)}
    infos, places = _add_infos(children[b"iinf"], items)
    children[b"iinf"] = infos
    primary = struct.unpack(">H", children[b"pitm"][12:14])[0]
    children[b"iref"] = _add_references(children.get(b"iref", b""), places, primary)
    # The places of all data move by as much as the box grows, which its new size tells.
    children[b"iloc"] = _add_places(children[b"iloc"], [(n, 0, 0) for n in places], 0)
    grown = sum(map(len, children.values())) + 12 - (end - begin)
    at = len(avif) + grown + 8
    stored = []
    for number, (_, content) in zip(places, items, strict=True):
        stored.append((number, at, len(content)))
        at += len(content)
    old = next(avif[a:b] for name, a, b in _boxes(avif, begin + 12, end) if name == b"iloc")
    children[b"iloc"] = _add_places(old, stored, grown)
    inside = avif[begin + 8 : begin + 12] + b"".join(children.values())
    data = b"".join(content for _, content in items)
    return avif[:begin] + _box(b"meta", inside) + avif[end:] + _box(b"mdat", data)


def _boxes(content: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= end:
        size = int.from_bytes(content[at : at + 4])
        to = at + size if size else end
        if to <= at or to > end:
            raise ValueError("a box that is longer than its file")
        yield content[at + 4 : at + 8], at, to
        at = to


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def _add_infos(iinf: bytes, items: list[tuple[bytes, bytes]]) -> tuple[bytes, list[int]]:
    """Append an entry for each item; the numbers that they get."""
    if iinf[8] != 0:
        raise ValueError("an AVIF with a list of items of an unknown version")
    count = struct.unpack(">H", iinf[12:14])[0]
    used = [
        struct.unpack(">H", iinf[at + 12 : at + 14])[0] for _, at, _ in _boxes(iinf, 14, len(iinf))
    ]
    numbers = [max(used) + 1 + n for n in range(len(items))]
    added = b"".join(
        # Version 2, hidden; number, protection, type, an empty name, and what follows the type.
        _box(b"infe", b"\2\0\0\1" + struct.pack(">HH", number, 0) + kind)
        for number, (kind, _) in zip(numbers, items, strict=True)
    )
    content = iinf[8:12] + struct.pack(">H", count + len(items)) + iinf[14:] + added
    return _box(b"iinf", content), numbers


def _add_references(iref: bytes, numbers: list[int], primary: int) -> bytes:
    """Say that the items describe the primary image."""
    described = b"".join(
        _box(b"cdsc", struct.pack(">HHH", number, 1, primary)) for number in numbers
    )
    return _box(b"iref", (iref[8:] or b"\0\0\0\0") + described)


def _add_places(iloc: bytes, stored: list[tuple[int, int, int]], moved: int) -> bytes:
    """Append number, position and length of items, and move those that are there."""
    sizes = iloc[12:14]
    if iloc[8] != 0 or sizes[0] != 0x44 or sizes[1] >> 4 not in (0, 4):
        raise ValueError("an AVIF with places of an unknown version")
    base = sizes[1] >> 4
    count = struct.unpack(">H", iloc[14:16])[0]
    at, entries = 16, []
    for _ in range(count):
        head = iloc[at : at + 4 + base]
        extents = struct.unpack(">H", iloc[at + 4 + base : at + 6 + base])[0]
        at += 6 + base
        if any(head[4:]):
            raise ValueError("an AVIF with places of an unknown kind")
        entry = head + struct.pack(">H", extents)
        for _ in range(extents):
            offset, length = struct.unpack(">II", iloc[at : at + 8])
            entry += struct.pack(">II", offset + moved, length)
            at += 8
        entries.append(entry)
    for number, offset, length in stored:
        entries.append(
            struct.pack(">HH", number, 0) + bytes(base) + struct.pack(">HII", 1, offset, length)
        )
    return _box(b"iloc", iloc[8:14] + struct.pack(">H", len(entries)) + b"".join(entries))
