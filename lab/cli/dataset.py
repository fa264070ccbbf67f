"""`dataset`: list, import, split and export datasets."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import (
    DatasetName,
    WorkspaceDir,
    count,
    format_table,
    one_line_errors,
    option,
)
from lab.cli.terminal import Terminal
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    from lab.dataset.importing import Source, SourceInfo

app = typer.Typer(help="List, import, check, split and export datasets.", no_args_is_help=True)

_MAX_PROBLEMS = 20
_VOXLINGUA = "voxlingua107:"
_CORRECTED = "corrected"


@app.command("list")
@one_line_errors()
def list_datasets(workspace: WorkspaceDir = None) -> None:
    """List the datasets of the workspace."""
    from lab import dataset

    rows = [("NAME", "CLIPS", "WITH TEXT")]
    for found in dataset.list_all(Workspace.default(workspace)):
        clips = found.clips()
        n_with_text = sum(bool(clip.transcription) for clip in clips)
        rows.append((found.name, str(len(clips)), str(n_with_text)))
    typer.echo(format_table(rows))


@app.command("import")
@one_line_errors()
def import_dataset(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="A corpus: its folder, zip or tar, or voxlingua107:LANGUAGE."
        ),
    ],
    name: Annotated[str, option("NAME", "Name of a new dataset, or of one to add clips to.")],
    language: Annotated[
        str | None,
        option("CODE", "Spoken language, such as sq; needed if the corpus does not say."),
    ] = None,
    corpus_format: Annotated[
        str | None, option("FORMAT", "Format of the corpus; by default you are asked.", "--format")
    ] = None,
    workspace: WorkspaceDir = None,
) -> None:
    """Import the clips and texts of a corpus into a dataset."""
    from lab import importers
    from lab.dataset import importing

    target = Workspace.default(workspace)
    corpus = _parse_source(source)
    chosen = importers.get_format(corpus_format) if corpus_format else None
    info = importing.inspect_source(target, corpus, corpus_format=chosen)
    if chosen is None and not isinstance(corpus, importing.VoxLinguaSource):
        _confirm(info)
    if not (language or info.language):
        raise OptionsError(
            "The corpus does not say which language is spoken. Add it, for example --language sq."
        )
    with Terminal() as terminal:
        result = importing.import_corpus(
            target,
            name,
            corpus,
            corpus_format=info.format,
            language=language or info.language,
            on_progress=terminal.progress(name),
        )
        for problem in result.problems[:_MAX_PROBLEMS]:
            terminal.say(f"{problem.name}: {problem.reason}")
        if len(result.problems) > _MAX_PROBLEMS:
            terminal.say(f"… and {len(result.problems) - _MAX_PROBLEMS} more problems")
        if language and info.language and language != info.language:
            terminal.say(f"Clips that the corpus says are in {info.language} keep that language.")
        if result.n_new:
            check = f"python -m lab dataset check {result.dataset.name} --languages"
            terminal.say(f"To check that they are in the right language: {check}")
        known = f", {result.n_known:,} already in the dataset" if result.n_known else ""
        terminal.write(f"{result.dataset.name}: {count(result.n_new, 'clip')} imported{known}.\n")


@app.command("split")
@one_line_errors()
def split_dataset(
    name: DatasetName,
    ratios: Annotated[str, option("A,B,C", "Ratios of train, validation and test.")] = "80,10,10",
    seed: Annotated[int, option("N", "Random seed.")] = 0,
    keep_existing: Annotated[
        bool,
        typer.Option("--keep-existing", help="Only split clips that have no split yet."),
    ] = False,
    group_by: Annotated[
        str, option("KEY", 'What no two splits share: "speaker and sentence", speaker or sentence.')
    ] = "speaker and sentence",
    workspace: WorkspaceDir = None,
) -> None:
    """Split a dataset into train, validation and test without leaks.

    No speaker and no sentence is in more than one split.
    """
    from lab import dataset
    from lab.dataset.splitting import split

    found = dataset.find(Workspace.default(workspace), name)
    try:
        numbers = [float(part) for part in ratios.split(",")]
    except ValueError:
        raise OptionsError(
            f"“{ratios[:40]}” is not a list of ratios. Give three numbers, such as 80,10,10."
        ) from None
    proposal = split(
        found.clips(), ratios=numbers, seed=seed, group_by=group_by, keep_existing=keep_existing
    )
    found.change(proposal.edits, what="split")
    found.compact()
    rows = [("SPLIT", "CLIPS", "HOURS", "SPEAKERS")] + [
        (size.split, str(size.n_clips), f"{size.duration_s / 3600:.2f}", str(size.n_speakers))
        for size in proposal.sizes
    ]
    typer.echo(format_table(rows))
    if proposal.note:
        typer.echo(proposal.note, err=True)
    before, after = len(proposal.leaks_before), len(proposal.leaks_after)
    typer.echo(
        f"{count(proposal.n_changed, 'clip')} moved to another split.\n"
        f"Speakers and sentences in more than one split: {before} before, {after} now.",
        err=True,
    )


@app.command("export")
@one_line_errors()
def export_dataset(
    name: DatasetName,
    output: Annotated[Path, option("PATH", "A new .zip, or a folder that is new or empty.")],
    layout: Annotated[str, option("FORMAT", "audiofolder or nemo.", "--format")] = "audiofolder",
    only: Annotated[
        str | None, option("STATUS", "corrected: only clips that a person has checked.")
    ] = None,
    workspace: WorkspaceDir = None,
) -> None:
    """Export a dataset for other programs, without excluded clips."""
    if only not in (None, _CORRECTED):
        raise OptionsError(f"Unknown --only “{only}”. Use {_CORRECTED}.")
    if output.exists() and not output.is_dir():
        raise OptionsError(f"{output} already exists. Choose another name.")
    from lab import dataset
    from lab.dataset.export import export_dataset

    found = dataset.find(Workspace.default(workspace), name)
    with Terminal() as terminal:
        result = export_dataset(
            found,
            output,
            layout=layout,
            only_corrected=only == _CORRECTED,
            on_progress=terminal.progress(found.name),
        )
        for missing in result.missing[:_MAX_PROBLEMS]:
            terminal.say(f"{missing}: its audio file is missing")
        if len(result.missing) > _MAX_PROBLEMS:
            terminal.say(f"… and {len(result.missing) - _MAX_PROBLEMS} more without audio")
        clips = count(result.n_clips, "clip")
        terminal.write(f"{result.path}: {clips}, {result.duration_s / 3600:.2f} h\n")


def _parse_source(text: str) -> "Source":
    from lab.dataset.importing import LocalSource, VoxLinguaSource
    from lab.importers.voxlingua import language_named

    if text.startswith(_VOXLINGUA):
        return VoxLinguaSource(language_named(text.removeprefix(_VOXLINGUA)))
    return LocalSource(Path(text))


def _confirm(info: "SourceInfo") -> None:
    """Ask whether the format is the detected one; raises OptionsError if it is not."""
    if not _is_interactive():
        raise OptionsError(f"{info.reason} If that is right, add --format {info.format.name}.")
    if not typer.confirm(f"{info.reason} Import it as {info.format.name}?", err=True):
        raise OptionsError("Nothing was imported. Choose the format of the corpus with --format.")


def _is_interactive() -> bool:
    return sys.stdin.isatty()
