"""Evaluation: word and character error rates of models, compared on the same held-out clips."""

from lab.evaluation.evaluator import EVERYTHING, evaluate
from lab.evaluation.reports import (
    CUSTOM,
    Hypotheses,
    Report,
    Result,
    build_report,
    exclusion_note,
    matrix,
    rescore,
    summarize,
)

__all__ = [
    "CUSTOM",
    "EVERYTHING",
    "Hypotheses",
    "Report",
    "Result",
    "build_report",
    "evaluate",
    "exclusion_note",
    "matrix",
    "rescore",
    "summarize",
]
