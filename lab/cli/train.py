"""`train`, `train-run` and `runs`: making a better model out of a dataset."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import BAD_INPUT, INTERRUPTED, WorkspaceDir, mistakes_in_one_line
from lab.cli.terminal import Terminal
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace, read_json
from lab.jobs import run_process

if TYPE_CHECKING:
    from lab.dataset import Dataset
    from lab.dataset.splitting import Proposal
    from lab.training.config import Config
    from lab.training.runs import Run, State

_LOOK_EVERY_S = 0.5


@mistakes_in_one_line()
def train(
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME", help="What to learn from.")
    ] = "",
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="What to start from; else base.")
    ] = "",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A config.yaml of another run.")
    ] = None,
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="Settings to begin with: defaults or source-lab.")
    ] = "defaults",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any setting of config.yaml: epochs=2."),
    ] = None,
    name: Annotated[str, typer.Option(metavar="RUN", help="What to call the run.")] = "",
    only_estimate: Annotated[
        bool,
        typer.Option(
            "--estimate", help="Try two batches, say what it will take, and start nothing."
        ),
    ] = False,
    workspace: WorkspaceDir = None,
) -> None:
    """Train a model on a dataset, and compare it with the one that it started from.

    Without splits the dataset is split first. The run is a process of its own: Ctrl+C stops it with
    all that it has learned, and `train-run` goes on.
    """
    from lab import dataset as datasets
    from lab.training import splits

    place = Workspace.default(workspace)
    chosen = _config(config, preset, settings or [], dataset=dataset, model=model)
    _check_model(place, chosen)
    with Terminal() as terminal:
        found = datasets.find(place, chosen.dataset)
        if only_estimate:
            _say_split(f"{found.name} would be split", splits.proposed(found, chosen), terminal)
            _say_what_harms(found, terminal)
            _say_what_it_takes(place, chosen, terminal)
            return
        run, proposal = splits.create_run(place, found, chosen, name=name)
        _say_split(f"Split {found.name}", proposal, terminal)
        _say_what_harms(found, terminal)
        terminal.say(f"The run {run.name} is in {run.folder}.")
        run_process.start(run)
        state = _followed(run, terminal)
        _say_end(run, state, terminal)


@mistakes_in_one_line()
def train_run(
    folder: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="The folder of the run.")],
) -> None:
    """Begin a run, or go on with one that was stopped or broke off, in this process."""
    from lab.jobs.run_training import train as begin
    from lab.training import runs

    state = begin(runs.at(folder))
    # Where one of several processes seems to have failed, Lightning kills the first one too, which
    # still has to evaluate.
    if not runs.is_main_process():
        return
    if state.state != "done":
        raise typer.Exit(INTERRUPTED if state.state == "stopped" else BAD_INPUT)


@mistakes_in_one_line()
def list_runs(workspace: WorkspaceDir = None) -> None:
    """List the runs, the newest first."""
    from lab.training import runs

    rows = [("NAME", "STATE", "STEP", "WER BEFORE", "BEST WER")]
    for run in runs.list_all(Workspace.default(workspace)):
        state = runs.status(run)
        steps = f"{state.step}/{state.total_steps}" if state.total_steps else ""
        rows.append(
            (run.name, state.state, steps, _percent(state.first_wer), _percent(state.best_wer))
        )
    width = max(len(row[0]) for row in rows)
    for called, state_name, steps, first, best in rows:
        typer.echo(f"{called:{width}}  {state_name:8}  {steps:>11}  {first:>10}  {best:>8}")


def _config(
    path: Path | None, preset: str, assignments: list[str], *, dataset: str, model: str
) -> "Config":
    from lab.training.config import PRESETS, Config

    if preset not in PRESETS:
        raise OptionsError(f"There is no preset “{preset[:40]}”; choose {' or '.join(PRESETS)}.")
    chosen = PRESETS[preset]
    if path is not None:
        try:
            chosen = Config.from_yaml(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise OptionsError(f"{path} cannot be read: {error}.") from error
    chosen = chosen.with_set(assignments)
    named = {key: value for key, value in (("dataset", dataset), ("model", model)) if value}
    chosen = replace(chosen, **named)  # type: ignore[arg-type]
    if not chosen.dataset:
        raise OptionsError("Say with --dataset what to learn from; `dataset list` shows them.")
    return chosen


def _check_model(workspace: Workspace, config: "Config") -> None:
    """Before anything is made; the run itself would find out only when its turn has come."""
    from lab.asr.checkpoints import list_models

    names = [info.name for info in list_models(workspace.models_dir)]
    if not config.architecture and config.model not in names:
        raise OptionsError(
            f"There is no model called “{config.model}”. Choose one of: {', '.join(names)}."
        )


def _say_split(what: str, proposal: "Proposal | None", terminal: Terminal) -> None:
    if proposal:
        sizes = ", ".join(f"{size.n_clips} {size.split}" for size in proposal.sizes)
        terminal.say(f"{what}: {sizes}.")
        if proposal.note:
            terminal.say(proposal.note)


def _say_what_harms(found: "Dataset", terminal: Terminal) -> None:
    from lab.dataset.checkup import checkup, files_of
    from lab.dataset.sounds import known_sounds

    findings = checkup(found.entries(), on_disk=files_of(found), sounds=known_sounds(found))
    serious = [f"{one.title} ({one.n})" for one in findings if one.severity == "serious"]
    if serious:
        terminal.say(
            f"The model would learn from what is wrong with clips: {', '.join(serious)}. More by: "
            f"python -m lab dataset check {found.name}"
        )


def _say_what_it_takes(workspace: Workspace, config: "Config", terminal: Terminal) -> None:
    from lab.training import estimate

    found = estimate.ask(workspace, config, on_progress=terminal.progress(config.dataset))
    for sentence in found.sentences(config):
        terminal.write(f"{sentence}\n")
    if found.left_out:
        terminal.write(f"Left out: {', '.join(found.left_out)}.\n")
    minutes = max(round(found.seconds / 60), 1)
    needed, free = (size / 1e9 for size in (found.memory_bytes, found.free_bytes))
    terminal.write(
        f"Training takes about {minutes} min and {needed:.1f} GB of memory ({free:.1f} GB are "
        "free); the evaluation comes on top.\n"
    )
    for sentence in found.warnings:
        terminal.say(sentence)


def _followed(run: "Run", terminal: Terminal) -> "State":
    """Show how a run goes until it is over; Ctrl+C asks it to stop."""
    from lab.training import metrics, runs

    progress = terminal.progress(run.name)
    told_step, told_warnings = -1, 0
    while True:
        try:
            state = runs.status(run)
            for sentence in state.warnings[told_warnings:]:
                terminal.say(sentence)
            told_warnings = len(state.warnings)
            for row in metrics.read(run.folder):
                if row.validation_wer is not None and row.step > told_step:
                    told_step = row.step
                    terminal.say(
                        f"Epoch {row.epoch:.1f}: WER of validation {row.validation_wer:.1%}, "
                        f"CER {row.validation_cer or 0:.1%}."
                    )
            if state.is_over:
                return state
            progress(state.step, state.total_steps or 1, state.note)
            time.sleep(_LOOK_EVERY_S)
        except KeyboardInterrupt:
            terminal.say("Stopping: the run saves what it has learned.")
            runs.stop(run)


def _say_end(run: "Run", state: "State", terminal: Terminal) -> None:
    from lab.evaluation.report_files import JSON_NAME

    if state.state == "failed":
        raise OptionsError(state.error or "The training failed; log.txt says more.")
    if state.state == "stopped":
        terminal.say(f"Stopped. Go on with: python -m lab train-run {run.folder}")
        raise typer.Exit(INTERRUPTED)
    report = run.folder / JSON_NAME
    for sentence in read_json(report)["sentences"] if report.exists() else ():
        terminal.write(f"{sentence}\n")
    terminal.write(f"{run.name}: the model is {run.model_path}\n")


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.1%}"
