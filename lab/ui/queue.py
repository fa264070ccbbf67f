"""The jobs of a queue: what runs, how far it is, and a way to stop it."""

import time
from collections.abc import Callable, Sequence

import streamlit as st

from lab.core.workspace import Workspace
from lab.jobs.queue import J, Job, JobQueue
from lab.ui import words
from lab.ui.refresh import pace, refresh_in

_ICONS = {
    "waiting": ":material/schedule:",
    "running": ":material/hourglass_top:",
    "done": ":green[:material/check_circle:]",
    "stopped": ":orange[:material/stop_circle:]",
    "failed": ":red[:material/error:]",
}
# How long it may take until a waiting job is seen to begin.
_WAITING_S = 5.0


def show_queue(
    workspace: Workspace,
    queue: JobQueue[J],
    *,
    key: str,
    title: Callable[[J], str],
    details: Callable[[J], None],
    on_end: Callable[[Sequence[J]], None],
) -> None:
    """The jobs of this workspace, looked at again and again while one of them is not over.

    title: Markdown for the line of a job
    details: draws what stands below that line
    on_end: called with all jobs when one has ended, before the page is drawn again
    """
    jobs = queue.jobs(workspace)
    if not jobs:
        return
    seen = f"{key}_over"
    st.session_state[seen] = _over(jobs)

    def look() -> None:
        jobs = queue.jobs(workspace)
        if _over(jobs) != st.session_state.get(seen):
            # A job has ended: its result is shown outside of this fragment.
            st.session_state[seen] = _over(jobs)
            on_end(jobs)
            st.rerun(scope="app")
        try:
            _head(workspace, queue, jobs, key)
            for job in jobs:
                _job(workspace, queue, job, key, title(job))
                details(job)
                if job.error:
                    st.error(words.plain(job.error), icon=":material/error:")
        finally:  # what cannot be drawn now perhaps can the next time
            if active := [job for job in jobs if not job.is_over]:
                refresh_in(_pace(active), key=f"{key}_refresh")

    with st.container(border=True, key=key):
        st.fragment(look)()


def _pace(active: Sequence[Job]) -> float:
    """Seconds until the next look: by the newest, so that a long list slows down as a whole.

    Where all of them wait for others, it may take longer.
    """
    is_running = any(job.state == "running" for job in active)
    waited_s = time.monotonic() - max(job.since for job in active)
    return pace(waited_s) if is_running else pace(waited_s, most_s=_WAITING_S)


def _head(workspace: Workspace, queue: JobQueue[J], jobs: Sequence[J], key: str) -> None:
    head = st.container(horizontal=True, vertical_alignment="center")
    left = sum(not job.is_over for job in jobs)
    head.markdown(f"**Queue** :gray[{left} to go]" if left else "**Queue**", width="stretch")
    if left < len(jobs):
        head.button(
            "Clear finished",
            key=f"{key}_clear",
            type="tertiary",
            on_click=queue.clear,
            args=(workspace,),
            help="Only the list is cleared. What was made stays in the workspace.",
        )


def _job(workspace: Workspace, queue: JobQueue[J], job: J, key: str, title: str) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.markdown(f"{_ICONS[job.state]} {title} :gray[{words.plain(job.note)}]", width="stretch")
    if not job.is_over:
        row.button(
            "Stop",
            key=f"{key}_stop_{job.id}",
            icon=":material/stop:",
            on_click=queue.stop,
            args=(workspace, job.id),
            help="What is finished until now is kept.",
        )
    if job.state == "running":
        left = "" if job.seconds_left is None else f", about {words.roughly(job.seconds_left)} left"
        st.progress(job.share, f"{job.share:.0%}{left}")


def _over(jobs: Sequence[J]) -> tuple[int, ...]:
    return tuple(job.id for job in jobs if job.is_over)
