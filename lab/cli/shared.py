"""What commands share: options, reading of files and settings, tables, and errors in one line."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from lab.cli.terminal import Terminal
from lab.core.errors import AudioError, LabError, OptionsError
from lab.core.settings import Settings
from lab.core.workspace import ENVIRONMENT_VARIABLE

S = TypeVar("S", bound=Settings)

BAD_INPUT, INTERRUPTED = 2, 130  # exit codes, as shells expect for wrong usage and for Ctrl+C
ALL = "all"

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Audio or video files.")]
DatasetName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the dataset.")]
WorkspaceDir = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        # Not typer's `envvar`: in `models --workspace A add` it would win over A.
        help=f"Workspace folder; by default ${ENVIRONMENT_VARIABLE}, else ./workspace.",
    ),
]


def option(metavar: str, help_text: str, *names: str, **settings: Any) -> Any:
    """An option of a command.

    names: such as “--format”; by default that of the parameter
    settings: others of `typer.Option`
    """
    return typer.Option(*names, metavar=metavar, help=help_text, **settings)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn errors that the user can fix into a line on stderr and an exit code."""
    try:
        yield
    except LabError as error:
        typer.echo(one_line(error), err=True)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo("Stopped.", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def exit_unless_all_done(files: Sequence[Path]) -> Iterator[list[Path]]:
    """Collect the files that have been processed; exit with `BAD_INPUT` if some are missing."""
    done: list[Path] = []
    yield done
    if len(done) < len(set(files)):
        raise typer.Exit(BAD_INPUT)


def readable(files: Sequence[Path], terminal: Terminal) -> list[Path]:
    """The files that can be decoded, without duplicates; a line on stderr for each other one."""
    from lab import audio

    paths = []
    for path in dict.fromkeys(files):
        try:
            audio.probe(path)
        except AudioError as error:
            terminal.say(one_line(error))
        else:
            paths.append(path)
    return paths


def expand_choice(choice: str, known: Collection[str], option: str) -> list[str]:
    """The names that a choice stands for: itself or, for “all”, all that are known.

    option: the option's name, for the OptionsError about an unknown choice
    """
    if choice != ALL and choice not in known:
        raise OptionsError(f"Unknown {option} “{choice}”. Choose {', '.join(known)} or {ALL}.")
    return list(known) if choice == ALL else [choice]


def preset_named(name: str, presets: Mapping[str, S]) -> S:
    """The preset of that name; raises OptionsError if there is none."""
    if name not in presets:
        raise OptionsError(f"Unknown preset “{name[:40]}”. Choose {' or '.join(presets)}.")
    return presets[name]


def read_settings(kind: type[S], path: Path) -> S:
    """Read settings from a YAML file; raises OptionsError if it cannot be read."""
    try:
        return kind.from_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionsError(f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise OptionsError(f"{path} is not a text file. Settings are in YAML.") from error


def format_table(rows: Sequence[Sequence[str]], *, left: Collection[int] = (0,)) -> str:
    """Format rows, the header first, as aligned columns.

    left: indices of the columns that are aligned left; the others are right-aligned numbers
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        [
            cell.ljust(width) if index in left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    return "\n".join("  ".join(line).rstrip() for line in lines)


def count(n: int, noun: str) -> str:
    """A number and its noun, such as “3 clips”."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def one_line(error: LabError) -> str:
    """The message of an error, without line breaks."""
    return " ".join(str(error).splitlines())
