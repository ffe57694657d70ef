"""Small clips, made by PyAV, and what is read back from a result."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

av = pytest.importorskip("av")

UNIT = Fraction(1, 12800)


class Same:
    """A filter that changes nothing, so that what does is the rest."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, frame: Tensor, /) -> Tensor:
        assert frame.dtype == torch.float32
        assert frame.shape[0] == 3
        self.calls += 1
        return frame


@dataclass
class Clip:
    """What a player would find in a file."""

    times: list[float]
    rgb: list[NDArray[np.uint8]]
    codec: str
    pixels: str
    aspect: Fraction
    tags: tuple[int, int, int, int]
    rotation: int
    tracks: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Presses Ctrl-C; shells let background jobs ignore it, which tests may be."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def same() -> Same:
    return Same()


@pytest.fixture
def read_clip() -> Callable[[Path | str], Clip]:
    return _read_clip


def _read_clip(path: Path | str) -> Clip:
    """Decode everything, with nothing of the code under test."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        tracks = [each.codec_context.name for each in file.streams if each is not stream]
        frames = list(file.decode(stream))
        first = frames[0]
        matrix = {1: "itu709", 9: "bt2020"}.get(first.colorspace, "itu601")
        return Clip(
            times=[float(frame.time) for frame in frames],
            rgb=[frame.to_ndarray(format="rgb24", src_colorspace=matrix) for frame in frames],
            codec=stream.codec_context.name,
            pixels=first.format.name,
            aspect=stream.sample_aspect_ratio,
            tags=(first.color_range, first.colorspace, first.color_primaries, first.color_trc),
            rotation=first.rotation,
            tracks=tracks,
            metadata=dict(file.metadata),
        )


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str = "clip.mp4", **settings: Any) -> Path:
        return _make_clip(tmp_path / name, **settings)

    return make


def frame_image(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Red at the top left, green at the top right, and a gray that tells the frame, (H, W, 3)."""
    height, width = size
    rgb = np.full((height, width, 3), 40 + number % 20 * 8, np.uint8)
    rgb[: height // 2, : width // 2] = (200, 30, 30)
    rgb[: height // 2, width // 2 :] = (30, 180, 60)
    return rgb


def _make_clip(
    path: Path,
    *,
    times: Sequence[int] = tuple(range(0, 8 * 512, 512)),
    size: tuple[int, int] = (48, 64),
    encoder: str = "libx264",
    pixels: str = "yuv420p",
    rotation: int = 0,
    aspect: Fraction = Fraction(1),
    colors: tuple[int, int, int, int] | None = None,
    sound: str | None = None,
    subtitles: str | None = None,
    options: dict[str, str] | None = None,
    title: str = "",
) -> Path:
    """Write a clip with time stamps in units of 1/12800 s."""
    suffix = path.suffix.removeprefix(".")
    muxer = {"mkv": "matroska", "ts": "mpegts"}.get(suffix, suffix)
    with av.open(str(path), "w", format=muxer, options=options or {}) as file:
        stream = file.add_stream(
            encoder, rate=25, width=size[1], height=size[0], time_base=UNIT, options={"crf": "4"}
        )
        stream.pix_fmt = pixels
        stream.codec_context.sample_aspect_ratio = aspect
        context = stream.codec_context
        matrix, limits = "itu601", 1
        if colors is not None:
            limits, context.colorspace = colors[:2]
            context.color_primaries, context.color_trc = colors[2:]
            context.color_range = limits
            matrix = {1: "itu709", 9: "bt2020"}.get(colors[1], "itu601")
        if rotation:
            stream.set_display_rotation(rotation)
        heard = file.add_stream(sound, rate=48_000) if sound else None
        spoken = file.add_mux_stream(subtitles) if subtitles else None
        if title:
            file.metadata.update(title=title, location="+27.9881+086.9250/")
        if heard is not None:
            _add_sound(file, heard, seconds=float((times[-1] + 512) * UNIT))
        if spoken is not None:
            _add_subtitle(file, spoken)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(frame_image(number, size), format="rgb24")
            frame = frame.reformat(format=pixels, dst_colorspace=matrix, dst_color_range=limits)
            frame.pts, frame.time_base = time, UNIT
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def _add_sound(file: Any, stream: Any, seconds: float) -> None:
    """A tone of 440 Hz."""
    resampler = av.AudioResampler(format=stream.format, layout=stream.layout, rate=48_000)
    for begin in range(0, round(seconds * 48_000), 1024):
        wave = np.sin(np.arange(begin, begin + 1024) * (440 * 2 * np.pi / 48_000)) * 0.5
        frame = av.AudioFrame.from_ndarray(
            np.stack([wave, wave]).astype(np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = 48_000, begin, Fraction(1, 48_000)
        for part in resampler.resample(frame):
            file.mux(stream.encode(part))
    file.mux(stream.encode(None))


def _add_subtitle(file: Any, stream: Any) -> None:
    packet = av.Packet(b"A boat.")
    packet.stream, packet.pts, packet.dts, packet.duration = stream, 0, 0, 200
    packet.time_base = Fraction(1, 1000)
    file.mux(packet)
