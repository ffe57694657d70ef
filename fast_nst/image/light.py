"""Linear light and the curves of ITU-R BT.2100 (PQ, HLG), as colors that a usual screen shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

WHITE_NITS = 203  # of paper in a scene that is graded for HDR: ITU-R BT.2408
HLG_PEAK_NITS, HLG_GAMMA = 1000, 1.2  # of the screen that HLG is graded for: BT.2100
SHOULDER = 0.8  # light above which that of highlights is compressed
_ROWS = 256
_HEAD = 1 << 16  # bytes in which headers lie

# Codes of ITU-T H.273. The curves of SDR are all read as that of sRGB, as viewers do.
_BT2020, _P3, _PQ, _HLG = 9, 12, 16, 18
_CURVES = {_PQ: "PQ", _HLG: "HLG"}
_TO_709 = {  # BT.2087, and the same for Display P3
    _BT2020: (
        (1.660491, -0.587641, -0.072850),
        (-0.124550, 1.132900, -0.008349),
        (-0.018151, -0.100579, 1.118730),
    ),
    _P3: (
        (1.224940, -0.224940, 0.0),
        (-0.042057, 1.042057, 0.0),
        (-0.019638, -0.078636, 1.098274),
    ),
}


@dataclass(frozen=True)
class Code:
    """What values of RGB mean, by codes of ITU-T H.273.

    Attributes:
        primaries: which red, green and blue.
        curve: from light to values.
    """

    primaries: int
    curve: int

    @property
    def hdr(self) -> str:
        """Name of the curve of an HDR image; empty for any other."""
        return _CURVES.get(self.curve, "")

    @property
    def plain(self) -> bool:
        """Whether values are to be read as sRGB."""
        return not self.hdr and self.primaries not in _TO_709

    @property
    def note(self) -> str:
        """What its conversion leaves out, as a part of a sentence; empty for nothing."""
        return self.hdr and f"is HDR ({self.hdr}): its highlights above white were compressed"


def read_code(file: BinaryIO, kind: str) -> Code | None:
    """Read what an AVIF or a PNG says of its values; the file stays where it is."""
    at = file.tell()
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(at)
    if kind == "AVIF" and (found := head.find(b"colrnclx")) >= 0:
        primaries, curve = head[found + 8 : found + 10], head[found + 10 : found + 12]
        return Code(int.from_bytes(primaries), int.from_bytes(curve))
    end = head.find(b"IDAT")
    if kind == "PNG" and (found := head.find(b"\0\0\0\4cICP", 0, end)) >= 0:
        return Code(head[found + 8], head[found + 9])
    return None


def coded_to_srgb(color: npt.NDArray[np.uint16], code: Code) -> npt.NDArray[np.uint16]:
    """Turn (H, W, 1 or 3), of 0 to 65535, into sRGB; of HDR, paper white becomes white."""
    values = np.empty((*color.shape[:2], 3), np.uint16)
    matrix = _TO_709.get(code.primaries)
    for top in range(0, len(color), _ROWS):
        encoded = color[top : top + _ROWS].astype(np.float32) / np.float32(65535)
        light = _LIGHT.get(code.curve, decode_srgb)(encoded)
        light = light.repeat(3, axis=2) if light.shape[2] == 1 else light
        if matrix is not None:
            light = (light @ np.array(matrix, np.float32).T).clip(min=0)
        light = compress(light) if code.hdr else light.clip(max=1)
        values[top : top + _ROWS] = (encode_srgb(light) * 65535).round()
    return values


def compress(light: Array) -> Array:
    """Bring pixels whose brightest channel is above 0.8 below 1, and keep their hue.

    Args:
        light: (H, W, C), 0 or more; white is 1, and becomes 0.93.
    """
    brightest = light.max(axis=2, keepdims=True)
    room = 1 - SHOULDER
    above = np.maximum(brightest - SHOULDER, 0)
    squeezed = SHOULDER + room * (1 - np.exp(-above / room))
    factor = np.where(brightest > SHOULDER, squeezed / np.maximum(brightest, 1e-6), 1)
    compressed: Array = light * factor.astype(np.float32)
    return compressed


def encode_srgb(light: Array) -> Array:
    """Light in [0, 1], of any shape, as sRGB."""
    curve = 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055
    encoded: Array = np.where(light <= 0.0031308, light * 12.92, curve)
    return encoded


def decode_srgb(encoded: Array) -> Array:
    """The reverse of :func:`encode_srgb`."""
    curve = ((encoded + 0.055) / 1.055) ** 2.4
    light: Array = np.where(encoded <= 0.04045, encoded / 12.92, curve)
    return light


def _light_of_pq(encoded: Array) -> Array:
    """SMPTE ST 2084."""
    power = encoded.astype(np.float64) ** (1 / 78.84375)
    ratio = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    light: Array = (10_000 / WHITE_NITS * ratio ** (1 / 0.1593017578125)).astype(np.float32)
    return light


def _light_of_hlg(encoded: Array) -> Array:
    """BT.2100, table 5, on the screen that it is graded for."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - c) / a) + b) / 12)
    weights = np.array((0.2627, 0.6780, 0.0593), np.float32)
    luma = scene.mean(2) if scene.shape[2] == 1 else scene @ weights
    shown = scene * np.maximum(luma, 1e-9)[..., None] ** (HLG_GAMMA - 1)
    light: Array = (shown * (HLG_PEAK_NITS / WHITE_NITS)).astype(np.float32)
    return light


_LIGHT: Mapping[int, Callable[[Array], Array]] = {_PQ: _light_of_pq, _HLG: _light_of_hlg}
