"""Evaluation: models tried side by side on clips that they were not trained on."""

from lab.evaluation.evaluator import EVERYTHING, evaluate
from lab.evaluation.reports import (
    CUSTOM,
    Heard,
    Report,
    Result,
    left_out,
    matrix,
    report,
    rescored,
    sentences,
)

__all__ = [
    "CUSTOM",
    "EVERYTHING",
    "Heard",
    "Report",
    "Result",
    "evaluate",
    "left_out",
    "matrix",
    "report",
    "rescored",
    "sentences",
]
