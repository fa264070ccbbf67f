"""`train`, `train-run` and `runs`: fine-tune models on datasets."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import (
    BAD_INPUT,
    INTERRUPTED,
    WorkspaceDir,
    format_table,
    one_line_errors,
    option,
    preset_named,
    read_settings,
)
from lab.cli.terminal import Terminal
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace, read_json
from lab.jobs import start_run

if TYPE_CHECKING:
    from lab.dataset import Dataset
    from lab.dataset.splitting import SplitProposal
    from lab.training.config import Config
    from lab.training.run import Run, RunState

_POLL_S = 0.5


@one_line_errors()
def train(
    dataset: Annotated[str, option("NAME", "Dataset to train on.", "--dataset")] = "",
    model: Annotated[str, option("NAME", "Base model; base by default.", "--model")] = "",
    config: Annotated[
        Path | None, option("FILE", "Settings: the config.yaml of another run.")
    ] = None,
    preset: Annotated[
        str, option("NAME", "Settings without --config: defaults or source-lab.")
    ] = "defaults",
    overrides: Annotated[
        list[str] | None, option("KEY=VALUE", "Change a setting, such as epochs=2.", "--set")
    ] = None,
    name: Annotated[str, option("RUN", "Name of the run.")] = "",
    only_estimate: Annotated[
        bool,
        typer.Option("--estimate", help="Only estimate time and memory, from two batches."),
    ] = False,
    workspace: WorkspaceDir = None,
) -> None:
    """Fine-tune a model on a dataset.

    Then compares it with its base model. A dataset without splits is split first. The run is a
    separate process: Ctrl+C saves a checkpoint and stops it, and `train-run` resumes it.
    """
    from lab import dataset as datasets
    from lab.training import run_creation

    place = Workspace.default(workspace)
    chosen = _config(config, preset, overrides or [], dataset=dataset, model=model)
    _check_model(place, chosen)
    with Terminal() as terminal:
        found = datasets.find(place, chosen.dataset)
        if only_estimate:
            proposal = run_creation.propose_split(found, chosen)
            _show_split(f"{found.name} would be split", proposal, terminal)
            _show_serious_findings(found, terminal)
            _show_estimate(place, chosen, terminal)
            return
        run, proposal = run_creation.create_run(place, found, chosen, name=name)
        _show_split(f"Split {found.name}", proposal, terminal)
        _show_serious_findings(found, terminal)
        terminal.say(f"Folder of the run {run.name}: {run.folder}")
        start_run.start(run)
        _show_end(run, _follow(run, terminal), terminal)


@one_line_errors()
def train_run(
    folder: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Folder of the run.")],
) -> None:
    """Start or resume a run in this process."""
    from lab.jobs.training_process import train as train_here
    from lab.training import runs
    from lab.training.run import is_main_process

    state = train_here(runs.from_folder(folder))
    # If another process exits with an error, Lightning kills the main one, which still has to
    # evaluate.
    if is_main_process() and state.state != "done":
        raise typer.Exit(INTERRUPTED if state.state == "stopped" else BAD_INPUT)


@one_line_errors()
def list_runs(workspace: WorkspaceDir = None) -> None:
    """List the runs, newest first."""
    from lab.training import runs

    def percent(rate: float | None) -> str:
        return "" if rate is None else f"{rate:.1%}"

    rows = [("NAME", "STATE", "STEP", "INITIAL WER", "BEST WER")]
    for run in runs.list_all(Workspace.default(workspace)):
        state = run.status()
        step = f"{state.step}/{state.total_steps}" if state.total_steps else ""
        rows.append(
            (run.name, state.state, step, percent(state.first_wer), percent(state.best_wer))
        )
    typer.echo(format_table(rows, left=(0, 1)))


def _config(
    path: Path | None, preset: str, overrides: list[str], *, dataset: str, model: str
) -> "Config":
    from lab.training.config import PRESETS, Config

    config = preset_named(preset, PRESETS)
    if path is not None:
        config = read_settings(Config, path)
    config = config.with_overrides(overrides)
    config = replace(config, dataset=dataset or config.dataset, model=model or config.model)
    if not config.dataset:
        raise OptionsError("Add --dataset NAME; `dataset list` shows the datasets.")
    return config


def _check_model(workspace: Workspace, config: "Config") -> None:
    """Raise OptionsError for an unknown model now, not only when the run starts."""
    from lab.asr.checkpoints import list_models

    names = [info.name for info in list_models(workspace.models_dir)]
    if not config.architecture and config.model not in names:
        raise OptionsError(
            f"There is no model called “{config.model}”. Choose one of: {', '.join(names)}."
        )


def _show_split(title: str, proposal: "SplitProposal | None", terminal: Terminal) -> None:
    if proposal:
        sizes = ", ".join(f"{size.n_clips} {size.split}" for size in proposal.sizes)
        terminal.say(f"{title}: {sizes}.")
        if proposal.note:
            terminal.say(proposal.note)


def _show_serious_findings(dataset: "Dataset", terminal: Terminal) -> None:
    from lab.dataset.checks.run import check_dataset

    serious = [
        f"{finding.check.title} ({len(finding.clips)})"
        for finding in check_dataset(dataset)
        if finding.check.severity == "serious"
    ]
    if serious:
        terminal.say(
            f"The dataset has serious problems: {', '.join(serious)}. For details: "
            f"python -m lab dataset check {dataset.name}"
        )


def _show_estimate(workspace: Workspace, config: "Config", terminal: Terminal) -> None:
    from lab.training.estimate import estimate_training

    progress = terminal.progress(config.dataset)
    estimate = estimate_training(workspace, config, on_progress=progress)
    for sentence in estimate.sentences(config):
        terminal.write(f"{sentence}\n")
    if estimate.left_out:
        terminal.write(f"Skipped: {', '.join(estimate.left_out)}.\n")
    minutes = max(round(estimate.seconds / 60), 1)
    needed, free = (size / 1e9 for size in (estimate.memory_bytes, estimate.free_bytes))
    terminal.write(
        f"Training takes about {minutes} min and {needed:.1f} GB of memory ({free:.1f} GB free), "
        "without the final evaluation.\n"
    )
    for warning in estimate.warnings:
        terminal.say(warning)


def _follow(run: "Run", terminal: Terminal) -> "RunState":
    """Show the progress of a run until it is over; Ctrl+C asks it to stop."""
    from lab.training import metrics

    progress = terminal.progress(run.name)
    last_step, n_warnings = -1, 0
    while True:
        try:
            state = run.status()
            for warning in state.warnings[n_warnings:]:
                terminal.say(warning)
            n_warnings = len(state.warnings)
            for row in metrics.read(run.folder):
                if row.validation_wer is not None and row.step > last_step:
                    last_step = row.step
                    terminal.say(
                        f"Epoch {row.epoch:.1f}: validation WER {row.validation_wer:.1%}, "
                        f"CER {row.validation_cer or 0:.1%}."
                    )
            if state.is_over:
                return state
            progress(state.step, state.total_steps or 1, state.note)
            time.sleep(_POLL_S)
        except KeyboardInterrupt:
            terminal.say("Stopping: the run is saving a checkpoint.")
            run.stop()


def _show_end(run: "Run", state: "RunState", terminal: Terminal) -> None:
    from lab.evaluation.report_files import JSON_NAME

    if state.state == "failed":
        raise OptionsError(state.error or f"The training failed; see {run.log_path}.")
    if state.state == "stopped":
        terminal.say(f"Stopped. Resume it with: python -m lab train-run {run.folder}")
        raise typer.Exit(INTERRUPTED)
    report = run.folder / JSON_NAME
    for sentence in read_json(report)["sentences"] if report.exists() else ():
        terminal.write(f"{sentence}\n")
    terminal.write(f"Model of {run.name}: {run.model_path}\n")
