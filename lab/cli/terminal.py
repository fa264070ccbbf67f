"""What a terminal shows: results on stdout, messages and one line of progress on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

import typer

from lab.core.progress import Progress, ignore

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Terminal:
    """To be entered; the line of progress is gone afterwards, and was never there in a pipe."""

    def __init__(self) -> None:
        self._bar: Bar | None = _bar() if sys.stderr.isatty() else None

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def write(self, text: str) -> None:
        """Put a result on stdout at once: whoever reads a pipe sees it come."""
        with self._line_taken_away():
            typer.echo(text, nl=False)  # it flushes

    def say(self, message: str) -> None:
        """Put a line on stderr."""
        with self._line_taken_away():
            typer.echo(message, err=True)

    def progress(self, what: str) -> Progress:
        """A callback that shows how far the work on `what` is."""
        bar = self._bar
        if bar is None:
            return ignore
        for task in bar.task_ids:
            bar.remove_task(task)
        shown = bar.add_task(what, total=None)
        bar.start()

        def show(done: float, total: float, note: str = "") -> None:
            bar.update(
                shown, completed=done, total=total, description=f"{what}: {note}" if note else what
            )

        return show

    @contextmanager
    def _line_taken_away(self) -> Iterator[None]:
        was_shown = self._bar is not None and self._bar.live.is_started
        if self._bar and was_shown:
            self._bar.stop()
        yield
        if self._bar and was_shown:
            self._bar.start()


def _bar() -> "Bar":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    return Progress(
        # Not markup: the name of a file may hold brackets.
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis"),
        ),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        # rich would send what is printed on stdout to stderr, past a pipe.
        redirect_stdout=False,
        redirect_stderr=False,
    )
