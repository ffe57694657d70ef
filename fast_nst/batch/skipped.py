"""One line on files in folders that are taken for nothing."""

from __future__ import annotations

from collections.abc import Sequence

_MAX_NAMES = 5  # of each kind


def say_skipped(missing: Sequence[str], others: Sequence[str], wanted: str) -> str:
    """Say which files were skipped, and why.

    Args:
        missing: names of files that need a package that is not installed.
        others: of files that are not what was looked for.
        wanted: what was looked for, such as ``"images"``.
    """
    reasons = []
    if missing:
        reasons.append(f"{_some(missing)} (needs pip install 'fast-nst[formats]')")
    if others:
        reasons.append(f"{_some(others)} (no {wanted} by their endings)")
    count = len(missing) + len(others)
    return f"skipped {count} file{'s' * (count > 1)}: {'; '.join(reasons)}"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:_MAX_NAMES])
    more = len(names) - _MAX_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
