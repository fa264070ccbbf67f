"""Regression check of a fine-tuned model: what it has lost compared with its base model.

Fine-tuning on short clips can damage what WER on short clips does not show. Both models transcribe
the same audio: test clips, a long recording, silence, noise and other languages that the base
model knows. Each comparison is green, red, or grey where it is inconclusive.
"""

from lab.health.check import N_CLIPS, check_run, health_check
from lab.health.report import CheckResult, HealthReport, read_report, write_report

__all__ = [
    "N_CLIPS",
    "CheckResult",
    "HealthReport",
    "check_run",
    "health_check",
    "read_report",
    "write_report",
]
