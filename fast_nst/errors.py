"""The exceptions that fast_nst raises for what a user can put right; no torch in here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FastNSTError(Exception):
    """Base of all: the message says what it got, what it expected, and the next step."""


class ConfigError(FastNSTError):
    """A setting is unknown or has a value that cannot work."""


class LayerError(FastNSTError):
    """An encoder was asked for a layer it lacks, or for one too deep for the image."""


class ImageError(FastNSTError):
    """An image cannot be read or written."""


class LutError(FastNSTError):
    """A color lookup table (LUT) cannot be read, applied or written."""


class VideoError(FastNSTError):
    """A video or a camera cannot be read, or a video not be written."""


class DataError(FastNSTError):
    """Training images are missing or unusable."""


class ClusterError(FastNSTError):
    """A Ray cluster cannot be used, or its workers cannot reach the files."""


class CheckpointError(FastNSTError):
    """A file is not a filter that this version can load."""


class ExportError(FastNSTError):
    """A filter cannot be turned into the requested format, or the result is not the same filter."""


class WeightsError(FastNSTError):
    """Encoder weights cannot be fetched or read."""


class TrainingError(FastNSTError):
    """Training cannot go on."""


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return ``' (did you mean x?)'`` for the nearest of ``choices``, or an empty string."""
    near = difflib.get_close_matches(word, list(choices), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def one_line(error: BaseException | str) -> str:
    """An error's message without line breaks, as other libraries' often have some."""
    return " ".join(str(error).split())


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that something does not fit in memory; PyTorch need not be loaded."""
    if isinstance(error, MemoryError):
        return True
    # The one is what GPUs say, the other what PyTorch says on the CPU.
    said = str(error) if isinstance(error, RuntimeError) else ""
    return "out of memory" in said or "allocate memory" in said
