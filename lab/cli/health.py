"""`health`: what training may have broken in a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import WorkspaceDir, mistakes_in_one_line
from lab.cli.terminal import Terminal
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    from lab.asr.engine import Engine

RED = 1  # exit code, as of `grep` and `diff`: the call was right, the answer is no


@mistakes_in_one_line()
def health(
    model: Annotated[
        str, typer.Option(metavar="NAME", help="The tuned model: a run, a model, or a path.")
    ],
    base: Annotated[
        str, typer.Option(metavar="NAME", help="What it was made from; of a run that is known.")
    ] = "",
    dataset: Annotated[
        str,
        typer.Option(metavar="NAME", help="Whose test clips both hear; of a run that is known."),
    ] = "",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the figures here, as JSON.")
    ] = None,
    workspace: WorkspaceDir = None,
) -> None:
    """Compare a tuned model with its base where training on short clips does harm.

    A long recording, silence, noise, other languages, times, repeats, lengths. The exit code is 1
    if something is red.
    """
    from lab import dataset as datasets
    from lab.evaluation import reference_clips
    from lab.health import N_CLIPS, clips_of, health_check, write_report
    from lab.health.report import FILE_NAME
    from lab.training.models import load_engine, run_named
    from lab.training.provenance import learned

    place = Workspace.default(workspace)
    run = run_named(place, model)
    known = run.config.model if run and not run.config.architecture else "base"
    not_learned = learned(run) if run else frozenset()
    with Terminal() as terminal:
        progress = terminal.progress(model)
        if dataset:
            clips = reference_clips.from_dataset(
                datasets.find(place, dataset), N_CLIPS, without=not_learned, on_progress=progress
            )
        else:
            clips = clips_of(place, run.config.dataset, without=not_learned) if run else []

        def tuned_engine() -> "Engine":
            return load_engine(place, model, on_progress=progress)

        def base_engine() -> "Engine":
            if base:
                return load_engine(place, base, on_progress=progress)
            from lab.asr.engine import Engine

            # What a run started from was never another run, whatever runs are called now.
            return Engine.load(known, models_dir=place.models_dir, on_progress=progress)

        found = health_check(tuned_engine, base_engine, clips, on_progress=progress)
        if output or run:
            write_report(found, output or run.folder / FILE_NAME)  # type: ignore[union-attr]
        width = max(len(check.title) for check in found.checks)
        for check in found.checks:
            terminal.write(f"{check.state:5}  {check.title:{width}}  {check.sentence}\n")
        terminal.write(f"{found.sentence}\n")
    if found.red:
        raise typer.Exit(RED)
