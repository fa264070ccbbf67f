"""Runs: how a run goes, what it has heard, and what has become of it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pandas as pd
import streamlit as st

from lab.asr.checkpoints import list_models
from lab.core.errors import LabError, OptionsError
from lab.core.workspace import Workspace
from lab.evaluation import report_files
from lab.jobs import run_process
from lab.training import metrics, runs
from lab.training.config import DEFAULTS
from lab.training.device import AUTO, precisions
from lab.training.run import Run, RunState
from lab.ui import formatting
from lab.ui.differences import differences_html
from lab.ui.refresh import refresh_delay, refresh_in
from lab.ui.training import curves, limits
from lab.ui.training.choosing import choose_run, open_new
from lab.ui.training.files import show_files
from lab.ui.training.finishing import show_best, show_finish, show_finishing
from lab.ui.training.form import set_config
from lab.ui.training.report import show_report
from lab.ui.training.tasks import is_busy

_FAILURE = "run_failure"
_LOOKS = {
    "waiting": ":gray[:material/schedule:]",
    "running": ":material/model_training:",
    "stopping": ":orange[:material/pending:]",
    "stopped": ":orange[:material/pause_circle:]",
    "failed": ":red[:material/error:]",
    "done": ":green[:material/check_circle:]",
}
_LOG_LINES = 200


def show_runs(workspace: Workspace) -> None:
    """All runs, and one of them; raises LabError where its files cannot be read."""
    known = runs.list_all(workspace)
    if failure := st.session_state.pop(_FAILURE, None):
        st.error(formatting.plain(failure), icon=":material/error:")
    if not known:
        st.info("There is no run yet. Begin one in New run.", icon=":material/model_training:")
        return
    head = st.container(horizontal=True, vertical_alignment="center")
    with head:
        run = choose_run(known)
    state = run.status()
    with head:
        _buttons(workspace, run, state)
    if len(known) > 1:
        _overview(known)
    if state.state == "done":
        _state(state)
        _done(workspace, run)
        st.subheader("How it went")
        _course(run)
    else:
        _watch(run, state)
        if state.is_over:
            show_best(workspace, run)
            if run.model_path.is_file():
                _done(workspace, run)
            else:
                show_finishing(workspace)
    show_files(run)


def _buttons(workspace: Workspace, run: Run, state: RunState) -> None:
    if not state.is_over:
        st.button(
            "Stop",
            icon=":material/stop:",
            disabled=state.state == "stopping",
            on_click=_do,
            args=(Run.stop, run),
            help="It saves what it has learned and can be resumed.",
        )
        return
    is_used = is_busy(workspace, run)
    if state.state != "done":
        st.button(
            "Resume" if run.last_checkpoint.exists() else "Start",
            icon=":material/play_arrow:",
            type="primary",
            disabled=is_used,
            on_click=_do,
            args=(partial(_resume, workspace), run),
            help="It goes on from the last state that was saved.",
        )
    st.button(
        "New run like this",
        icon=":material/content_copy:",
        on_click=_do,
        args=(partial(_copy, workspace), run),
        help="Begin with its settings and change what you like.",
    )
    if is_used:
        st.button(
            "Delete",
            icon=":material/delete:",
            disabled=True,
            help="Something is being done with its model. Stop that or wait for it.",
        )
        return
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(
            f"This removes the run **{formatting.plain(run.name)}** with its curves, its evaluation "
            "and its model. What was published or exported stays."
        )
        st.button("Delete for good", type="primary", on_click=_do, args=(runs.delete, run))


def _resume(workspace: Workspace, run: Run) -> None:
    if is_busy(workspace, run):  # since the page was drawn, in another tab
        raise OptionsError("Something is being done with its model. Stop that or wait for it.")
    limits.check(workspace, run.config, 0)
    run_process.start(run)


def _copy(workspace: Workspace, run: Run) -> None:
    config, note = run.config, ""
    if config.precision not in precisions():
        note = f"{run.name} trains in {config.precision}, which this machine cannot. "
        note += "It chooses the precision itself now. "
        config = replace(config, precision=AUTO)
    if config.model not in {info.name for info in list_models(workspace.models_dir)}:
        instead = DEFAULTS.model
        note += (
            f"{run.name} started from the model “{config.model}”, which is not here any more. "
            f"{instead} stands in its place now: choose what to start from."
        )
        config = replace(config, model=instead)
    set_config(config)
    open_new(config.dataset, note=note.strip())


def _do(what: Callable[[Run], None], run: Run) -> None:
    try:
        what(run)
    except LabError as error:
        st.session_state[_FAILURE] = str(error)


def _overview(known: Sequence[Run]) -> None:
    with st.expander(f"All {len(known)} runs", icon=":material/table_rows:"):
        states = [run.status() for run in known]
        table = pd.DataFrame(
            {
                "Run": [run.name for run in known],
                "State": [state.state for state in states],
                "Done": [state.share for state in states],
                "WER before": [state.first_wer for state in states],
                "Best WER": [state.best_wer for state in states],
                "Begun": [datetime.fromtimestamp(one.asked_at, UTC) for one in states],
            }
        )
        percent = st.column_config.NumberColumn(format="percent")
        st.dataframe(
            table,
            hide_index=True,
            key="all_runs",
            column_config={
                "Done": st.column_config.ProgressColumn(format="percent"),
                "WER before": percent,
                "Best WER": percent,
                "Begun": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
            },
        )
        st.caption("WER is of validation, by which the best state of a model is chosen.")


def _watch(run: Run, seen: RunState) -> None:
    """What changes while a run is under way, looked at again and again until it is over."""

    def look() -> None:
        state = run.status()
        if state.state != seen.state:
            st.rerun(scope="app")  # other buttons, and perhaps a report
        _state(state)
        try:
            _course(run)
        except LabError as error:  # nobody else catches it when only this is drawn
            st.error(formatting.plain(str(error)), icon=":material/error:")
        finally:
            if not state.is_over:
                waited_s = time.time() - state.asked_at
                refresh_in(refresh_delay(waited_s, min_s=1.0, max_s=5.0), key="run_refresh")

    st.fragment(look)()


def _state(state: RunState) -> None:
    left = ""
    if state.state == "running" and state.seconds_left:
        left = f", about {formatting.rough_duration(state.seconds_left)} left"
    st.markdown(f"{_LOOKS[state.state]} **{formatting.plain(state.note)}**:gray[{left}]")
    if not state.is_over or state.state == "stopped":
        share = min(state.share, 1.0)
        of = f"batch {state.step:,} of {state.total_steps:,}" if state.total_steps else ""
        speed = f" · {state.clips_per_s:.1f} clips a second" if state.clips_per_s else ""
        st.progress(share, f"{share:.0%} {of}{speed}".strip())
    if state.error:
        st.error(formatting.plain(state.error), icon=":material/error:")
    for sentence in state.warnings:
        st.warning(formatting.plain(sentence), icon=":material/warning:")
    if state.first_wer is not None and state.best_wer is not None:
        st.markdown(
            f":gray[Of 100 words of validation, {100 * state.first_wer:.0f} were wrong before the "
            f"first batch, and {100 * state.best_wer:.0f} with the best state so far.]"
        )


def _course(run: Run) -> None:
    """Its curves, its sentences and its log."""
    if rows := metrics.read(run.folder):
        _curves(rows)
    _sentences(run)
    with st.expander("Log", icon=":material/terminal:", on_change="rerun") as shown:
        if shown.open:
            st.code("\n".join(run.log_tail(_LOG_LINES)) or "Nothing yet.", language=None)


def _curves(rows: Sequence[metrics.Row]) -> None:
    plain = {"displayModeBar": False}
    left, middle, right = st.columns([3, 3, 2])
    with left:
        st.markdown("**Loss**")
        st.plotly_chart(curves.loss(rows), config=plain, key="curve_loss")
    with middle:
        st.markdown("**Errors in validation**")
        st.plotly_chart(curves.errors(rows), config=plain, key="curve_errors")
    with right:
        st.markdown("**Learning rate**")
        st.plotly_chart(curves.learning_rate(rows), config=plain, key="curve_rate")


def _sentences(run: Run) -> None:
    """Some clips of validation as the model heard them at first, and as it hears them now."""
    told = run.sample_transcripts()
    clips, heard = told.get("clips", []), told.get("transcripts", [])
    if not clips or not heard:
        return
    st.markdown("**What it hears in clips of validation**")
    chosen = heard if len(heard) < 2 else [heard[0], heard[-1]]
    for number, clip in enumerate(clips):
        for column, one in zip(st.columns(len(chosen)), chosen, strict=True):
            when = f"Batch {one['step']}" if one["step"] else "Before"
            said, text = str(clip["reference"]), str(one["texts"][number])
            column.html(differences_html(said, text, names=("Said", when)))


def _done(workspace: Workspace, run: Run) -> None:
    show_finishing(workspace)
    st.subheader("Is it better?")
    if (run.folder / report_files.JSON_NAME).exists():
        try:
            show_report(workspace, run.folder, key=f"run_{run.name}")
        except LabError as error:
            st.error(formatting.plain(str(error)), icon=":material/error:")
    show_finish(workspace, run)
