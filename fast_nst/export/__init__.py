"""Export a filter to a file for other runtimes, checked against PyTorch."""

from fast_nst.export.formats import FORMATS, PRECISIONS
from fast_nst.export.run import ExportReport, export

__all__ = ["FORMATS", "PRECISIONS", "ExportReport", "export"]
