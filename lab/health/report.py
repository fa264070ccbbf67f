"""What a health check says, and keeping it in a file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from lab.core.errors import WorkspaceError
from lab.core.workspace import read_json, write_json
from lab.training.state import HEALTH

FILE_NAME = HEALTH

State = Literal["green", "red", "grey"]
Unit = Literal["share", "words", "texts", "seconds", "times"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    key: which one it is, whatever its title says
    state: "grey" where it cannot be judged
    unit: of the figures; "share" is of 1, "times" a ratio
    tuned, base: the figures of the two models; None where there is none
    sentence: what was found, and what to do about it where it is red
    """

    key: str
    title: str
    state: State
    unit: Unit
    tuned: float | None
    base: float | None
    sentence: str

    @property
    def tuned_text(self) -> str:
        return _in_words(self.tuned, self.unit)

    @property
    def base_text(self) -> str:
        return _in_words(self.base, self.unit)


@dataclass(frozen=True)
class HealthReport:
    """A tuned model beside its base. at: the moment, ISO 8601 in UTC"""

    tuned: str
    base: str
    at: str
    checks: tuple[Check, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is red, of what could be judged."""
        return self.is_judged and not self.red

    @property
    def is_judged(self) -> bool:
        """Whether anything could be judged."""
        return any(check.state != "grey" for check in self.checks)

    @property
    def red(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.state == "red")

    @property
    def sentence(self) -> str:
        """How it is on the whole."""
        if not self.is_judged:
            return f"Nobody knows whether {self.tuned} is whole: nothing could be judged."
        if not self.red:
            return (
                f"{self.tuned} is whole: nothing is worse than in {self.base} that should not be."
            )
        titles = ", ".join(check.title.lower() for check in self.red)
        return f"{self.tuned} was harmed by its training: {titles}."


def report(tuned: str, base: str, checks: Sequence[Check]) -> HealthReport:
    """A report of this moment."""
    return HealthReport(tuned, base, datetime.now(UTC).isoformat(timespec="seconds"), tuple(checks))


def write_report(found: HealthReport, path: Path) -> None:
    """Write a report as JSON, whole or not at all; raises WorkspaceError."""
    write_json(path, asdict(found))


def read_report(path: Path) -> HealthReport:
    """The report in a file; raises WorkspaceError where it is none."""
    content = read_json(path)
    try:
        checks = tuple(Check(**check) for check in content.pop("checks"))
        found = HealthReport(**content, checks=checks)
    except (KeyError, TypeError) as error:
        raise WorkspaceError(f"{path} holds no health report: {error}.") from error
    odd = [check.state for check in checks if check.state not in get_args(State)]
    if odd:
        raise WorkspaceError(f"{path} holds no health report: a state is {odd[0]!r:.40}.")
    return found


def _in_words(value: float | None, unit: Unit) -> str:
    if value is None:
        return "–"
    return {
        "share": f"{100 * value:.1f} %",
        "words": f"{value:.0f} word{'' if value == 1 else 's'}",
        "texts": f"{value:.0f} text{'' if value == 1 else 's'}",
        "seconds": f"{value:.1f} s",
        "times": f"{value:.2f} times",
    }[unit]
