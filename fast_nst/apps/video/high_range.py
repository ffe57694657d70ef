"""High dynamic range (PQ, HLG) to the standard range that filters work in, and back.

Filters know photographs: values of BT.709 on a screen. So a frame's light is mapped to what such a
screen shows, by the curve of ITU-R BT.2390 (sec. 5.4.1), up to the knee as it is. White there is
the 203 cd/m2 of BT.2408. The curve is applied to the largest of the three values, which keeps hues
and whatever BT.709 can show in range; what is left outside is clipped. So it can be undone: an
unchanged frame gets its luminance back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fast_nst.apps.video.clip import HighRange
from fast_nst.apps.video.color import DEEP_WHITE, RGB, Colors, as_deep

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Values = npt.NDArray[np.float64]

PQ, HLG = 16, 18  # transfer functions, as numbers of ITU-T H.273
NAMES = {PQ: "PQ", HLG: "HLG"}
WHITE = 203.0  # cd/m2, of diffuse white in high range (BT.2408), and of white in standard range
USUAL_PEAK = 1000.0  # cd/m2; what HLG is defined for, and most PQ is graded for
_GAMMA = 2.4  # of a screen (BT.1886, black at 0)
_PQ_M1, _PQ_M2 = 0.1593017578125, 78.84375  # BT.2100, table 4
_PQ_C = 0.8359375, 18.8515625, 18.6875
_HLG = 0.17883277, 0.28466892, 0.55991073  # a, b, c of BT.2100, table 5
_BT2020, _P3 = 9, 12
# From linear RGB of these primaries to BT.709's (BT.2087; SMPTE EG 432).
_TO_BT709 = {
    _BT2020: [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    _P3: [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]],
}
_HLG_LUMA = np.array([0.2627, 0.6780, 0.0593])


def high_range_of(frame: VideoFrame, colors: Colors) -> HighRange | None:
    """How a decoded frame holds high dynamic range; None if it does not."""
    if colors.transfer not in NAMES:
        return None
    peak, mastering = _mastering(frame)
    return HighRange(colors, peak if colors.transfer == PQ else USUAL_PEAK, mastering)


class ToneMapper:
    """Maps frames of one clip between the ranges, as the functions below do, many times as fast.

    Args:
        high: what the high range is.
        back: whether to map from standard range to high.
    """

    def __init__(self, high: HighRange, *, back: bool = False) -> None:
        self._high = high
        self._back = back
        values = np.arange(65536) / DEEP_WHITE
        matrix = np.asarray(np.linalg.inv(_matrix(high))) if back else _matrix(high)
        self._matrix = _floats(matrix)
        if back:
            # The largest value tells by what all three are multiplied.
            seen = values.clip(0, 1) ** _GAMMA * WHITE
            self._light = _floats(seen)
            self._gain = _floats(_unmapped(seen, high.peak) / seen.clip(1e-9, None))
        else:
            self._light = _floats(_curve_of(values, high))
            lights = np.linspace(0, 1, 65536) ** 2 * high.peak  # more of them where it is dark
            self._gain = _floats(_mapped(lights, high.peak) / WHITE)

    def __call__(self, rgb: RGB) -> RGB:
        """Map (H, W, 3); the result is of 16 bits."""
        planes = torch.from_numpy(as_deep(rgb).transpose(2, 0, 1)).to(torch.int32)
        result = self._to_high(planes) if self._back else self._to_standard(planes)
        scaled = result.mul_(DEEP_WHITE).round_().clamp_(0, DEEP_WHITE).to(torch.uint16)
        pixels: RGB = scaled.numpy()
        return pixels.transpose(1, 2, 0)

    def _to_standard(self, planes: Tensor) -> Tensor:
        light = self._light[planes]
        if self._high.colors.transfer == HLG:
            luma = torch.einsum("c,chw->hw", _floats(_HLG_LUMA), light)
            light *= luma.clamp_(min=1e-12).pow_(0.2) * self._high.peak
        light = self._mixed(light)
        largest = light.amax(0).clamp_(min=1e-9)
        place = largest.clamp(max=self._high.peak).div_(self._high.peak).sqrt_().mul_(65535)
        light *= self._gain[place.round_().to(torch.int32)].div_(largest)
        return light.clamp_(0, 1).pow_(1 / _GAMMA)

    def _to_high(self, planes: Tensor) -> Tensor:
        light = self._light[planes]
        light *= self._gain[planes.amax(0)]
        light = self._mixed(light).clamp_(min=0)
        if self._high.colors.transfer == PQ:
            part = light.div_(10_000).clamp_(0, 1).pow_(_PQ_M1)
            above = part.mul(_PQ_C[1]).add_(_PQ_C[0])
            return above.div_(part.mul_(_PQ_C[2]).add_(1)).pow_(_PQ_M2)
        a, b, c = _HLG
        light /= self._high.peak
        luma = torch.einsum("c,chw->hw", _floats(_HLG_LUMA), light)
        light *= luma.clamp_(min=1e-12).pow_(-0.2 / 1.2)
        tall = light.mul(12).sub_(b).clamp_(min=1e-9).log_().mul_(a).add_(c)
        return torch.where(light <= 1 / 12, light.mul(3).sqrt_(), tall)

    def _mixed(self, light: Tensor) -> Tensor:
        """Other primaries' values, of (3, H, W)."""
        return (self._matrix @ light.reshape(3, -1)).reshape(light.shape)


