"""Which video files can be written, and with which encoders; no PyAV and no torch in here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fast_nst.apps.video.codecs import CODECS, PRESETS, Codec, Needs, is_image_codec
from fast_nst.errors import VideoError, suggest

__all__ = [
    "CODECS",
    "DEFAULT_QUALITY",
    "DEINTERLACE",
    "FORMATS",
    "HDR",
    "KEPT_SUFFIXES",
    "PRESETS",
    "READ_SUFFIXES",
    "USUAL_STEADY",
    "Codec",
    "Format",
    "Needs",
    "choose_format",
    "is_image_codec",
    "is_image_sequence",
    "is_video_target",
]

# Files with these endings are taken for videos; FFmpeg looks at what they hold.
READ_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".asf", ".flv", ".f4v", ".ogv", ".3gp", ".3g2", ".vob", ".mxf", ".nut", ".ivf"),
    ".y4m",
)
DEFAULT_QUALITY = 75
HDR = ("sdr", "keep")  # what becomes of high dynamic range
DEINTERLACE = ("auto", "off")
USUAL_STEADY = 0.9  # of what an image adds, half is gone after 7 frames


@dataclass(frozen=True)
class Format:
    """A kind of video file.

    Attributes:
        muxer: FFmpeg's name of it.
        codecs: what may be written in it; the first is the default.
        sound: the audio encoder for sound that it cannot hold as it is; None where it holds none.
        options: what else FFmpeg is told.
        rich: what comes before ``codecs`` for clips of more than 8 bits.
        encoder_options: what the encoder is told, by its name.
        steady_rate: whether frames can only be at multiples of the clip's rate.
        alpha: whether it holds transparency, by a codec that does.
        cover: how it holds a cover: ``stream``, ``attachment`` or not.
        attachments: whether it holds other files, such as fonts.
        timecode: whether it holds a timecode track.
    """

    muxer: str
    codecs: tuple[str, ...]
    sound: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    rich: tuple[str, ...] = ()
    encoder_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    steady_rate: bool = False
    alpha: bool = False
    cover: str | None = None
    attachments: bool = False
    timecode: bool = False


_FROM_THE_START = {"movflags": "+faststart"}  # a browser plays it before it is loaded to the end
_BLURAY = {"mpegts_m2ts_mode": "1"}
# Frames in these are in the order in which they are decoded, which must be the one shown.
_IN_ORDER = {"libx264": {"bf": "0"}}
# Of 10 bits, H.264 is shown by few players and no telephone; HEVC by most.
_RICH = ("hevc",)

FORMATS: Mapping[str, Format] = {
    ".mp4": Format(
        "mp4",
        ("h264", "hevc", "av1", "vp9"),
        "aac",
        _FROM_THE_START,
        _RICH,
        cover="stream",
        timecode=True,
    ),
    ".m4v": Format(
        "mp4", ("h264", "hevc"), "aac", _FROM_THE_START, _RICH, cover="stream", timecode=True
    ),
    # Covers go into .mov files without an error, and are not there (findings/).
    ".mov": Format(
        "mov", ("prores", "h264", "hevc"), "aac", _FROM_THE_START, alpha=True, timecode=True
    ),
    ".mkv": Format(
        "matroska",
        ("h264", "hevc", "vp9", "av1", "prores"),
        "aac",
        rich=_RICH,
        alpha=True,
        cover="attachment",
        attachments=True,
    ),
    ".webm": Format("webm", ("vp9", "av1"), "libopus", rich=("av1",), alpha=True),
    ".avi": Format("avi", ("h264",), "libmp3lame", {}, (), _IN_ORDER, steady_rate=True),
    ".ts": Format("mpegts", ("h264", "hevc"), "aac", {}, _RICH),
    ".mts": Format("mpegts", ("h264", "hevc"), "aac", _BLURAY, _RICH),
    ".m2ts": Format("mpegts", ("h264", "hevc"), "aac", _BLURAY, _RICH),
    ".flv": Format("flv", ("h264", "hevc", "av1"), "aac", {}, _RICH),
    ".f4v": Format("f4v", ("h264",), "aac"),
    ".3gp": Format("3gp", ("h264",), "aac"),
    ".3g2": Format("3g2", ("h264",), "aac"),
    ".wmv": Format("asf", ("h264",), "wmav2", {}, (), _IN_ORDER),
    ".asf": Format("asf", ("h264",), "wmav2", {}, (), _IN_ORDER),
    ".mxf": Format("mxf", ("prores", "h264"), "pcm_s16le", {}, (), _IN_ORDER, steady_rate=True),
    ".nut": Format("nut", ("h264", "hevc", "vp9", "av1"), "aac", rich=_RICH),
    ".ivf": Format("ivf", ("vp9", "av1"), rich=("av1",)),
    ".gif": Format("gif", ("gif",), alpha=True),
    ".apng": Format("apng", ("apng",), options={"plays": "0"}, alpha=True),
    ".webp": Format("webp", ("webp",), options={"loop": "0"}, alpha=True),
    ".avif": Format("avif", ("av1",)),
    ".png": Format("image2", ("png",), options={"atomic_writing": "1"}, alpha=True),
}
_IMAGES = (".gif", ".apng", ".webp", ".avif", ".png")  # endings that single images have, too
# What keeps its ending in a folder of results; the rest becomes .mp4, which everything plays.
KEPT_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".gif", ".png")
_NUMBERED = re.compile(r"%0?\d*d")


def is_image_sequence(target: str | Path) -> bool:
    """Whether the name stands for numbered images: ``out/%05d.png``."""
    name = Path(target).name
    return name.lower().endswith(".png") and len(_NUMBERED.findall(name)) == name.count("%") == 1


def is_video_target(target: str | Path) -> bool:
    """Whether the name's ending is that of a video; ``.gif`` and single ``.png`` are not."""
    suffix = Path(target).suffix.lower()
    return is_image_sequence(target) or (suffix in FORMATS and suffix not in _IMAGES)


