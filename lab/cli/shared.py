"""What the commands share: options, reading recordings, and mistakes told in one line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.terminal import Terminal
from lab.core.errors import AudioError, LabError
from lab.core.workspace import ENVIRONMENT_VARIABLE

BAD_INPUT, INTERRUPTED = 2, 130  # exit codes: what shells expect of a wrong call and of Ctrl+C

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Recordings of any kind.")]
WorkspaceDir = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        # Not typer's `envvar`: in `models --workspace A add` it would win over A.
        help=f"Where models of your own are; else ${ENVIRONMENT_VARIABLE}, else ./workspace.",
    ),
]


@contextmanager
def mistakes_in_one_line() -> Iterator[None]:
    """Turn what a person can cause into a line on stderr and an exit code."""
    try:
        yield
    except LabError as error:
        typer.echo(one_line(error), err=True)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo("Stopped.", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def all_or_exit_code(files: Sequence[Path]) -> Iterator[list[Path]]:
    """Gather the files that were done; if some were not, the others are done and the call fails."""
    done: list[Path] = []
    yield done
    if len(done) < len(set(files)):
        raise typer.Exit(BAD_INPUT)


def readable(files: Sequence[Path], terminal: Terminal) -> list[Path]:
    """The files that look like recordings; each other one is complained about."""
    from lab import audio

    found = []
    for path in dict.fromkeys(files):  # once each
        try:
            audio.probe(path)
        except AudioError as error:
            terminal.say(one_line(error))
        else:
            found.append(path)
    return found


def one_line(error: LabError) -> str:
    """What went wrong, without line ends."""
    return " ".join(str(error).splitlines())
