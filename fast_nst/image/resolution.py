"""Resolution of a picture on paper: dots per inch, read from a file and written to another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from PIL import ExifTags, Image

_TIFF_NO_UNIT, _INCH, _CENTIMETER = 1, 2, 3
_JFIF_UNITS = (1, 2)  # per inch, per centimeter
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that make columns of rows

Resolution = tuple[float, float]


def read_resolution(image: Image.Image) -> Resolution | None:
    """Dots per inch along the rows and the columns of an opened image, as a viewer shows it.

    Returns:
        None where the file states none, or one without a unit, which says no more than the shape
        of its pixels.
    """
    try:
        tags: Mapping[int, Any] = image.getexif()
    except Exception:  # for damaged bytes, Pillow raises errors of many types
        tags = {}
    stated = _of_tags(tags)
    if image.format != "TIFF":  # Pillow says 1 dpi of a TIFF that states none
        # A JPEG, PNG or BMP says it in its own header; Pillow makes up 72 dpi for a JPEG with EXIF
        # and neither header nor tags.
        own = image.info.get("dpi")
        is_jpeg = image.format in ("JPEG", "MPO")
        made_up = is_jpeg and image.info.get("jfif_unit") not in _JFIF_UNITS
        stated = _checked(own) if own and not made_up else stated
    if stated and tags.get(ExifTags.Base.Orientation) in _SIDEWAYS:
        return stated[::-1]
    return stated


def resolution_tags(resolution: Resolution) -> dict[int, Any]:
    """The same as tags of EXIF."""
    across, down = (Fraction(each).limit_denominator(10_000) for each in resolution)
    return {
        ExifTags.Base.XResolution.value: across,
        ExifTags.Base.YResolution.value: down,
        ExifTags.Base.ResolutionUnit.value: _INCH,
    }


def _of_tags(tags: Mapping[int, Any]) -> Resolution | None:
    unit = tags.get(ExifTags.Base.ResolutionUnit, _INCH)
    if unit not in (_INCH, _CENTIMETER):
        return None
    across, down = (tags.get(tag) for tag in (ExifTags.Base.XResolution, ExifTags.Base.YResolution))
    found = _checked((across, down if down is not None else across))
    factor = 2.54 if unit == _CENTIMETER else 1.0
    return found and (found[0] * factor, found[1] * factor)


def _checked(stated: Any) -> Resolution | None:
    try:
        across, down = (float(each) for each in stated)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    fine = all(math.isfinite(each) and 0 < each < 1e6 for each in (across, down))
    return (across, down) if fine else None
