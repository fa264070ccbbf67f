"""Is a tuned model whole? What training on short clips breaks, WER on short clips does not show.

The tuned model and its base hear the same things: a long recording, silence and noise, languages
that base knew, clips of a test split. What each made of them stands side by side, green or red.
"""

from lab.health.check import N_CLIPS, check_run, clips_of, health_check
from lab.health.judging import judge
from lab.health.listening import Heard, listen
from lab.health.material import Material, material
from lab.health.report import Check, HealthReport, State, read_report, write_report

__all__ = [
    "N_CLIPS",
    "Check",
    "HealthReport",
    "Heard",
    "Material",
    "State",
    "check_run",
    "clips_of",
    "health_check",
    "judge",
    "listen",
    "material",
    "read_report",
    "write_report",
]
