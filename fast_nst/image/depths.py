"""How many bits per channel a format holds, and which of them a result gets."""

from __future__ import annotations

from collections.abc import Mapping

from fast_nst.errors import ImageError

DEPTHS: Mapping[str, tuple[int, ...]] = {
    "PNG": (8, 16),
    "TIFF": (8, 16),
    "AVIF": (8, 10, 12),
    "EXR": (16, 32),  # floating point
}
_USUAL_MOST = {"AVIF": 10}  # that most programs read, where a source has more than all of them
ASKED = (8, 10, 16)  # what a user may ask for


def choose_depth(kind: str, source: int, asked: int | None) -> int:
    """Bits per channel of a result.

    Args:
        kind: its format, such as ``"PNG"``.
        source: bits per channel of the image that it is made of.
        asked: by the user; None for as many as the image has, where the format holds them.

    Returns:
        The fewest that the format has and that are as many as wanted; 32 for OpenEXR by default.

    Raises:
        ImageError: If the format has fewer than the user asked for.
    """
    held = DEPTHS.get(kind, (8,))
    if asked is None:
        most = _USUAL_MOST.get(kind, max(held))
        return most if kind == "EXR" else _fewest(held, source) or most
    check_depth(kind, asked)
    return _fewest(held, asked) or max(held)


def check_depth(kind: str, asked: int | None) -> None:
    """Check that a format holds as many bits as the user asked for.

    Raises:
        ImageError: If not.
    """
    most = max(DEPTHS.get(kind, (8,)))
    if asked is not None and asked > most:
        fitting = "a .png or .tif" if asked > 10 else "a .png, .tif or .avif"
        raise ImageError(
            f"{kind} holds {most} bits per channel, and {asked} are asked for. "
            f"Write {fitting}, or leave the depth out."
        )


def lost_depth(kind: str, source: int, asked: int | None) -> str:
    """A part of a sentence on bits that a result does not keep; empty if it keeps all."""
    if asked is not None:
        return ""
    chosen = choose_depth(kind, source, None)
    if chosen >= min(source, 16):
        return ""
    had = "floating point" if source == 32 else f"{source} bits per channel"
    return f"has {had}, and {kind} holds {chosen} bits"


def _fewest(held: tuple[int, ...], wanted: int) -> int | None:
    return next((depth for depth in held if depth >= min(wanted, max(16, held[-1]))), None)
