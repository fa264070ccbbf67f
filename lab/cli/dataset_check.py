"""`dataset check`: problems of a dataset that would harm a model."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import DatasetName, WorkspaceDir, count, one_line_errors, option
from lab.cli.terminal import Terminal
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    from lab.dataset import Dataset, DatasetClip
    from lab.dataset.checks.registry import Finding
    from lab.dataset.language_check import LanguageVerdict

SERIOUS = 1  # exit code

_MAX_CLIPS = 3  # named for each finding
_SEVERITIES = {"mismatch": "serious", "uncertain": "warning", "match": "note"}


@one_line_errors()
def check_dataset(
    name: DatasetName,
    analyse: Annotated[
        bool,
        typer.Option("--analyse", help="Analyse the audio of clips not analysed yet."),
    ] = False,
    languages: Annotated[
        bool,
        typer.Option("--languages", help="Detect the language of a sample of clips with Whisper."),
    ] = False,
    model: Annotated[str, option("NAME", "Model for --languages: tiny, base, small …")] = "base",
    workspace: WorkspaceDir = None,
) -> None:
    """Check a dataset for problems that would harm a model.

    The exit code is 1 if there are serious problems, else 0.
    """
    from lab import dataset
    from lab.dataset.audio_stats import analyse_clips, load_audio_stats
    from lab.dataset.checks import run

    place = Workspace.default(workspace)
    found = dataset.find(place, name)
    clips = [clip for clip in found.clips() if clip.status != dataset.EXCLUDED]
    with Terminal() as terminal:
        if analyse:
            analyse_clips(found, clips, on_progress=terminal.progress(name))
        verdicts = _check_languages(place, found, clips, model, terminal) if languages else []
        findings = run.check_dataset(found)
        for line in _lines(findings, verdicts):
            terminal.write(f"{line}\n")
        stats = load_audio_stats(found)
        if n_missing := sum(clip.file_name not in stats for clip in clips):
            terminal.say(
                f"The audio of {n_missing:,} of {count(len(clips), 'clip')} has not been analysed; "
                "--analyse looks for noise, silence, clipping and duplicates."
            )
    if any(finding.check.severity == "serious" for finding in findings) or any(
        verdict.state == "mismatch" for verdict in verdicts
    ):
        raise typer.Exit(SERIOUS)


def _check_languages(
    workspace: Workspace,
    dataset: "Dataset",
    clips: Sequence["DatasetClip"],
    model: str,
    terminal: Terminal,
) -> list["LanguageVerdict"]:
    from lab.asr.engine import Engine
    from lab.dataset import language_check

    loading = terminal.progress(model)
    engine = Engine.load(model, models_dir=workspace.models_dir, on_progress=loading)
    detected = tuple(
        language_check.detect_languages(
            engine,
            dataset,
            language_check.sample(clips),
            on_progress=terminal.progress(dataset.name),
        )
    )
    language_check.save(dataset, language_check.LanguageCheck(model, detected))
    return language_check.verdicts(detected)


def _lines(findings: Sequence["Finding"], verdicts: Sequence["LanguageVerdict"]) -> Iterator[str]:
    for verdict in verdicts:
        yield f"{_SEVERITIES[verdict.state]:7}  {verdict.sentence}"
    for finding in findings:
        clips = ", ".join(
            f"{PurePosixPath(clip).name} ({value})" if value else PurePosixPath(clip).name
            for clip, value in zip(finding.clips[:_MAX_CLIPS], finding.values, strict=False)
        )
        check, n_clips = finding.check, len(finding.clips)
        more = ", …" if n_clips > _MAX_CLIPS else ""
        yield f"{check.severity:7}  {check.title}: {count(n_clips, 'clip')}. {clips}{more}"
    if not findings:
        yield "No problems found."
