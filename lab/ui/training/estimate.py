"""Estimate the time and memory of a run, from two batches."""

import time

import streamlit as st

from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.jobs.estimate import EstimateJob
from lab.training.config import Config
from lab.training.estimate import Estimate
from lab.ui import formatting
from lab.ui.feedback import attempt, show_error
from lab.ui.refresh import refresh_delay, refresh_in
from lab.ui.server import server
from lab.ui.training.form import config_of
from lab.ui.training.public_limits import check_limits


def show_estimate(
    workspace: Workspace, dataset: Dataset, config: Config, *, is_possible: bool
) -> None:
    """Show a button that starts an estimate, and the last one if it is for this config."""
    job = next(iter(server().estimates.jobs(workspace)[-1:]), None)
    is_busy = job is not None and not job.is_finished
    st.button(
        "Estimate time and memory",
        icon=":material/speed:",
        disabled=is_busy or not is_possible,
        on_click=attempt,
        args=(_submit, workspace, dataset.name),
        help="Trains on two batches, then says how long the run will take on this machine and "
        "whether there is enough memory for it.",
    )
    if is_busy:
        st.fragment(_show_progress)(workspace)
    elif job and job.config != config:
        st.caption("The settings have changed since the last estimate.")
    elif job and job.estimate:
        _show(job.estimate, config)
    elif job and job.error:
        show_error(job.error)


def _show_progress(workspace: Workspace) -> None:
    jobs = server().estimates.jobs(workspace)
    if not jobs or jobs[-1].is_finished:
        st.rerun(scope="app")
    job = jobs[-1]
    row = st.container(horizontal=True, vertical_alignment="center")
    row.progress(job.progress, formatting.escape(job.note))
    row.button(
        "Stop",
        key="estimate_stop",
        icon=":material/stop:",
        on_click=server().estimates.stop,
        args=(workspace, job.id),
    )
    refresh_in(refresh_delay(time.monotonic() - job.submitted_at), key="estimate_refresh")


def _submit(workspace: Workspace, dataset_name: str) -> None:
    config = config_of(dataset_name)  # of the widgets now: the last change may not be drawn yet
    check_limits(workspace, config)
    server().estimates.clear(workspace)
    server().estimates.submit(EstimateJob(workspace, config))


def _show(estimate: Estimate, config: Config) -> None:
    left, right = st.columns(2)
    left.metric("Time", f"about {formatting.rough_duration(estimate.seconds)}", border=True)
    right.metric(
        "Memory",
        formatting.size(estimate.memory_bytes),
        f"{formatting.size(estimate.free_bytes)} free",
        delta_color="off",
        delta_arrow="off",
        border=True,
    )
    if estimate.memory_bytes > estimate.free_bytes:
        st.error(
            "There is not enough free memory. Reduce the batch size, choose a smaller model, or "
            "close other programs.",
            icon=":material/memory_alt:",
        )
    own_length_s, long_form_s = estimate.step_s
    has_check = config.health == "check" and not config.architecture
    extra = "the final evaluation and the regression check" if has_check else "the final evaluation"
    facts = [
        *map(formatting.escape, estimate.sentences(config)),
        f"A batch takes {own_length_s:.2g} s with clips at their own length, {long_form_s:.2g} s "
        "with 30-second windows.",
        f"The time does not include {extra}.",
    ]
    st.markdown("\n".join(f"- {fact}" for fact in facts))
    if estimate.left_out:
        st.caption(f"Skipped: {formatting.escape(', '.join(estimate.left_out))}.")
    for warning in estimate.warnings:
        st.warning(formatting.escape(warning), icon=":material/warning:")
