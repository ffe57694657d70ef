"""Apply a trained filter to pictures."""

from fast_nst.inference.controls import COLORS, Controls, read_mask
from fast_nst.inference.files import (
    Saving,
    StylizeFailure,
    StylizeProgress,
    StylizeReport,
    stylize_bytes,
    stylize_files,
)
from fast_nst.inference.plan import StylizedFile, plan_files
from fast_nst.inference.stylizer import MixedStylizer, Stylizer

__all__ = [
    "COLORS",
    "Controls",
    "MixedStylizer",
    "Saving",
    "StylizeFailure",
    "StylizeProgress",
    "StylizeReport",
    "StylizedFile",
    "Stylizer",
    "plan_files",
    "read_mask",
    "stylize_bytes",
    "stylize_files",
]
