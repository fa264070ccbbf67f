"""The result of a regression check, and its JSON file."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from lab.core.errors import WorkspaceError
from lab.core.workspace import read_json, write_json
from lab.training.run import HEALTH

FILE_NAME = HEALTH

CheckState = Literal["green", "red", "grey"]
FigureUnit = Literal["share", "words", "texts", "seconds", "times"]


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    key: stable id of the check
    title: its name for people
    state: "green" passed, "red" regressed, "grey" inconclusive
    unit: of the figures; "share" is a fraction of 1, "times" a ratio
    tuned, base: figures of the two models; None if not measured
    sentence: the finding and, if red, what to do about it
    """

    key: str
    title: str
    state: CheckState
    unit: FigureUnit
    tuned: float | None
    base: float | None
    sentence: str

    @property
    def tuned_text(self) -> str:
        return _format(self.tuned, self.unit)

    @property
    def base_text(self) -> str:
        return _format(self.base, self.unit)


@dataclass(frozen=True)
class HealthReport:
    """Results of a regression check.

    tuned, base: names of the two models
    at: time of the check, ISO 8601, UTC
    """

    tuned: str
    base: str
    checks: tuple[CheckResult, ...]
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def is_healthy(self) -> bool:
        """Whether no conclusive check has found a regression."""
        return self.is_conclusive and not self.regressions

    @property
    def is_conclusive(self) -> bool:
        """Whether at least one check was conclusive."""
        return any(check.state != "grey" for check in self.checks)

    @property
    def regressions(self) -> tuple[CheckResult, ...]:
        return tuple(check for check in self.checks if check.state == "red")

    @property
    def sentence(self) -> str:
        """The overall result."""
        if not self.is_conclusive:
            return f"Inconclusive: {self.tuned} could not be compared with {self.base}."
        if not self.regressions:
            return f"No regressions found in {self.tuned} compared with {self.base}."
        titles = ", ".join(check.title.lower() for check in self.regressions)
        return f"{self.tuned} has regressed compared with {self.base}: {titles}."


def write_report(report: HealthReport, path: Path) -> None:
    """Write a report as JSON, atomically; raises WorkspaceError."""
    write_json(path, asdict(report))


def read_report(path: Path) -> HealthReport:
    """Read a report; raises WorkspaceError if the file is missing or is not a health report."""
    content = read_json(path)
    try:
        checks = tuple(CheckResult(**check) for check in content.pop("checks"))
        report = HealthReport(**content, checks=checks)
    except (KeyError, TypeError) as error:
        raise WorkspaceError(f"{path} is not a health report: {error}.") from error
    if unknown := [check.state for check in checks if check.state not in get_args(CheckState)]:
        raise WorkspaceError(f"{path} is not a health report: unknown state {unknown[0]!r:.40}.")
    return report


def _format(value: float | None, unit: FigureUnit) -> str:
    if value is None:
        return "–"
    s = "" if value == 1 else "s"
    return {
        "share": f"{100 * value:.1f} %",
        "words": f"{value:.0f} word{s}",
        "texts": f"{value:.0f} text{s}",
        "seconds": f"{value:.1f} s",
        "times": f"{value:.2f} times",
    }[unit]
