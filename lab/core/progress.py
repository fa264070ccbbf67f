"""How long work reports where it is, and how it is stopped."""

from typing import Protocol


class Cancelled(Exception):  # noqa: N818 - it is none
    """The person asked to stop. Not an error: what was finished until then is kept."""


class Progress(Protocol):
    """Called often during long work. Raising `Cancelled` from it stops the work."""

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """`done` of `total` (same unit, `total` > 0) is finished; `note` says at what."""


def ignore(done: float, total: float, note: str = "") -> None:
    """The progress callback of a caller that does not want to know."""


def part(on_progress: Progress, number: int, of: int) -> Progress:
    """The callback of one part of longer work, the parts of which count the same.

    number: of the part, from 0
    """

    def report(done: float, total: float, note: str = "") -> None:
        on_progress(number + (min(done / total, 1.0) if total > 0 else 0.0), of, note)

    return report
