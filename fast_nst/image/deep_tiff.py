"""Pages of TIFF files that Pillow reads with 8 bits, wrongly, or not at all."""

from __future__ import annotations

import contextlib
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from fast_nst.errors import ImageError
from fast_nst.image.deep import DeepFile, Samples, to_16_bits, unpremultiply

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _INKS = 0, 1, 2, 5
_CHANNELS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _INKS: 4}
_ASSOCIATED, _UNASSOCIATED = 1, 2
_SEPARATE = 2


def read_page(file: BinaryIO, index: int = 0) -> Samples:
    """Decode one page of a TIFF.

    Raises:
        ImageError: If its colors are of a kind that is not read, or of unknown range.
        Exception: Whatever tifffile raises for a damaged file.
    """
    import tifffile

    file.seek(0)  # tifffile takes the present position for the file's beginning
    with tifffile.TiffFile(file) as opened:
        page: Any = opened.pages[index]
        count = _CHANNELS.get(int(page.photometric))
        if count is None:
            raise ImageError(
                f"its pixels are {page.photometric.name.lower()} with {page.bitspersample} bits, "
                "which is not read. Save it as RGB."
            )
        values = page.asarray()
        extra = tuple(int(each) for each in page.extrasamples or ())
        separate = int(page.planarconfig) == _SEPARATE
        kind, photometric, bits = page.sampleformat, int(page.photometric), page.bitspersample
    values = _channels_last(values, separate)
    if values.shape[2] < count:
        raise ImageError("it has fewer channels than its kind needs. Save it as RGB.")
    if photometric == _INKS and values.dtype.kind == "f":
        raise ImageError("its inks are floating point, which is not read. Save it as RGB.")
    is_float = int(kind) == 3
    unsigned = values.dtype.kind == "u" and values.dtype.itemsize <= 2
    scaled = to_16_bits(values, bits if unsigned else None)
    color, alpha = scaled[..., :count], None
    if photometric == _WHITE_IS_ZERO:
        color = np.uint16(65535) - color
    if values.shape[2] > count and extra and extra[0] in (_ASSOCIATED, _UNASSOCIATED):
        alpha = scaled[..., count]
        if extra[0] == _ASSOCIATED:
            color = unpremultiply(color, alpha)
    return Samples(color, alpha, 32 if is_float else min(16, int(bits)))


def open_tiff(file: BinaryIO) -> DeepFile | None:
    """Open a TIFF that Pillow does not know; None if tifffile does not know it either."""
    import tifffile

    file.seek(0)
    try:
        with tifffile.TiffFile(file) as opened:
            page: Any = opened.pages[0]
            size = (page.imagewidth, page.imagelength)
            count = len(opened.pages)
            profile = page.tags.get(34675)
    except (tifffile.TiffFileError, IndexError):
        return None
    info = {"icc_profile": profile.value} if profile else {}
    exif = Image.Exif()
    with contextlib.suppress(Exception):  # damaged metadata is no reason to refuse the image
        file.seek(0)
        exif.load_from_fp(file)
    notes = (f"has {count} pages of a kind of which only the first is read",) if count > 1 else ()
    return DeepFile("TIFF", size, lambda: read_page(file), info, lambda: notes, exif)


def _channels_last(values: npt.NDArray[Any], separate: bool) -> npt.NDArray[Any]:
    if values.ndim == 2:
        return values[..., None]
    if values.ndim != 3:
        raise ImageError("it is a volume, not an image. Save its slices as pages.")
    return values.transpose(1, 2, 0) if separate else values
