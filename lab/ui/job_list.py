"""A list of background jobs with their progress and a button to stop each one."""

import time
from collections.abc import Callable, Sequence

import streamlit as st

from lab.core.workspace import Workspace
from lab.jobs.queue import J, Job, JobQueue
from lab.ui import formatting
from lab.ui.feedback import show_error
from lab.ui.refresh import refresh_delay, refresh_in

_ICONS = {
    "queued": ":material/schedule:",
    "running": ":material/hourglass_top:",
    "done": ":green[:material/check_circle:]",
    "stopped": ":orange[:material/stop_circle:]",
    "failed": ":red[:material/error:]",
}
# The longest delay until the page shows that a queued job has started.
_MAX_DELAY_QUEUED_S = 5.0


def show_jobs(
    workspace: Workspace,
    queue: JobQueue[J],
    *,
    key: str,
    title: Callable[[J], str],
    details: Callable[[J], None] = lambda _: None,
    on_end: Callable[[Sequence[J]], None] = lambda _: None,
) -> None:
    """List the jobs of this workspace, and refresh the list while any of them is active.

    title: Markdown for the line of a job
    details: draws whatever goes below that line
    on_end: called with all jobs when one has ended, before the page runs again
    """
    jobs = queue.jobs(workspace)
    if not jobs:
        return
    finished_key = f"{key}_finished"
    st.session_state[finished_key] = _finished(jobs)

    def draw() -> None:
        jobs = queue.jobs(workspace)
        if _finished(jobs) != st.session_state.get(finished_key):
            # The result of the job is shown outside this fragment.
            st.session_state[finished_key] = _finished(jobs)
            on_end(jobs)
            st.rerun(scope="app")
        try:
            _show_header(workspace, queue, jobs, key)
            for job in jobs:
                _show_job(workspace, queue, job, key, title(job))
                details(job)
                if job.error:
                    show_error(job.error)
        finally:  # keep refreshing: the next attempt to draw may succeed
            if active := [job for job in jobs if not job.is_finished]:
                refresh_in(_delay(active), key=f"{key}_refresh")

    with st.container(border=True, key=key):
        st.fragment(draw)()


def _delay(active: Sequence[Job]) -> float:
    """Seconds until the next refresh, by the job submitted last.

    It may be longer if no job is running, because all wait for other work.
    """
    is_running = any(job.state == "running" for job in active)
    waited_s = time.monotonic() - max(job.submitted_at for job in active)
    return refresh_delay(waited_s, max_s=2.0 if is_running else _MAX_DELAY_QUEUED_S)


def _show_header(workspace: Workspace, queue: JobQueue[J], jobs: Sequence[J], key: str) -> None:
    header = st.container(horizontal=True, vertical_alignment="center")
    n_active = sum(not job.is_finished for job in jobs)
    header.markdown(
        f"**Queue** :gray[{n_active} to go]" if n_active else "**Queue**", width="stretch"
    )
    if n_active < len(jobs):
        header.button(
            "Clear finished",
            key=f"{key}_clear",
            type="tertiary",
            on_click=queue.clear,
            args=(workspace,),
            help="Removes them from this list only. Their results stay in the workspace.",
        )


def _show_job(workspace: Workspace, queue: JobQueue[J], job: J, key: str, title: str) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    note = formatting.escape(job.note)
    row.markdown(f"{_ICONS[job.state]} {title} :gray[{note}]", width="stretch")
    if not job.is_finished:
        row.button(
            "Stop",
            key=f"{key}_stop_{job.id}",
            icon=":material/stop:",
            on_click=queue.stop,
            args=(workspace, job.id),
            help="What has been finished so far is kept.",
        )
    if job.state == "running":
        left_s = job.seconds_left
        left = "" if left_s is None else f", about {formatting.rough_duration(left_s)} left"
        st.progress(job.progress, f"{job.progress:.0%}{left}")


def _finished(jobs: Sequence[J]) -> tuple[int, ...]:
    return tuple(job.id for job in jobs if job.is_finished)
