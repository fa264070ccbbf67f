"""`health`: regressions that fine-tuning may have caused in a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import WorkspaceDir, format_table, one_line_errors, option
from lab.cli.terminal import Terminal
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    from lab.asr.engine import Engine

REGRESSED = 1  # exit code; as for `grep` and `diff`, the usage was right and the answer is no


@one_line_errors()
def health(
    model: Annotated[str, option("NAME", "Fine-tuned model: name or path of a run or model.")],
    base: Annotated[str, option("NAME", "Its base model; by default that of the run.")] = "",
    dataset: Annotated[
        str, option("NAME", "Dataset whose test clips to use; by default that of the run.")
    ] = "",
    output: Annotated[Path | None, option("FILE", "Write the report here, as JSON.")] = None,
    workspace: WorkspaceDir = None,
) -> None:
    """Check a fine-tuned model for regressions.

    Compares it with its base model on long recordings, silence, noise, other languages, timestamps,
    repetition and text length. The exit code is 1 if there is a regression.
    """
    from lab import dataset as datasets
    from lab.evaluation import reference_clips
    from lab.health import N_CLIPS, health_check, write_report
    from lab.health.report import FILE_NAME
    from lab.training.models import find_run, load_engine
    from lab.training.provenance import training_files

    place = Workspace.default(workspace)
    run = find_run(place, model)
    base_of_run = run.config.model if run and not run.config.architecture else "base"
    exclude = training_files(run) if run else frozenset()
    with Terminal() as terminal:
        progress = terminal.progress(model)
        clips = []
        if dataset:
            clips = reference_clips.from_dataset(
                datasets.find(place, dataset), N_CLIPS, exclude=exclude, on_progress=progress
            )
        elif run:
            clips = reference_clips.find(place, run.config.dataset, N_CLIPS, exclude=exclude)

        def tuned_engine() -> "Engine":
            return load_engine(place, model, on_progress=progress)

        def base_engine() -> "Engine":
            if base:
                return load_engine(place, base, on_progress=progress)
            from lab.asr.engine import Engine

            # Not `load_engine`, which would prefer a run of that name.
            return Engine.load(base_of_run, models_dir=place.models_dir, on_progress=progress)

        report = health_check(tuned_engine, base_engine, clips, on_progress=progress)
        if target := output or (run and run.folder / FILE_NAME):
            write_report(report, target)
        rows = [(check.state, check.title, check.sentence) for check in report.checks]
        if rows:
            terminal.write(f"{format_table(rows, left=range(3))}\n")
        terminal.write(f"{report.sentence}\n")
    if report.regressions:
        raise typer.Exit(REGRESSED)
