"""How many bits the numbers of a ``.3dl`` file have."""

from __future__ import annotations

from dataclasses import dataclass

from fast_nst.errors import LutError

_GUESSES = (10, 12, 16)  # bits
_NEAR_WHITE = 0.9


@dataclass(frozen=True)
class Depths:
    """What is white.

    Attributes:
        white: the number in the table.
        shaper_white: likewise, in the first line of numbers.
        notes: what was guessed, as parts of sentences.
    """

    white: int
    shaper_white: int
    notes: tuple[str, ...]


def find_depths(text: str) -> Depths:
    """Find which number is white.

    A line such as ``Mesh 4 12`` (Autodesk Lustre's) says it: 12 bits. OpenColorIO passes over that,
    and takes 8 bits for numbers up to 511 and 10 for those up to 2047, which makes dark looks up to
    four times as bright. Without the line, it is guessed here from the largest number, which is
    never above white: 10, 12 or 16 bits. Numbers of 8 bits are known by the first line, which then
    ends at 255.

    Args:
        text: the file.

    Raises:
        LutError: If a line holds anything but whole numbers, or more than the stated bits.

    See findings/opencolorio_guesses_3dl_depth.sh.
    """
    stated: int | None = None
    largest, shaper = 0, 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or not _is_number(words[0]):  # a keyword or a comment
            if words and words[0].lower() == "mesh":
                stated = _bits(words)
            continue
        try:
            values = [int(word) for word in words]
        except ValueError:
            raise LutError(
                f"line {number} is {line.strip()[:40]!r}; expected whole numbers. Export it again."
            ) from None
        if len(values) > 3:
            shaper = max(shaper, *values)
        else:
            largest = max(largest, *values)
    shaper_white = _white_for(shaper, 8 if shaper == 255 else 10)
    if stated is None:
        white = _white_for(largest, 8 if shaper == 255 else 10)
        notes = []
        if largest < _NEAR_WHITE * white:
            notes.append(
                f"it does not say how many bits its numbers have, and the largest is {largest}: "
                f"white is taken for {white}"
            )
        return Depths(white, shaper_white, tuple(notes))
    white = 2**stated - 1
    if largest > white:
        raise LutError(f"it says {stated} bits and holds {largest}. Export it again.")
    return Depths(white, shaper_white, ())


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _bits(words: list[str]) -> int:
    if len(words) != 3 or not words[2].isdigit() or not 8 <= int(words[2]) <= 16:
        raise LutError(
            f"{' '.join(words)[:40]!r} states no bits; expected Mesh 4 12, or so. Export it again."
        )
    return int(words[2])


def _white_for(largest: int, least: int) -> int:
    for bits in (least, *_GUESSES):
        if largest < 2**bits:
            return int(2**bits - 1)
    raise LutError(f"it holds {largest}; expected at most 65535. Export it again.")
