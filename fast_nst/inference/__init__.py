"""Apply a trained filter to pictures."""

from fast_nst.inference.files import (
    StylizedFile,
    StylizeFailure,
    StylizeProgress,
    StylizeReport,
    plan_files,
    stylize_files,
)
from fast_nst.inference.stylizer import Stylizer

__all__ = [
    "StylizeFailure",
    "StylizeProgress",
    "StylizeReport",
    "StylizedFile",
    "Stylizer",
    "plan_files",
    "stylize_files",
]
