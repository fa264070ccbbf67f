"""What a run will take: two batches are tried, and the rest is reckoned."""

import time
from collections.abc import Sequence

import streamlit as st

from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.jobs.estimate import EstimateJob
from lab.training.config import Config
from lab.training.estimate import Estimate
from lab.ui import formatting
from lab.ui.refresh import refresh_delay, refresh_in
from lab.ui.resources import estimate_queue
from lab.ui.training import limits
from lab.ui.training.form import config_of

_FAILURE = "estimate_failure"


def show_estimate(
    workspace: Workspace, dataset: Dataset, config: Config, *, is_possible: bool
) -> None:
    """A button that tries two batches, and what came of it for these settings."""
    jobs = estimate_queue().jobs(workspace)
    job = jobs[-1] if jobs else None
    is_busy = job is not None and not job.is_finished
    st.button(
        "Try two batches",
        icon=":material/speed:",
        disabled=is_busy or not is_possible,
        on_click=_try,
        args=(workspace, dataset.name),
        help="Says how long the run will take on this machine and whether its memory is enough.",
    )
    if failure := st.session_state.pop(_FAILURE, None):
        st.error(formatting.plain(failure), icon=":material/error:")
    if is_busy:
        st.fragment(_look)(workspace)
    elif job and job.config != config:
        st.caption("The settings have changed since two batches were tried.")
    elif job and job.estimate:
        _show(job.estimate, config)
    elif job and job.error:
        st.error(formatting.plain(job.error), icon=":material/error:")


def _look(workspace: Workspace) -> None:
    jobs: Sequence[EstimateJob] = estimate_queue().jobs(workspace)
    if not jobs or jobs[-1].is_finished:
        st.rerun(scope="app")
    job = jobs[-1]
    row = st.container(horizontal=True, vertical_alignment="center")
    row.progress(job.progress, formatting.plain(job.note))
    row.button(
        "Stop",
        key="estimate_stop",
        icon=":material/stop:",
        on_click=estimate_queue().stop,
        args=(workspace, job.id),
    )
    refresh_in(refresh_delay(time.monotonic() - job.submitted_at), key="estimate_refresh")


def _try(workspace: Workspace, dataset_name: str) -> None:
    try:
        config = config_of(dataset_name)  # as it is now, perhaps not drawn yet
        limits.check(workspace, config, 0)
    except LabError as error:
        st.session_state[_FAILURE] = str(error)
    else:
        estimate_queue().clear(workspace)
        estimate_queue().submit(EstimateJob(workspace, config))


def _not_counted(config: Config) -> str:
    is_checked = config.health == "check" and not config.architecture
    rest = " and the check of its health come" if is_checked else " comes"
    return f"That is the training; the evaluation of the model{rest} on top."


def _show(found: Estimate, config: Config) -> None:
    row = st.columns(2)
    row[0].metric("Time", f"about {formatting.rough_duration(found.seconds)}", border=True)
    row[1].metric(
        "Memory",
        formatting.size(found.memory_bytes),
        f"{formatting.size(found.free_bytes)} free",
        delta_color="off",
        delta_arrow="off",
        border=True,
    )
    if found.memory_bytes > found.free_bytes:
        st.error(
            "That is more memory than is free. Make the batches smaller, choose a smaller model, "
            "or close other programs.",
            icon=":material/memory_alt:",
        )
    st.markdown(
        "\n".join(f"- {formatting.plain(sentence)}" for sentence in found.sentences(config))
        + f"\n- A batch takes {found.step_s[0]:.2g} s at the clips’ own length, "
        f"{found.step_s[1]:.2g} s at 30 s.\n"
        f"- {_not_counted(config)}"
    )
    if found.left_out:
        st.caption(f"Left out: {formatting.plain(', '.join(found.left_out))}.")
    for sentence in found.warnings:
        st.warning(formatting.plain(sentence), icon=":material/warning:")
