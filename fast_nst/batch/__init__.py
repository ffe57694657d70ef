"""Many images at once: which files, in what order, and what became of them. No torch in here."""

from fast_nst.batch.paint import Saving
from fast_nst.batch.plan import StylizedFile, plan_files
from fast_nst.batch.run import (
    StylizeFailure,
    StylizeProgress,
    StylizeReport,
    stylize_bytes,
    stylize_files,
    stylize_planned,
)

__all__ = [
    "Saving",
    "StylizeFailure",
    "StylizeProgress",
    "StylizeReport",
    "StylizedFile",
    "plan_files",
    "stylize_bytes",
    "stylize_files",
    "stylize_planned",
]
