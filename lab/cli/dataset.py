"""`dataset`: bringing in a corpus that others have laid out, and what is there."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import WorkspaceDir, mistakes_in_one_line
from lab.errors import OptionsError
from lab.terminal import Terminal
from lab.workspace import Workspace

if TYPE_CHECKING:
    from lab.importers import Kind, Problem

app = typer.Typer(help="Bring in clips with texts, or list the datasets.", no_args_is_help=True)

_PROBLEMS_SHOWN = 20


@app.command("list")
@mistakes_in_one_line()
def list_datasets(workspace: WorkspaceDir = None) -> None:
    """List the datasets, with their clips and how many of these have a text."""
    from lab import dataset

    rows = [("NAME", "CLIPS", "WITH TEXT")]
    for one in dataset.list_all(Workspace.default(workspace)):
        entries = one.entries()
        n_texts = sum(bool(entry.transcription) for entry in entries)
        rows.append((one.name, str(len(entries)), str(n_texts)))
    width = max(len(row[0]) for row in rows)
    for name, n_clips, n_texts_shown in rows:
        typer.echo(f"{name:{width}}  {n_clips:>7}  {n_texts_shown:>9}")


@app.command("import")
@mistakes_in_one_line()
def import_dataset(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the corpus.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="The dataset that it becomes.")],
    language: Annotated[
        str,
        typer.Option(metavar="CODE", help="What is spoken, where the corpus does not say: sq."),
    ],
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="How it is laid out; without it you are asked."),
    ] = None,
    workspace: WorkspaceDir = None,
) -> None:
    """Copy the clips of a corpus, with their texts, into a dataset of the workspace."""
    from lab import dataset, importers

    chosen = importers.kind_named(kind) if kind else _confirmed(source)
    reading = importers.Reading(source, chosen)
    with Terminal() as terminal:
        done = dataset.import_clips(
            Workspace.default(workspace),
            name,
            reading,
            language=language,
            on_progress=terminal.progress(name),
        )
        _say_problems([*reading.problems, *done.refused], terminal)
        terminal.write(f"{done.dataset.name}: {done.n_new} clips are new")
        terminal.write(f", {done.n_known} were there before.\n" if done.n_known else ".\n")


def _confirmed(source: Path) -> "Kind":
    """What the folder seems to be, if the person agrees; raises OptionsError if not."""
    from lab.importers import recognise

    seen = recognise(source)
    if not _somebody_is_there():
        raise OptionsError(f"{seen.reason} If that is right, add --kind {seen.kind.name}.")
    if not typer.confirm(f"{seen.reason} Read it as {seen.kind.name}?", err=True):
        raise OptionsError("Nothing was imported. Say with --kind how the corpus is laid out.")
    return seen.kind


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _say_problems(problems: list["Problem"], terminal: Terminal) -> None:
    for problem in problems[:_PROBLEMS_SHOWN]:
        terminal.say(f"{problem.name}: {problem.reason}")
    if len(problems) > _PROBLEMS_SHOWN:
        terminal.say(f"… and {len(problems) - _PROBLEMS_SHOWN} more problems")
