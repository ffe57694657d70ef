"""The encoders that videos are written with, and what each can hold; no PyAV in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

PRESETS = (  # of x264 and x265
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow"),
)


@dataclass(frozen=True)
class Pixels:
    """A pixel format of FFmpeg.

    Attributes:
        name: FFmpeg's name of it.
        depth: bits of each value.
        alpha: whether it holds transparency.
        odd: the format for odd widths or heights, where this one cannot hold them.
        options: what the encoder is told for it.
    """

    name: str
    depth: int = 8
    alpha: bool = False
    odd: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Needs:
    """What a clip would have a file hold.

    Attributes:
        depth: bits of each value.
        alpha: transparency.
        exactly: whether the depth was asked for, and so is no wish.
    """

    depth: int = 8
    alpha: bool = False
    exactly: bool = False

    def within(self, *, alpha: bool) -> Needs:
        """The same, without transparency where a file cannot hold it."""
        return replace(self, alpha=self.alpha and alpha)


@dataclass(frozen=True)
class Codec:
    """An encoder of FFmpeg.

    Attributes:
        name: of the codec, as users write it.
        encoder: FFmpeg's name of the encoder.
        layouts: the pixel formats, the first by default; those that most players show.
        crf: the rate factors (FFmpeg's ``crf``) of qualities 0 and 100; None where there is none.
        options: what else FFmpeg is told.
        presets: what its ``preset`` may be, where that is a choice; from fast to small.
        quality: FFmpeg's name of a quality from 0 to 100, where there is no rate factor.
        preset: the one that the user chose; None for that of ``options``, or of the pixel format.
    """

    name: str
    encoder: str
    layouts: tuple[Pixels, ...]
    crf: tuple[int, int] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    presets: tuple[str, ...] = ()
    quality: str | None = None
    preset: str | None = None

    def encoder_options(self, quality: int, pixels: Pixels | None = None) -> dict[str, str]:
        """FFmpeg's options at a quality of 0 (small) to 100 (indistinguishable).

        Args:
            quality: as above.
            pixels: one of ``layouts``; None for the first.
        """
        options = {**self.options, **(pixels or self.layouts[0]).options}
        if self.preset is not None:
            options["preset"] = self.preset
        if self.quality is not None:
            options[self.quality] = str(quality)
        if self.crf is not None:
            worst, best = self.crf
            options["crf"] = str(round(worst + (best - worst) * quality / 100))
        return options

    def depths(self) -> list[int]:
        """Bits of each value that it can be written with."""
        return sorted({each.depth for each in self.layouts})

    def fits(self, needs: Needs) -> bool:
        """Whether it holds all of it."""
        found = self.choose(needs)
        return found.depth >= needs.depth and found.alpha >= needs.alpha

    def choose(self, needs: Needs) -> Pixels:
        """The pixel format that holds most of it, and no more than that."""
        alpha = needs.alpha and any(each.alpha for each in self.layouts)
        fitting = [each for each in self.layouts if each.alpha == alpha]
        enough = [each for each in fitting if each.depth >= needs.depth]
        if enough:
            return min(enough, key=lambda each: each.depth)
        return max(fitting, key=lambda each: each.depth)

    def with_options(self, options: Mapping[str, str]) -> Codec:
        """The same, told more."""
        return replace(self, options={**self.options, **options})


_H264 = (Pixels("yuv420p", odd="yuv444p"), Pixels("yuv420p10le", 10, odd="yuv444p10le"))
# Of 10 bits, x265's "fast" takes four times as long as x264 of 8, on repainted clips; "ultrafast",
# half as long as that, for files as good and a third larger.
_HEVC = (
    Pixels("yuv420p", odd="yuv444p"),
    Pixels("yuv420p10le", 10, odd="yuv444p10le", options={"preset": "ultrafast"}),
)
_PNG = (
    Pixels("rgb24"),
    Pixels("rgba", alpha=True),
    Pixels("rgb48be", 16),
    Pixels("rgba64be", 16, alpha=True),
)

CODECS: Mapping[str, Codec] = {
    each.name: each
    for each in (
        # On repainted clips, "faster" is as good as "medium" in half of its time
        # (docs/performance.md).
        Codec("h264", "libx264", _H264, (40, 10), {"preset": "faster"}, PRESETS),
        Codec(
            "hevc",
            "libx265",
            _HEVC,
            (42, 12),
            {"preset": "fast", "x265-params": "log-level=-1"},
            PRESETS,
        ),
        Codec(
            "vp9",
            "libvpx-vp9",
            # Of 10 bits (its profile 2), PyAV's libvpx is built without.
            (Pixels("yuv420p"), Pixels("yuva420p", alpha=True, options={"auto-alt-ref": "0"})),
            (60, 15),
            {"b": "0", "row-mt": "1", "cpu-used": "4"},
        ),
        Codec(
            "av1",
            "libsvtav1",
            (Pixels("yuv420p"), Pixels("yuv420p10le", 10)),
            (60, 15),
            {"preset": "8"},
        ),
        Codec(
            "prores",
            "prores_ks",
            (
                Pixels("yuv422p10le", 10, options={"profile": "hq"}),
                Pixels(
                    "yuva444p10le", 10, alpha=True, options={"profile": "4444", "alpha_bits": "16"}
                ),
            ),
        ),
        Codec("gif", "gif", (Pixels("pal8"), Pixels("pal8", alpha=True))),
        Codec("png", "png", _PNG),
        Codec("apng", "apng", _PNG),
        Codec(
            "webp", "libwebp_anim", (Pixels("bgra"), Pixels("bgra", alpha=True)), quality="quality"
        ),
    )
}


def is_image_codec(name: str) -> bool:
    """Whether a codec comes with the name's ending, and so need not be chosen."""
    return name in ("gif", "png", "apng", "webp")
