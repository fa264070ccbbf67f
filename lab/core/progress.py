"""How long-running work reports progress, and how it is stopped."""

from typing import Protocol


class Cancelled(Exception):  # noqa: N818 - not an error
    """The person asked to stop; what was finished until then is kept."""


class Progress(Protocol):
    """A callback that long-running work calls often; raising `Cancelled` from it stops the work."""

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """`done` of `total` units are finished (`total` > 0); `note` names the current step."""


def ignore(done: float, total: float, note: str = "") -> None:
    """The default progress callback, which does nothing."""


def part(on_progress: Progress, start: int, n_units: int, size: int = 1) -> Progress:
    """A callback for one part of a longer task, which maps the part's progress to the whole.

    start: units completed before this part, from 0
    n_units: units of the whole task
    size: units that this part covers
    """

    def report(done: float, total: float, note: str = "") -> None:
        fraction = min(done / total, 1.0) if total > 0 else 0.0
        on_progress(start + size * fraction, n_units, note)

    return report
