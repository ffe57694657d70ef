"""Which video files can be written, and with which encoders; no PyAV and no torch in here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fast_nst.errors import VideoError, suggest

# Files with these endings are taken for videos; FFmpeg looks at what they hold.
READ_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".ogv", ".3gp", ".vob", ".mxf", ".y4m"),
)
DEFAULT_QUALITY = 75
USUAL_STEADY = 0.9  # of what an image adds, half is gone after 7 frames


@dataclass(frozen=True)
class Codec:
    """An encoder of FFmpeg.

    Attributes:
        encoder: FFmpeg's name of it.
        pixels: the pixel format; one that every player shows.
        odd_pixels: the pixel format for odd widths or heights, where ``pixels`` cannot hold them.
        crf: the rate factors (FFmpeg's ``crf``) of qualities 0 and 100; None where there is none.
        options: what else FFmpeg is told.
        presets: what its ``preset`` may be, where that is a choice; from fast to small.
    """

    encoder: str
    pixels: str
    odd_pixels: str
    crf: tuple[int, int] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    presets: tuple[str, ...] = ()

    def encoder_options(self, quality: int) -> dict[str, str]:
        """FFmpeg's options at a quality of 0 (small) to 100 (indistinguishable)."""
        if self.crf is None:
            return dict(self.options)
        worst, best = self.crf
        return {**self.options, "crf": str(round(worst + (best - worst) * quality / 100))}


PRESETS = (  # of x264 and x265
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow"),
)
CODECS: Mapping[str, Codec] = {
    # preset: on repainted clips, as good as "medium" in half of its time (docs/performance.md).
    "h264": Codec("libx264", "yuv420p", "yuv444p", (40, 10), {"preset": "faster"}, PRESETS),
    "hevc": Codec(
        "libx265",
        "yuv420p",
        "yuv444p",
        (42, 12),
        {"preset": "fast", "x265-params": "log-level=-1"},
        PRESETS,
    ),
    "vp9": Codec(
        "libvpx-vp9", "yuv420p", "yuv420p", (60, 15), {"b": "0", "row-mt": "1", "cpu-used": "4"}
    ),
    "av1": Codec("libsvtav1", "yuv420p", "yuv420p", (60, 15), {"preset": "8"}),
    "prores": Codec("prores_ks", "yuv422p10le", "yuv422p10le", None, {"profile": "hq"}),
    "gif": Codec("gif", "pal8", "pal8"),
    "png": Codec("png", "rgb24", "rgb24"),
}


@dataclass(frozen=True)
class Format:
    """A kind of video file.

    Attributes:
        muxer: FFmpeg's name of it.
        codecs: what may be written in it; the first is the default.
        sound: the audio encoder for sound that it cannot hold as it is; None where it holds none.
        options: what else FFmpeg is told.
    """

    muxer: str
    codecs: tuple[str, ...]
    sound: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


_FROM_THE_START = {"movflags": "+faststart"}  # a browser plays it before it is loaded to the end
FORMATS: Mapping[str, Format] = {
    ".mp4": Format("mp4", ("h264", "hevc", "av1", "vp9"), "aac", _FROM_THE_START),
    ".m4v": Format("mp4", ("h264", "hevc"), "aac", _FROM_THE_START),
    ".mov": Format("mov", ("prores", "h264", "hevc"), "aac", _FROM_THE_START),
    ".mkv": Format("matroska", ("h264", "hevc", "vp9", "av1", "prores"), "aac"),
    ".webm": Format("webm", ("vp9", "av1"), "libopus"),
    ".gif": Format("gif", ("gif",)),
    ".png": Format("image2", ("png",), options={"atomic_writing": "1"}),
}
_NUMBERED = re.compile(r"%0?\d*d")


def is_image_codec(name: str) -> bool:
    """Whether a codec comes with the name's ending, and so need not be chosen."""
    return name in ("gif", "png")


def is_image_sequence(target: str | Path) -> bool:
    """Whether the name stands for numbered images: ``out/%05d.png``."""
    name = Path(target).name
    return name.lower().endswith(".png") and len(_NUMBERED.findall(name)) == name.count("%") == 1


def is_video_target(target: str | Path) -> bool:
    """Whether the name's ending is that of a video; ``.gif`` and single ``.png`` are not."""
    suffix = Path(target).suffix.lower()
    return is_image_sequence(target) or (suffix in FORMATS and suffix not in (".gif", ".png"))


def choose_format(
    target: str | Path, codec: str | None = None, preset: str | None = None
) -> tuple[Format, Codec]:
    """Return how a video of that name is written.

    Args:
        target: the file, or numbered images.
        codec: one of ``CODECS``; None for the default of the name's ending.
        preset: one of the codec's ``presets``; None for its own.

    Raises:
        VideoError: If the ending is unknown, the file cannot hold what ``codec`` writes, or that
            has no such preset.
    """
    suffix = Path(target).suffix.lower()
    if suffix not in FORMATS:
        got = f"the ending {suffix!r} is unknown" if suffix else "its name has no ending"
        raise VideoError(
            f"cannot write {target}: {got}{suggest(suffix, FORMATS)}. "
            f"Use one of {', '.join(FORMATS)}."
        )
    if suffix == ".png" and not is_image_sequence(target):
        raise VideoError(
            f"cannot write {target}: a video is many images. Name them by number, such as "
            f"{Path(target).with_name('%05d.png')}."
        )
    chosen = FORMATS[suffix]
    name = codec or chosen.codecs[0]
    if name not in chosen.codecs:
        raise VideoError(
            f"cannot write {target}: {name} does not go into {suffix}"
            f"{suggest(name, chosen.codecs)}. There, use {' or '.join(chosen.codecs)}."
        )
    encoder = CODECS[name]
    if preset is None:
        return chosen, encoder
    if not encoder.presets:
        some = " or ".join(each for each, codec in CODECS.items() if codec.presets)
        raise VideoError(
            f"cannot write {target}: {name} has no preset to choose. Leave it out, or use {some}."
        )
    if preset not in encoder.presets:
        raise VideoError(
            f"cannot write {target}: there is no preset {preset!r}"
            f"{suggest(preset, encoder.presets)}. Use one of {', '.join(encoder.presets)}."
        )
    return chosen, replace(encoder, options={**encoder.options, "preset": preset})