def to_standard(values: Values, high: HighRange) -> Values:
    """Map high range to standard.

    Args:
        values: (..., 3), what the file holds, in [0, 1].
        high: what they mean.

    Returns:
        The same shape: BT.709 for a screen, in [0, 1].

    Source: ITU-R BT.2390-10, sec. 5.4.1, applied to the largest of R, G, B; screens of BT.1886.
    """
    light = _light_of(values, high) @ _matrix(high).T
    largest = light.max(-1, keepdims=True).clip(1e-9, None)
    seen = _mapped(largest.clip(None, high.peak), high.peak)
    return np.asarray((light * (seen / largest / WHITE)).clip(0, 1) ** (1 / _GAMMA))


def to_high(values: Values, high: HighRange) -> Values:
    """Map back what :func:`to_standard` maps: BT.709 in [0, 1] to what such a file holds."""
    seen = values.clip(0, 1) ** _GAMMA * WHITE
    largest = seen.max(-1, keepdims=True).clip(1e-9, None)
    light = seen * (_unmapped(largest, high.peak) / largest)
    return _values_of((light @ np.linalg.inv(_matrix(high)).T).clip(0, None), high)


def _mapped(light: Values, peak: float) -> Values:
    """The curve of BT.2390: from light up to ``peak`` to light up to white, cd/m2."""
    if peak <= WHITE:
        return light
    top = light_to_pq(np.array(peak))
    white = light_to_pq(np.array(WHITE)) / top
    knee = 1.5 * white - 0.5
    value = light_to_pq(light) / top
    t = ((value - knee) / (1 - knee)).clip(0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * white
    )
    return pq_to_light(np.where(value < knee, value, spline) * top)


def _unmapped(seen: Values, peak: float) -> Values:
    """The inverse of :func:`_mapped`, which is flat at the end."""
    known = np.append(np.linspace(0, 0.999, 20_000), 1 - np.geomspace(1e-3, 1e-12, 5_000))
    lights = pq_to_light(known * light_to_pq(np.array(peak)))
    return np.interp(seen, _mapped(lights, peak), lights)


def pq_to_light(values: Values) -> Values:
    """The EOTF of PQ: from [0, 1] to cd/m2 (SMPTE ST 2084; BT.2100, table 4)."""
    power = values.clip(0, None) ** (1 / _PQ_M2)
    part = (power - _PQ_C[0]).clip(0, None) / (_PQ_C[1] - _PQ_C[2] * power)
    return np.asarray(10_000 * part ** (1 / _PQ_M1))


def light_to_pq(light: Values) -> Values:
    """The inverse of :func:`pq_to_light`."""
    part = (light / 10_000).clip(0, 1) ** _PQ_M1
    return np.asarray(((_PQ_C[0] + _PQ_C[1] * part) / (1 + _PQ_C[2] * part)) ** _PQ_M2)


def _light_of(values: Values, high: HighRange) -> Values:
    """What a screen for it shows, cd/m2."""
    scene = _curve_of(values, high)
    if high.colors.transfer == PQ:
        return scene
    luma = (scene @ _HLG_LUMA)[..., None].clip(1e-12, None)
    return np.asarray(high.peak * luma**0.2 * scene)


def _curve_of(values: Values, high: HighRange) -> Values:
    """Light of each value by itself: for PQ, cd/m2; for HLG, that of the scene, in [0, 1]."""
    if high.colors.transfer == PQ:
        return pq_to_light(values)
    a, b, c = _HLG
    return np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)


def _values_of(light: Values, high: HighRange) -> Values:
    """The inverse of :func:`_light_of`."""
    if high.colors.transfer == PQ:
        return light_to_pq(light)
    a, b, c = _HLG
    shown = light / high.peak
    luma = (shown @ _HLG_LUMA)[..., None].clip(1e-12, None)
    scene = shown * luma ** (-0.2 / 1.2)
    low: Values = np.sqrt(3 * scene.clip(0, None))
    tall = a * np.log((12 * scene - b).clip(1e-9, None)) + c
    return np.asarray(np.where(scene <= 1 / 12, low, tall).clip(0, 1))


def _matrix(high: HighRange) -> Values:
    """From the file's linear RGB to BT.709's."""
    primaries = high.colors.primaries
    if primaries == 1:
        return np.eye(3)
    return np.array(_TO_BT709.get(primaries, _TO_BT709[_BT2020]))


def _mastering(frame: VideoFrame) -> tuple[float, str]:
    """The brightest white of the screen that the clip was made on, and all that is said of it."""
    side_data: Mapping[Any, Any] = frame.side_data
    peak, told = USUAL_PEAK, []
    if "MASTERING_DISPLAY_METADATA" in side_data:
        # FFmpeg's AVMasteringDisplayMetadata: x and y of red, green, blue and white, least and
        # most light, as fractions; and whether colors and light are stated.
        raw = np.frombuffer(bytes(side_data["MASTERING_DISPLAY_METADATA"]), np.int32)
        values = raw[:20:2] / np.maximum(raw[1:20:2], 1)
        if raw[21] and values[9] > WHITE:
            peak = min(float(values[9]), 10_000.0)
        if raw[20] and raw[21]:
            red, green, blue, white = (
                "({},{})".format(*np.rint(values[place : place + 2] * 50_000).astype(int))
                for place in (0, 2, 4, 6)
            )
            least, most = np.rint(values[8:10] * 10_000).astype(int)
            told.append(f"master-display=G{green}B{blue}R{red}WP{white}L({most},{least})")
    if "CONTENT_LIGHT_LEVEL" in side_data:
        most, mean = np.frombuffer(bytes(side_data["CONTENT_LIGHT_LEVEL"]), np.uint32)[:2]
        told.append(f"max-cll={most},{mean}")
    return peak, ":".join(told)


def _floats(values: Values) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()
