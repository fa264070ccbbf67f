"""`dataset check`: what would harm a model that learns from a dataset."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import WorkspaceDir, mistakes_in_one_line
from lab.cli.terminal import Terminal
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    from lab.dataset import Dataset, Entry
    from lab.dataset.checks.known import Finding
    from lab.dataset.guard import Verdict

SERIOUS = 1  # exit code

_CLIPS_SHOWN = 3
_LEVELS = {"other": "serious", "unsure": "warning", "alike": "note"}


@mistakes_in_one_line()
def check_dataset(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The dataset.")],
    listen: Annotated[
        bool,
        typer.Option("--listen", help="Listen to the clips that nobody has measured yet."),
    ] = False,
    languages: Annotated[
        bool,
        typer.Option("--languages", help="Let Whisper say which language some clips are in."),
    ] = False,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="The model that says so: tiny, base, small …")
    ] = "base",
    workspace: WorkspaceDir = None,
) -> None:
    """Say what would harm a model that learns from a dataset, the worst first.

    The exit code is 1 if there is something serious, else 0.
    """
    from lab import dataset
    from lab.dataset.checkup import checkup, files_of
    from lab.dataset.sounds import known_sounds, measure_sounds

    place = Workspace.default(workspace)
    found = dataset.find(place, name)
    entries = [entry for entry in found.entries() if entry.status != dataset.EXCLUDED]
    with Terminal() as terminal:
        if listen:
            measure_sounds(found, entries, on_progress=terminal.progress(name))
        verdicts = _verdicts(place, found, entries, model, terminal) if languages else []
        sounds = known_sounds(found)
        findings = checkup(entries, on_disk=files_of(found), sounds=sounds)
        for line in _lines(findings, verdicts):
            terminal.write(f"{line}\n")
        n_unheard = sum(entry.file_name not in sounds for entry in entries)
        if n_unheard:
            terminal.say(
                f"{n_unheard} of {len(entries)} clips were not listened to; --listen looks for "
                "noise, silence, distortion and doubled sound."
            )
    if any(one.severity == "serious" for one in findings) or any(
        one.state == "other" for one in verdicts
    ):
        raise typer.Exit(SERIOUS)


def _verdicts(
    place: Workspace,
    dataset: "Dataset",
    entries: Sequence["Entry"],
    model: str,
    terminal: Terminal,
) -> list["Verdict"]:
    from lab.asr.engine import Engine
    from lab.dataset import guard

    clips = guard.sample(entries)
    engine = Engine.load(model, models_dir=place.models_dir, on_progress=terminal.progress(model))
    progress = terminal.progress(dataset.name)
    heard = tuple(guard.listen(engine, dataset, clips, on_progress=progress))
    guard.save(dataset, guard.Listened(model, heard))
    return guard.verdicts(heard)


def _lines(findings: Sequence["Finding"], verdicts: Sequence["Verdict"]) -> Iterator[str]:
    for verdict in verdicts:
        level = _LEVELS[verdict.state]
        yield f"{level:7}  {verdict.sentence}"
    for one in findings:
        clips = zip(one.clips[:_CLIPS_SHOWN], one.values, strict=False)
        shown = ", ".join(
            f"{PurePosixPath(clip).name} ({value})" if value else PurePosixPath(clip).name
            for clip, value in clips
        )
        more = ", …" if one.n > _CLIPS_SHOWN else ""
        count = "1 clip" if one.n == 1 else f"{one.n} clips"
        yield f"{one.severity:7}  {one.title}: {count}. {shown}{more}"
    if not findings:
        yield "Nothing was found that would harm a model."
