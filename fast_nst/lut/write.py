"""Write LUTs as ``.cube`` files that programs read alike."""

from __future__ import annotations

import os
import unicodedata

from fast_nst import atomic
from fast_nst.errors import LutError
from fast_nst.lut.table import UNIT, Array, Lut, sample

SAMPLED = 65  # points to a side: curves that are steep near black need more than 33
_MAX_TITLE = 100  # FFmpeg takes what follows 512 characters of a line for the next


def write_cube(path: str | os.PathLike[str], lut: Lut) -> None:
    """Write a LUT as a ``.cube`` file of Adobe and Iridas, whole or not at all.

    Its header is what OpenColorIO, colour-science and FFmpeg understand alike, and so do editors:
    the size before the domain, which FFmpeg would else drop, and the domain 0 to 1, as FFmpeg
    subtracts no minimum and knows no narrower one. A LUT with another domain, or with a shaper,
    which few programs know, is sampled at 65 points to a side, or as many as it has, from 0 to 1.

    Args:
        path: the file, ending in ``.cube``; folders are made as needed.
        lut: the LUT.

    Raises:
        LutError: If the name ends otherwise, or the file cannot be written.
        ConfigError: If it must be sampled, and OpenColorIO is not installed.

    See findings/ffmpeg_lut3d_drops_cube_domain.sh and ffmpeg_lut3d_takes_every_domain_from_zero.sh.
    """
    if not os.fspath(path).lower().endswith(".cube"):
        raise LutError(f"cannot write {path}: LUTs are written as .cube. Choose such a name.")
    table = lut.table
    if lut.shaper is not None or lut.domain != UNIT:
        table = sample(lut, max(SAMPLED, len(table)))
    try:
        atomic.write_bytes(path, _cube(table, lut.title).encode("ascii"))
    except OSError as error:
        raise LutError(
            f"cannot write {path}: {error.strerror or error}. Check the folder's permissions and "
            "the free space."
        ) from error


def _cube(table: Array, title: str) -> str:
    points = len(table)
    rows = table.transpose(2, 1, 0, 3).reshape(-1, 3)  # red changes fastest
    lines = (f"{red:.7f} {green:.7f} {blue:.7f}" for red, green, blue in (rows + 0.0).tolist())
    header = (
        f'TITLE "{_plain(title) or "fast-nst"}"',
        f"LUT_3D_SIZE {points}",
        "DOMAIN_MIN 0.0 0.0 0.0",
        "DOMAIN_MAX 1.0 1.0 1.0",
    )
    return "\n".join((*header, *lines, ""))


def _plain(title: str) -> str:
    """A title in ASCII, as programs do not agree on anything else, on one line."""
    letters = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return " ".join(letters.replace('"', "'").split())[:_MAX_TITLE]
