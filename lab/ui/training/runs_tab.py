"""Runs: the progress of a run, its training curves, and what can be done with it."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from lab.asr.checkpoints import list_models
from lab.core.errors import LabError, OptionsError
from lab.core.workspace import Workspace
from lab.jobs import start_run
from lab.training import metrics, runs
from lab.training.config import DEFAULTS
from lab.training.device import AUTO, precisions
from lab.training.run import Run, RunState
from lab.ui import charts, formatting
from lab.ui.differences import differences_html
from lab.ui.feedback import attempt, delete_popover, show_error, show_failure
from lab.ui.refresh import refresh_delay, refresh_in
from lab.ui.tables import show_table
from lab.ui.training import curves
from lab.ui.training.finished_run import show_best_checkpoint, show_files, show_finished_run
from lab.ui.training.form import set_config
from lab.ui.training.navigation import choose_run, open_new_run, state_label
from lab.ui.training.public_limits import check_limits
from lab.ui.training.run_tasks import is_busy, show_run_tasks

_ICONS = {
    "waiting": ":gray[:material/schedule:]",
    "running": ":material/model_training:",
    "stopping": ":orange[:material/pending:]",
    "stopped": ":orange[:material/pause_circle:]",
    "failed": ":red[:material/error:]",
    "done": ":green[:material/check_circle:]",
}
_LOG_LINES = 200
_BUSY = "A background task is using its model. Stop the task or wait for it to finish."
_WER_HELP = (
    "Word error rate: the number of wrong words per 100 words of the validation clips. Lower is "
    "better."
)


def show_runs(workspace: Workspace) -> None:
    """Show all runs, and one of them in detail; raises LabError if its files cannot be read."""
    all_runs = runs.list_all(workspace)
    show_failure()
    if not all_runs:
        st.info("No runs yet. Start one on the **New run** tab.", icon=":material/model_training:")
        return
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        run = choose_run(all_runs)
    state = run.status()
    with row:
        _show_buttons(workspace, run, state)
    if len(all_runs) > 1:
        _show_all(all_runs)
    if state.state == "done":
        _show_state(state)
        show_finished_run(workspace, run)
        st.subheader("Training")
        _show_training(run)
    else:
        _show_live(run, state)
        if state.is_over:
            show_best_checkpoint(workspace, run)
            if run.model_path.is_file():
                show_finished_run(workspace, run)
            else:
                show_run_tasks(workspace)
    show_files(run)


def _show_buttons(workspace: Workspace, run: Run, state: RunState) -> None:
    if not state.is_over:
        st.button(
            "Stop",
            icon=":material/stop:",
            disabled=state.state == "stopping",
            on_click=attempt,
            args=(Run.stop, run),
            help="Saves a checkpoint first, from which the run can be resumed.",
        )
        return
    busy = is_busy(workspace, run)
    if state.state != "done":
        has_checkpoint = run.last_checkpoint.exists()
        st.button(
            "Resume" if has_checkpoint else "Start",
            icon=":material/play_arrow:",
            type="primary",
            disabled=busy,
            on_click=attempt,
            args=(_resume, workspace, run),
            help="Continues from the last checkpoint." if has_checkpoint else None,
        )
    st.button(
        "New run with these settings",
        icon=":material/content_copy:",
        on_click=attempt,
        args=(_copy_settings, workspace, run),
    )
    if busy:
        st.button("Delete", icon=":material/delete:", disabled=True, help=_BUSY)
    else:
        delete_popover(
            f"This permanently deletes the run **{formatting.escape(run.name)}** with its training "
            "curves, evaluation and model. Published and exported copies of the model stay.",
            runs.delete,
            run,
        )


def _resume(workspace: Workspace, run: Run) -> None:
    if is_busy(workspace, run):  # since the page was drawn, in another tab
        raise OptionsError(_BUSY)
    check_limits(workspace, run.config)
    start_run.start(run)


def _copy_settings(workspace: Workspace, run: Run) -> None:
    config, notes = run.config, []
    if config.precision not in precisions():
        notes.append(
            f"{run.name} uses {config.precision}, which this machine does not support, so the "
            f"precision is set to {AUTO}."
        )
        config = replace(config, precision=AUTO)
    if config.model not in {info.name for info in list_models(workspace.models_dir)}:
        notes.append(
            f"{run.name} was fine-tuned from the model “{config.model}”, which no longer exists. "
            f"{DEFAULTS.model} is selected instead."
        )
        config = replace(config, model=DEFAULTS.model)
    set_config(config)
    open_new_run(config.dataset, note=" ".join(notes))


def _show_all(all_runs: Sequence[Run]) -> None:
    with st.expander(f"All {len(all_runs)} runs", icon=":material/table_rows:"):
        states = [run.status() for run in all_runs]
        percent = st.column_config.NumberColumn(format="percent", help=_WER_HELP)
        show_table(
            {
                "Run": [run.name for run in all_runs],
                "State": [state_label(run) for run in all_runs],
                "Progress": [state.share for state in states],
                "Initial WER": [state.first_wer for state in states],
                "Best WER": [state.best_wer for state in states],
                "Started": [datetime.fromtimestamp(state.asked_at, UTC) for state in states],
            },
            key="all_runs",
            column_config={
                "Progress": st.column_config.ProgressColumn(format="percent"),
                "Initial WER": percent,
                "Best WER": percent,
                "Started": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
            },
        )
        st.caption("The checkpoint with the lowest validation WER becomes the model of a run.")


def _show_live(run: Run, drawn: RunState) -> None:
    """Show the progress of a run, and refresh it until the run is over.

    drawn: the state that the rest of the page shows
    """

    def draw() -> None:
        state = run.status()
        if state.state != drawn.state:
            st.rerun(scope="app")  # for other buttons, and perhaps a report
        _show_state(state)
        try:
            _show_training(run)
        except LabError as error:  # the page catches none when only this fragment is drawn
            show_error(error)
        finally:
            if not state.is_over:
                waited_s = time.time() - state.asked_at
                refresh_in(refresh_delay(waited_s, min_s=1.0, max_s=5.0), key="run_refresh")

    st.fragment(draw)()


def _show_state(state: RunState) -> None:
    left = ""
    if state.state == "running" and state.seconds_left:
        left = f", about {formatting.rough_duration(state.seconds_left)} left"
    st.markdown(f"{_ICONS[state.state]} **{formatting.escape(state.note)}**:gray[{left}]")
    if not state.is_over or state.state == "stopped":
        share = min(state.share, 1.0)
        step = f", step {state.step:,} of {state.total_steps:,}" if state.total_steps else ""
        speed = f" · {state.clips_per_s:.1f} clips per second" if state.clips_per_s else ""
        st.progress(share, f"{share:.0%}{step}{speed}")
    if state.error:
        show_error(state.error)
    for warning in state.warnings:
        st.warning(formatting.escape(warning), icon=":material/warning:")
    if state.first_wer is not None and state.best_wer is not None:
        st.markdown(
            f":gray[Validation WER: {state.first_wer:.1%} before training, {state.best_wer:.1%} at "
            "the best checkpoint.]",
            help=_WER_HELP,
        )


def _show_training(run: Run) -> None:
    """Show the training curves, the validation samples and the log."""
    if rows := metrics.read(run.folder):
        figures = {
            "Loss": (
                curves.loss,
                "How improbable the correct text is to the model; it should fall. If only the "
                "validation loss rises, the model is overfitting.",
            ),
            "Validation error rates": (
                curves.error_rates,
                "Wrong words (WER) and wrong characters (CER) in the validation clips, compared "
                "with their texts. Lower is better.",
            ),
            "Learning rate": (
                curves.learning_rate,
                "How much each step changes the weights: it rises during warmup, then falls to 0.",
            ),
        }
        columns = st.columns([3, 3, 2])
        for column, (title, (figure, about)) in zip(columns, figures.items(), strict=True):
            with column:
                st.markdown(f"**{title}**", help=about)
                charts.show(figure(rows), key=f"curve_{figure.__name__}")
    _show_samples(run)
    with st.expander("Log", icon=":material/terminal:", on_change="rerun") as expander:
        if expander.open:
            st.code("\n".join(run.log_tail(_LOG_LINES)) or "The log is empty.", language=None)


def _show_samples(run: Run) -> None:
    """Show how the model transcribed some validation clips at first, and how it does now."""
    samples = run.sample_transcripts()
    clips, transcripts = samples.get("clips", []), samples.get("transcripts", [])
    if not clips or not transcripts:
        return
    st.markdown(
        "**Validation samples**", help="How the model transcribes some of the validation clips."
    )
    shown = [*transcripts[:1], *transcripts[1:][-1:]]
    for number, clip in enumerate(clips):
        for column, one in zip(st.columns(len(shown)), shown, strict=True):
            when = f"Step {one['step']}" if one["step"] else "Before training"
            reference, text = str(clip["reference"]), str(one["texts"][number])
            column.html(differences_html(reference, text, names=("Reference", when)))
