"""Terminal output: results on stdout, messages and a progress bar on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from lab.core.progress import Progress, ignore

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBar


class Terminal:
    """A context manager for output; the progress bar vanishes at the end, and in a pipe."""

    def __init__(self) -> None:
        self._bar: ProgressBar | None = _progress_bar() if sys.stderr.isatty() else None

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def write(self, text: str) -> None:
        """Write a result to stdout at once, so that the reader of a pipe sees it immediately."""
        with self._bar_hidden():
            typer.echo(text, nl=False)  # it flushes

    def say(self, message: str) -> None:
        """Write a line to stderr."""
        with self._bar_hidden():
            typer.echo(message, err=True)

    def progress(self, title: str) -> Progress:
        """Start a progress bar, instead of the previous one; returns the callback that moves it."""
        bar = self._bar
        if bar is None:
            return ignore
        for task in bar.task_ids:
            bar.remove_task(task)
        task = bar.add_task(title, total=None)
        bar.start()

        def on_progress(done: float, total: float, note: str = "") -> None:
            description = f"{title}: {note}" if note else title
            bar.update(task, completed=done, total=total, description=description)

        return on_progress

    @contextmanager
    def _bar_hidden(self) -> Iterator[None]:
        bar = self._bar if self._bar and self._bar.live.is_started else None
        if bar:
            bar.stop()
        yield
        if bar:
            bar.start()


def _progress_bar() -> "ProgressBar":
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

    one_line = Column(no_wrap=True, overflow="ellipsis")
    return Progress(
        # Not markup: a file name may contain brackets.
        TextColumn("{task.description}", markup=False, table_column=one_line),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        # Otherwise rich redirects what is printed on stdout to stderr, past a pipe.
        redirect_stdout=False,
        redirect_stderr=False,
    )
