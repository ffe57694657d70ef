"""How good a filter is: losses, equivalent iterations, artefacts, cost; a report of them."""

from fast_nst.evaluation.progress import EvaluateProgress
from fast_nst.evaluation.report import Report
from fast_nst.evaluation.run import InterruptedEvaluation, evaluate

__all__ = ["EvaluateProgress", "InterruptedEvaluation", "Report", "evaluate"]
