"""`dataset`: bringing in a corpus that others have laid out, and what is there."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import WorkspaceDir, mistakes_in_one_line
from lab.cli.terminal import Terminal
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    from lab.dataset.sources import Seen, Source
    from lab.importers import Problem

app = typer.Typer(help="Bring in clips with texts, or list the datasets.", no_args_is_help=True)

_PROBLEMS_SHOWN = 20
_VOXLINGUA = "voxlingua107:"


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
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="The folder of a corpus, a zip or tar of it, or voxlingua107:LANGUAGE.",
        ),
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="The dataset that it becomes.")],
    language: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="What is spoken, where the corpus does not say: sq."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="How it is laid out; without it you are asked."),
    ] = None,
    workspace: WorkspaceDir = None,
) -> None:
    """Bring the clips of a corpus, with their texts, into a dataset of the workspace."""
    from lab import importers
    from lab.dataset import importing, sources

    place = Workspace.default(workspace)
    wanted = _source(source)
    chosen = importers.kind_named(kind) if kind else None
    seen = sources.look(place, wanted, kind=chosen)
    if chosen is None and not isinstance(wanted, sources.VoxLingua):
        _confirm(seen)
    with Terminal() as terminal:
        done = importing.bring(
            place,
            name,
            wanted,
            kind=seen.kind,
            language=language or _said(seen),
            on_progress=terminal.progress(name),
        )
        _say_problems(done.problems, terminal)
        if language and seen.language and language != seen.language:
            terminal.say(
                f"The corpus itself says {seen.language}; clips that it says so of keep it."
            )
        if done.n_new:
            check = f"python -m lab dataset check {done.dataset.name} --languages"
            terminal.say(f"To hear whether it is the right language: {check}")
        are = "clip is" if done.n_new == 1 else "clips are"
        terminal.write(f"{done.dataset.name}: {done.n_new} {are} new")
        terminal.write(f", {done.n_known} were there before.\n" if done.n_known else ".\n")


def _source(text: str) -> "Source":
    from lab.dataset.sources import OnDisk, VoxLingua
    from lab.importers.voxlingua import language_named

    if text.startswith(_VOXLINGUA):
        return VoxLingua(language_named(text.removeprefix(_VOXLINGUA)))
    return OnDisk(Path(text))


def _said(seen: "Seen") -> str:
    if not seen.language:
        raise OptionsError(
            "The corpus does not say which language is spoken. Say it with --language, such as "
            "--language sq."
        )
    return seen.language


def _confirm(seen: "Seen") -> None:
    """Ask whether the source is what it seems to be; raises OptionsError if not."""
    if not _somebody_is_there():
        raise OptionsError(f"{seen.reason} If that is right, add --kind {seen.kind.name}.")
    if not typer.confirm(f"{seen.reason} Read it as {seen.kind.name}?", err=True):
        raise OptionsError("Nothing was imported. Say with --kind how the corpus is laid out.")


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _say_problems(problems: Sequence["Problem"], terminal: Terminal) -> None:
    for problem in problems[:_PROBLEMS_SHOWN]:
        terminal.say(f"{problem.name}: {problem.reason}")
    if len(problems) > _PROBLEMS_SHOWN:
        terminal.say(f"… and {len(problems) - _PROBLEMS_SHOWN} more problems")