def choose_format(
    target: str | Path,
    codec: str | None = None,
    preset: str | None = None,
    needs: Needs | None = None,
) -> tuple[Format, Codec]:
    """Return how a video of that name is written.

    Args:
        target: the file, or numbered images.
        codec: one of ``CODECS``; None for the default of the name's ending.
        preset: one of the codec's ``presets``; None for its own.
        needs: what the file should hold, which decides what the default is.

    Raises:
        VideoError: If the ending is unknown, the file cannot hold what ``codec`` writes, that
            has no such preset, or not the depth that was asked for.
    """
    suffix = Path(target).suffix.lower()
    if suffix not in FORMATS:
        got = f"the ending {suffix!r} is unknown{suggest(suffix, FORMATS)}"
        if suffix in READ_SUFFIXES:
            got = f"{suffix} files are only read"
        elif not suffix:
            got = "its name has no ending"
        raise VideoError(f"cannot write {target}: {got}. Use one of {', '.join(FORMATS)}.")
    if suffix == ".png" and not is_image_sequence(target):
        raise VideoError(
            f"cannot write {target}: a video is many images. Name them by number, such as "
            f"{Path(target).with_name('%05d.png')}."
        )
    chosen = FORMATS[suffix]
    name = codec or _default(chosen, (needs or Needs()).within(alpha=chosen.alpha))
    if name not in chosen.codecs:
        raise VideoError(
            f"cannot write {target}: {name} does not go into {suffix}"
            f"{suggest(name, chosen.codecs)}. There, use {' or '.join(chosen.codecs)}."
        )
    encoder = CODECS[name]
    encoder = encoder.with_options(chosen.encoder_options.get(encoder.encoder, {}))
    if needs is not None and needs.exactly and needs.depth not in encoder.depths():
        others = [each for each in chosen.codecs if needs.depth in CODECS[each].depths()]
        instead = f", or --codec {' or '.join(others)}" if others else ""
        raise VideoError(
            f"cannot write {target} with {needs.depth} bits: {name} holds "
            f"{' or '.join(map(str, encoder.depths()))}. Use such a --depth{instead}."
        )
    return chosen, _with_preset(target, encoder, preset)


def _default(chosen: Format, needs: Needs) -> str:
    """The codec that is meant where none is named: the first that holds all, or most."""
    deep = needs.depth > 8
    order = tuple(dict.fromkeys((*(chosen.rich if deep else ()), *chosen.codecs)))
    fewer = tuple(Needs(depth, needs.alpha) for depth in (10, 8) if depth < needs.depth)
    for wanted in (needs, *fewer, Needs(needs.depth)):
        for name in order:
            if CODECS[name].fits(wanted):
                return name
    return max(order, key=lambda name: CODECS[name].depths()[-1])


def _with_preset(target: str | Path, encoder: Codec, preset: str | None) -> Codec:
    if preset is None:
        return encoder
    if not encoder.presets:
        some = " or ".join(each for each, codec in CODECS.items() if codec.presets)
        raise VideoError(
            f"cannot write {target}: {encoder.name} has no preset to choose. Leave it out, or use "
            f"{some}."
        )
    if preset not in encoder.presets:
        raise VideoError(
            f"cannot write {target}: there is no preset {preset!r}"
            f"{suggest(preset, encoder.presets)}. Use one of {', '.join(encoder.presets)}."
        )
    return replace(encoder, preset=preset)
