"""Background tasks for the model of a run: buttons that submit them, and their queue."""

import streamlit as st

from lab.core.workspace import Workspace
from lab.export.verification import Verification
from lab.jobs.run_tasks import RunTaskJob, Task
from lab.training.run import Run
from lab.ui import formatting
from lab.ui.job_list import show_jobs
from lab.ui.server import server
from lab.ui.tables import show_table

_TITLES = {
    "keep": "Saving the best checkpoint of",
    "evaluate": "Evaluating",
    "health": "Regression check of",
    "publish": "Publishing",
    "export": "Exporting",
}
_OUTCOMES = {
    "verified": ":green[:material/verified:]",
    "differs": ":red[:material/error:]",
    "inconclusive": ":orange[:material/help:]",
}


def is_busy(workspace: Workspace, run: Run, **values: str) -> bool:
    """Whether a task of the run is queued or running; values: of fields of the `RunTaskJob`"""
    return any(
        job.run == run
        and not job.is_finished
        and all(getattr(job, name) == value for name, value in values.items())
        for job in server().run_tasks.jobs(workspace)
    )


def submit(
    workspace: Workspace,
    run: Run,
    task: Task,
    name: str = "",
    file_format: str = "",
    precision: str = "",
) -> None:
    """Submit a task with the settings of a `RunTaskJob`."""
    server().run_tasks.submit(RunTaskJob(workspace, run, task, name, file_format, precision))


def task_button(label: str, icon: str, workspace: Workspace, run: Run, task: Task) -> None:
    """Show a button that submits a task without settings."""
    st.button(
        label,
        icon=icon,
        key=f"task_{task}",
        disabled=is_busy(workspace, run, task=task),
        on_click=submit,
        args=(workspace, run, task),
    )


def show_run_tasks(workspace: Workspace) -> None:
    """Show the queue of tasks for all runs."""
    show_jobs(
        workspace,
        server().run_tasks,
        key="run_tasks",
        title=lambda job: f"{_TITLES[job.task]} {formatting.escape(job.run.name)}",
        details=_show_result,
    )


def show_verification(verification: Verification) -> None:
    """Show whether an export transcribes like the model here, and the clips where it does not."""
    st.markdown(f"{_OUTCOMES[verification.outcome]} {formatting.escape(verification.sentence)}")
    differing = [clip for clip in verification.clips if clip.lab != clip.library]
    if differing:
        show_table(
            {
                "Reference": [clip.reference for clip in differing],
                "Lab": [clip.lab for clip in differing],
                verification.library: [clip.library for clip in differing],
            }
        )


def _show_result(job: RunTaskJob) -> None:
    if job.state == "done" and job.task == "publish":
        st.success(
            f"**{formatting.escape(job.name)}** can now be selected on every page.",
            icon=":material/celebration:",
        )
    if job.verification:
        show_verification(job.verification)
